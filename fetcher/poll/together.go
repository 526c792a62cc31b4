package poll

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// takers are the servers that answered all that was sent with a login. They are not asked for
// their capabilities before it. The record is in memory only: it saves one round trip, and a
// write for each change of a greeting would cost more.
type takers struct {
	mu        sync.Mutex
	greetings map[string][]string // guarded by mu: by address
}

// mostGreetings bounds the greetings of one address: several servers may stand behind it, and
// some greet with words that are never the same.
const mostGreetings = 8

func (t *takers) has(addr, greeting string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.greetings[addr], greeting)
}

func (t *takers) add(addr, greeting string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.greetings[addr]
	if slices.Contains(known, greeting) {
		return
	}
	if t.greetings == nil {
		t.greetings = make(map[string][]string)
	}
	t.greetings[addr] = append(known[max(len(known)-mostGreetings+1, 0):], greeting)
}

func (t *takers) forget(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.greetings, addr)
}

// noteTogether records what became of commands that were sent with the login.
//
// A server may answer one of them before the login, so that its refusal looks like that of the
// login. The login is not tried again at once: two failures lock an account sooner than one. It is
// sent alone for a day, unless the server has taken commands with it before, or said by a
// response code that it means the login.
func (v *visit) noteTogether(ctx context.Context, p *poll, err error) error {
	addr := v.Account.Addr
	switch {
	case p.step > stepList:
		if p.mailbox.Traits().Window > 1 { // CAPA after the login says the same
			v.poller.together.add(addr, p.greeting)
		}
		return nil
	case err == nil, ctx.Err() != nil:
		return nil
	}
	reply, refused := mailbox.Refused(err)
	if !refused {
		v.poller.together.forget(addr)
	}
	if p.step != stepLogin || p.known || refused && !reply.Unexplained() {
		return nil
	}
	if err := v.Ledger.SetHost(ctx, addr, ledger.Host{LoginAlone: v.poller.now().Add(fallbackLasts)}); err != nil {
		return fmt.Errorf("record what is known of %s: %w", addr, err)
	}
	return nil
}
