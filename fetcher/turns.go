package fetcher

import (
	"context"
	"sync"
)

// turns lets one goroutine of this process at a time work on an account. A lease keeps other
// processes away and refuses at once. Within a process, who works on a quarantine and who polls
// wait for each other instead. The zero turns is ready for use.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // guarded by mu: by account, closed when the turn is over
}

// take waits for an account and takes it. It fails with the error of ctx when that ends. Call
// release once.
func (t *turns) take(ctx context.Context, account string) (release func(), err error) {
	for {
		t.mu.Lock()
		before := t.taken[account]
		if before == nil {
			over := make(chan struct{})
			if t.taken == nil {
				t.taken = make(map[string]chan struct{})
			}
			t.taken[account] = over
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.taken, account)
				close(over)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
