package poll

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// stopGrace is how long a visit that is stopped waits for the server's word that the messages under
// way came whole. A batch takes about as long. Without that word they would be retrieved again.
const stopGrace = 1500 * time.Millisecond

// errLeft ends a visit whose account has other settings now, or is polled no more. What it has
// delivered is not to be deleted by the settings of before.
var errLeft = fmt.Errorf("the account's settings changed, or it is polled no more: %w", context.Canceled)

// stop tells a session that its visit is to end.
type stop struct {
	visit   context.Context // of the visit, nil before linger
	leaving func() bool     // see [Visit]
	open    atomic.Bool     // messages are staged, and not known to be whole
}

// linger returns a context for the session. It ends with the visit's, or up to stopGrace later if
// messages are staged that are not known to be whole. The function ends it at once.
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
	return session, func() { unwatch(); hangUp() }
}

// err returns why the visit is to end, nil if it is not.
func (s *stop) err() error {
	if err := context.Cause(s.visit); err != nil || !s.leaving() {
		return err
	}
	return errLeft
}
