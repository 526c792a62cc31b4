package wiring

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestReadEnvelope: a header is decoded, its texts are bounded and in UTF-8, and its date keeps its
// zone.
func TestReadEnvelope(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 3, 1, 9, 30, 0, 0, time.FixedZone("", 2*60*60))
	const dated = "Date: Sun, 1 Mar 2026 09:30:00 +0200\n"
	for name, tt := range map[string]struct {
		header string
		want   ledger.Envelope
	}{
		"all": {
			"From: =?utf-8?Q?J=C3=B6rg?= <j@example.org>\nTo: a@example.org,\n b@example.org\nCc: c@example.org\nSubject: =?utf-8?Q?M=C3=A4rz?=\n" + dated,
			ledger.Envelope{From: "Jörg <j@example.org>", To: "a@example.org, b@example.org, c@example.org", Subject: "März", Date: date},
		},
		"Cc alone":   {"Cc: c@example.org\n", ledger.Envelope{To: "c@example.org"}},
		"an odd day": {"Subject: a\x1b[2Jb\nDate: yesterday\n", ledger.Envelope{Subject: "a\x1b[2Jb"}},
		"too long":   {"Subject: " + strings.Repeat("ä", 10_000) + "\n", ledger.Envelope{Subject: strings.Repeat("ä", ledger.MaxText/2)}},
		"nothing":    {"X-Mailer: none\n", ledger.Envelope{}},
	} {
		got := ReadEnvelope([]byte(strings.ReplaceAll(tt.header, "\n", "\r\n") + "\r\n"))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		_, want := tt.want.Date.Zone()
		if _, zone := got.Date.Zone(); zone != want {
			t.Errorf("%s: the zone is %d seconds off UTC, want %d", name, zone, want)
		}
	}
	if got := ReadEnvelope([]byte("From: \xff\xfe\xfd <a@example.org>\r\n\r\n")); !utf8.ValidString(got.From) {
		t.Errorf("from %q is no UTF-8", got.From)
	}
}
