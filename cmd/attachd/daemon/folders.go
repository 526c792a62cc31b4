package daemon

import (
	"context"
	"path/filepath"
	"time"

	"github.com/attachd/attachd/cmd/attachd/health"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
)

// lookEvery is how often the folders are looked at.
const lookEvery = 10 * time.Second

// watchFolders reports folders that can't be written, until ctx ends. /readyz looks at the same
// ones. Without this, an account would have to get mail first.
func (s *services) watchFolders(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		s.lookAtState(ctx)
		s.lookAtOutputs(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// test is the readiness test of one folder.
func test(ctx context.Context, folder string) error {
	return health.Folders(func() []string { return []string{folder} })(ctx)
}

func (s *services) lookAtState(ctx context.Context) {
	const key = "folder/state"
	if err := test(ctx, filepath.Dir(s.options.Config.State)); err != nil && ctx.Err() == nil {
		s.board.Report(key, status.Report{Class: trouble.StateReadOnly, Said: []string{err.Error()}})
		return
	}
	s.board.Over(key)
}

// lookAtOutputs leaves out accounts whose polls fail: these tell of their folder themselves.
func (s *services) lookAtOutputs(ctx context.Context) {
	const key = "folder/output"
	r := status.Report{Class: trouble.OutputForbidden}
	failing := make(map[string]bool)
	accounts := s.board.Snapshot().Accounts
	for i := range accounts {
		failing[accounts[i].Name] = accounts[i].Failures > 0
	}
	for _, a := range s.config().Enabled() {
		if failing[a.Name] {
			continue
		}
		if err := test(ctx, a.Output); err != nil {
			r.Accounts, r.Said = append(r.Accounts, a.Name), append(r.Said, err.Error())
		}
	}
	switch {
	case ctx.Err() != nil:
	case len(r.Accounts) > 0:
		s.board.Report(key, r)
	default:
		s.board.Over(key)
	}
}
