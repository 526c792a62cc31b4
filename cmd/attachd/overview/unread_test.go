package overview_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/overview"
	"github.com/attachd/attachd/cmd/attachd/status"
)

// damaged is a history that can't be read.
type damaged struct{ records }

var errDamaged = errors.New("file is not a database")

func (*damaged) Days(context.Context, time.Time, int) ([]history.Came, error) { return nil, errDamaged }

func (*damaged) LastPolls(context.Context, int) (map[string][]history.Poll, error) {
	return nil, errDamaged
}

// TestUnread: a history that can't be opened, or not be read, keeps nobody from all the rest.
func TestUnread(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*overview.Sources){
		"opened": func(s *overview.Sources) { s.History, s.Unread = nil, errDamaged },
		"read":   func(s *overview.Sources) { s.History = new(damaged) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sources(t)
			fill(t, s, now)
			broken(&s)
			for _, running := range []bool{false, true} {
				if running {
					board := status.NewBoard(status.Options{Now: s.Now})
					board.Configured(s.Config, nil)
					board.Refresh()
					serve(t, s.State, status.Handler(board.Snapshot))
				}
				o, text := gather(t, s, overview.Style{})
				if o.Running != running || o.Came != nil || o.Unread != errDamaged.Error() || len(o.Accounts) == 0 {
					t.Errorf("running %v: %+v", running, o)
				}
				if want := "\nWhat came in is not known: the history can't be read\n    | file is not a database\n"; !strings.Contains(text, want) {
					t.Errorf("%q is not in:\n%s", want, text)
				}
			}
		})
	}
}
