package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/dovecottest"
)

// TestStartOnDovecot: on a real server, what was there before the start is not fetched, also when
// the server gives all messages other UIDLs. It is fetched when somebody asks for it.
func TestStartOnDovecot(t *testing.T) {
	t.Parallel()
	for start, first := range map[string][]string{"now": nil, "30d": {"recent"}} {
		t.Run(start, func(t *testing.T) {
			t.Parallel()
			server := dovecottest.Start(t, dovecottest.Options{Users: map[string]string{"u0": "pw0"}})
			dir := t.TempDir()
			l := &life{t: t, server: server, output: filepath.Join(dir, "out")}
			l.config = apptest.Server{Addr: server.Addr(), Certificate: server.CertPEM()}.Config(t, dir, "after: delete", "start: "+start)
			send := func(name string, ago time.Duration) {
				t.Helper()
				raw := fmt.Sprintf("Received: from a by b; %s\r\nMessage-ID: <%s@example.org>\r\nContent-Type: text/csv\r\n"+
					"Content-Disposition: attachment; filename=%s.csv\r\n\r\n%s\r\n", time.Now().Add(-ago).Format(time.RFC1123Z), name, name, name)
				if err := server.Append("u0", []byte(raw)); err != nil {
					t.Fatal(err)
				}
			}
			delivered := func(when string, want ...string) {
				t.Helper()
				files, err := filepath.Glob(filepath.Join(l.output, "*", "*.csv"))
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, f := range files {
					got = append(got, strings.TrimSuffix(filepath.Base(f), ".csv"))
				}
				slices.Sort(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("%s: delivered %q, want %q", when, got, want)
				}
			}
			var old []string
			for i := range lifeMessages {
				old = append(old, fmt.Sprintf("old%02d", i))
				send(old[i], 40*24*time.Hour)
			}
			send("recent", 3*24*time.Hour)
			l.poll()
			delivered("first", first...)
			send("later", 0)
			l.poll()
			came := append(slices.Clone(first), "later")
			delivered("later", came...)
			out, err := l.attachd("state", "check")
			if want := fmt.Sprintf("%d messages on the server before the account's start", lifeMessages+1-len(first)); err != nil || !strings.Contains(out, want) {
				t.Errorf("%v, check says\n%s", err, out)
			}
			l.forget()
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			send("after the move", 0)
			l.poll()
			came = append(came, "after the move")
			l.poll()
			delivered("moved", came...)
			if n, err := server.Count("u0"); err != nil || n != lifeMessages+1-len(first) {
				t.Errorf("%d messages left on the server, %v", n, err)
			}
			if out, err := l.attachd("state", "forget", "--skipped", "lab"); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			l.poll()
			delivered("all", slices.Concat(old, []string{"recent", "later", "after the move"})...)
		})
	}
}
