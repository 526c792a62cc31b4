package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestCheckWarnsOfCertificates says of each server's certificate when it ends, and aloud when that
// is soon.
func TestCheckWarnsOfCertificates(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, test := range []struct {
		end  time.Time
		want string
	}{
		{now.Add(15*24*time.Hour + time.Hour), ""},
		{now.Add(10*24*time.Hour + time.Hour), " (WARNING: in 10 days)"},
		{now.Add(-time.Minute), " (WARNING: has expired)"},
	} {
		s := pop3test.NewServer()
		s.Users, s.CertificateEnd = map[string]string{"u0": "pw0"}, test.end
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		path := apptest.Server{Addr: s.Addr(), Certificate: s.CertPEM()}.Config(t, t.TempDir())
		apptest.Rewrite(t, path, "ca_file: ca.pem", "insecure_skip_verify: true")
		var stdout bytes.Buffer
		code := run([]string{"check", "--online", "--config", path}, strings.NewReader(""), &stdout, io.Discard, app.Hooks{})
		if want := ", certificate until " + test.end.UTC().Format(time.DateOnly) + test.want + "  "; code != exitOK || !strings.Contains(stdout.String(), want) {
			t.Errorf("exit code %d, want the output to hold %q:\n%s", code, want, stdout.String())
		}
	}
}
