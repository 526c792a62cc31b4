package app_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/poll"
)

// TestLogins fetches by every way to log in, over implicit TLS and STLS.
func TestLogins(t *testing.T) {
	t.Parallel()
	for server, start := range apptest.Servers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := start(t, apptest.Notes(3))
			for _, tls := range []string{"implicit", "starttls"} {
				for auth, mechanism := range map[string]string{"auto": "APOP", "apop": "APOP", "pass": "USER/PASS", "plain": "PLAIN", "login": "LOGIN"} {
					t.Run(tls+" "+auth, func(t *testing.T) {
						dir := t.TempDir()
						lines := []string{"auth: " + auth}
						if tls == "starttls" {
							lines = append(lines, tls)
						}
						o, log := apptest.Once(t, s.Config(t, dir, lines...), config.LevelDebug)
						if !wentWell(o) {
							t.Fatalf("%+v\n%s", o, log)
						}
						if want := `"mechanism":"` + mechanism + `"`; !strings.Contains(log, want) {
							t.Errorf("log lacks %s:\n%s", want, log)
						}
						apptest.CheckNotes(t, filepath.Join(dir, "out", "lab"), 3)

						dir = t.TempDir()
						o, log = apptest.Once(t, s.Config(t, dir, append(lines, "password: swordfish")...), "")
						if len(o.Failed) == 0 || !strings.Contains(log, "log in to ") || !strings.Contains(log, " with "+mechanism+": server said: -ERR") {
							t.Errorf("wrong password: %+v\n%s", o, log)
						}
						if strings.Contains(log, "swordfish") {
							t.Errorf("the password is in the log:\n%s", log)
						}
					})
				}
			}
		})
	}
}

// TestThousand keeps a mailbox of 1,000 messages (or a quarter of them), looks again, and then
// deletes them: nothing may come twice, and deleting must fetch nothing.
func TestThousand(t *testing.T) {
	t.Parallel()
	n := testsize.Of(250, 1000)
	for server, start := range apptest.Servers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := start(t, apptest.Notes(n))
			dir := t.TempDir()
			output := filepath.Join(dir, "out", "lab")
			for poll := range 2 {
				if o, log := apptest.Once(t, s.Config(t, dir, "after: keep"), ""); !wentWell(o) {
					t.Fatalf("poll %d: %+v\n%s", poll, o, log)
				}
				apptest.CheckNotes(t, output, n)
				if left := s.Left(); left != n {
					t.Fatalf("%d messages left, want all kept", left)
				}
			}
			apptest.TakeAll(t, output)
			// Not due yet: nothing is deleted.
			if o, log := apptest.Once(t, s.Config(t, dir, "after: delete", "delete_after: 1h"), ""); !wentWell(o) || s.Left() != n {
				t.Fatalf("%+v, %d messages left, want %d\n%s", o, s.Left(), n, log)
			}
			if o, log := apptest.Once(t, s.Config(t, dir, "after: delete"), ""); !wentWell(o) || s.Left() != 0 {
				t.Fatalf("%+v, %d messages left, want none\n%s", o, s.Left(), log)
			}
			if found := apptest.NotesIn(t, output); len(found) != 0 {
				t.Errorf("%d files were delivered again", len(found))
			}
		})
	}
}

// TestDeleteAtOnce fetches and deletes in one poll.
func TestDeleteAtOnce(t *testing.T) {
	t.Parallel()
	for server, start := range apptest.Servers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := start(t, apptest.Notes(100))
			dir := t.TempDir()
			if o, log := apptest.Once(t, s.Config(t, dir, "after: delete"), ""); !wentWell(o) || s.Left() != 0 {
				t.Fatalf("%+v, %d messages left, want none\n%s", o, s.Left(), log)
			}
			apptest.CheckNotes(t, filepath.Join(dir, "out", "lab"), 100)
		})
	}
}

// TestResume: an account keeps its TLS session from poll to poll, and servers go on with it, over
// implicit TLS and STLS.
func TestResume(t *testing.T) {
	t.Parallel()
	for server, start := range apptest.Servers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			for _, mode := range []string{"implicit", "starttls"} {
				lines := []string{"auth: auto"}
				if mode == "starttls" {
					lines = append(lines, mode)
				}
				c, _, err := config.Load(s.Config(t, t.TempDir(), lines...))
				if err != nil {
					t.Fatal(err)
				}
				a := wiring.Accounts(c, nil)[0]
				for i := range 3 {
					p, err := poll.Check(t.Context(), a.Account, zerolog.Nop())
					if err != nil || p.Resumed != (i > 0) {
						t.Errorf("%s, connection %d: resumed %t, %v", mode, i+1, p.Resumed, err)
					}
				}
			}
		})
	}
}

// wentWell reports whether no account failed and nothing is in quarantine.
func wentWell(o *app.Outcome) bool { return len(o.Failed) == 0 && o.Quarantined == 0 }
