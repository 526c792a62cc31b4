package fetcher

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

func quitFails(t *testing.T) {
	deletedAndCut := func(c *pop3test.Conn) { c.Commit(); c.Cut() }
	oneByOne := func(s *pop3test.Server) { s.Pipelining = false }
	unconfirmed := []string{"confirm 3 deletions", ""}
	// With pipelining the connection may have broken because of that, so another session follows at
	// once.
	subtests(t, map[string]play{
		"cut, not deleted":             {server: oneByOne, hook: first(1, on("QUIT", (*pop3test.Conn).Cut)), errs: unconfirmed},
		"cut, deleted":                 {server: oneByOne, hook: first(1, on("QUIT", deletedAndCut)), errs: unconfirmed},
		"cut, not deleted, pipelining": {hook: first(1, on("QUIT", (*pop3test.Conn).Cut))},
		"cut, deleted, pipelining":     {hook: first(1, on("QUIT", deletedAndCut))},
		"cut always":                   {hook: on("QUIT", deletedAndCut)},
		"refused":                      {hook: first(1, answers("QUIT", "-ERR some deleted messages not removed\r\n")), errs: []string{"not removed", ""}},
		"silent":                       {server: oneByOne, hook: first(1, on("QUIT", (*pop3test.Conn).Hang)), hasty: true, errs: unconfirmed},
		"kept, silent":                 {keep: true, hook: first(1, on("QUIT", (*pop3test.Conn).Cut)), errs: []string{"", ""}},
	})
}

func twoDaemons(t *testing.T) {
	w, sink := play{}.begin(t)
	lease, err := w.ledger.Lease(t.Context(), "lab", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.once(t); !errors.Is(err, ledger.ErrLeased) || w.server.Sessions() != 0 {
		t.Errorf("error %v and %d sessions, want %v and none", err, w.server.Sessions(), ledger.ErrLeased)
	}
	lease.Release()
	if err := w.once(t); err != nil {
		t.Error(err)
	}
	play{want: []string{"one\r\n", "two\r\n", "three\r\n"}}.check(t, w, sink)
}

func gmailModel(t *testing.T) {
	for _, step := range []string{"stage", "sync", "publish", "sync folders"} {
		var broken atomic.Bool
		broken.Store(true)
		w, _ := play{
			server: func(s *pop3test.Server) { s.Retr.ConsumesAtQuit = true },
			errs:   []string{"disk on fire", ""},
			keep:   true, want: []string{"one\r\n", "two\r\n", "three\r\n"},
			sink: func(s *tally) {
				s.fail = func(at string) error {
					if strings.HasPrefix(at, step) && broken.Swap(false) {
						return errors.New("disk on fire")
					}
					return nil
				}
			},
			left: 3,
		}.run(t)
		log := strings.Join(w.server.Log(), "\n")
		if strings.Count(log, "QUIT") != 1 {
			t.Errorf("%s fails: want one QUIT, of the second poll\n%s", step, log)
		}
	}
}

func deletesOnRetr(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w, sink := play{keep: keep, server: func(s *pop3test.Server) { s.Retr.DeletesAtOnce = true }}.begin(t)
		for range 2 {
			if err := w.once(t); err != nil {
				t.Error(err)
			}
		}
		play{want: []string{"one\r\n", "two\r\n", "three\r\n"}}.check(t, w, sink)
	}
}
