package poll

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// stopGrace is how long a visit that is stopped waits for the server's word that the messages under
// way came whole. A batch takes about as long. Without that word they would be retrieved again.
// Where no message is under way, a server has as long for an answer before QUIT.
const stopGrace = 1500 * time.Millisecond

// errLeft ends a visit whose account has other settings now, or is polled no more. What it has
// delivered is not to be deleted by the settings of before.
var errLeft = fmt.Errorf("the account's settings changed, or it is polled no more: %w", context.Canceled)

// stop tells a session that its visit is to end.
type stop struct {
	visit   context.Context // of the visit, nil before linger
	leaving context.Context // see [Visit]
	open    atomic.Bool     // messages are staged, and not known to be whole
	works   atomic.Bool     // messages are retrieved or deleted: what is coming is waited for
}

// linger returns a context for the session. It ends with the visit's, or up to stopGrace later if
// messages are staged that are not known to be whole. It also ends stopGrace after the account has
// other settings, unless the session has come to the messages: a server that hangs must not hold up
// what somebody mends. The function ends it at once.
func (s *stop) linger(ctx context.Context) (context.Context, context.CancelFunc) {
	s.visit = ctx
	session, end := context.WithCancelCause(context.WithoutCancel(ctx))
	hangUp := func() { end(context.Cause(ctx)) }
	unwatch := context.AfterFunc(ctx, func() {
		if s.open.Load() {
			time.AfterFunc(stopGrace, hangUp)
		} else {
			hangUp()
		}
	})
	stay := context.AfterFunc(s.leaving, func() {
		time.AfterFunc(stopGrace, func() {
			if !s.works.Load() {
				end(errLeft)
			}
		})
	})
	return session, func() { stay(); unwatch(); hangUp() }
}

// err returns why the visit is to end, nil if it is not.
func (s *stop) err() error {
	if err := context.Cause(s.visit); err != nil || s.leaving.Err() == nil {
		return err
	}
	return errLeft
}

// because returns err as the end of a visit that is to end, whatever broke in the session then.
func (s *stop) because(err error) error {
	if err != nil && s.visit != nil && s.err() == errLeft && !errors.Is(err, errLeft) {
		return fmt.Errorf("%w; %w", errLeft, err)
	}
	return err
}
