package wiring

import (
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher/ledger"
)

// TestLeftOut: what the rules leave out is told with the setting that says so, and what was mended
// goes with the attachment that it concerns.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	part := func(header, body string) string { return "--b\r\n" + header + "\r\n\r\n" + body + "\r\n" }
	message := "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		part("Content-Type: text/plain", "hello") +
		part("Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf", "%PDF-1.7") +
		part("Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a/b.pdf\"", "%PDF-1.7 two") +
		part("Content-Type: text/csv\r\nContent-Disposition: attachment; filename=t.csv", "1,2") +
		part("Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=small.pdf", "%P") +
		part("Content-Type: application/pgp-signature\r\nContent-Disposition: attachment; filename=signature.asc", "-----BEGIN PGP SIGNATURE-----") +
		part("Content-Type: application/zip", "PK") + "--b--\r\n"
	options := extractor.Options{DropNoise: true, Filter: &extractor.Filter{
		Include: []extractor.Rule{{Types: []string{"application/*"}}},
		Exclude: []extractor.Rule{{MaxSize: 1}, {Names: []string{"small*"}}, {Types: []string{"application/zip"}}},
	}}
	sink, err := new(settings).output("hans", t.TempDir(), nil).OpenSink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	sink.(*folder).rules.Extract = options
	s, err := sink.Stage(t.Context(), "u", strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	want := []ledger.LeftOut{
		{Name: "t.csv", Size: 3, Why: "no rule of include takes it", Setting: "include"},
		{Name: "small.pdf", Size: -1, Why: "rule 2 of exclude takes it", Setting: "exclude[1]"},
		{Name: "signature.asc", Size: 29, Why: "noise: a signature of the mail", Setting: "noise"},
		{Name: "application/zip without a name", Size: -1, Why: "rule 3 of exclude takes it", Setting: "exclude[2]"},
	}
	if !slices.Equal(s.LeftOut, want) {
		t.Errorf("left out\n%+v, want\n%+v", s.LeftOut, want)
	}
	if len(s.Attachments) != 2 || len(s.Attachments[0].Repairs) != 0 {
		t.Fatalf("attachments %+v", s.Attachments)
	}
	if r := s.Attachments[1].Repairs; len(r) != 1 || r[0] != "the name was changed to be safe as a file name: a/b.pdf" {
		t.Errorf("repairs %q", r)
	}
}
