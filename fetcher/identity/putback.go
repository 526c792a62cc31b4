package identity

import (
	"context"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// FindPutBack returns those of the messages about to be delivered that were delivered and
// deleted before. undated answers for each of them as [Undated] does.
func (x *Matcher) FindPutBack(ctx context.Context, messages []*ledger.Message, undated func(*ledger.Message) bool) (map[*ledger.Message]bool, error) {
	if x.Account.FetchChangedUIDLs {
		return nil, nil
	}
	messages = slices.DeleteFunc(slices.Clone(messages), func(m *ledger.Message) bool { return m.State != ledger.Delivered || m.Retried })
	gone, err := x.Ledger.Gone(ctx, x.Account.Name, messages)
	back := make(map[*ledger.Message]bool, len(gone))
	for _, m := range messages {
		if before, found := gone[m]; found && (!undated(m) || before.Size == m.Size) {
			back[m] = true
			x.Log.Warn().Str("uidl", foreign.UIDL(m.UIDL)).Str("before", foreign.UIDL(before.UIDL)).
				Msg("message was delivered before and deleted, and is there again: it is left on the server")
		}
	}
	return back, err
}

// NoteRecognized records the messages listed again (again), and those that somebody put back
// (back). The latter are neither delivered again nor deleted, because whoever put them back may
// need them.
func (x *Matcher) NoteRecognized(ctx context.Context, again []ledger.Key, back []ledger.Listed) error {
	err := x.NoteListedAgain(ctx, again)
	if err == nil && len(back) > 0 {
		_, err = x.Ledger.Adopt(ctx, x.Account.Name, back, time.Time{})
	}
	return err
}
