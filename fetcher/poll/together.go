package poll

import (
	"context"
	"slices"
	"sync"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// takers are the servers that answered all that was sent with a login. They are not asked for
// their capabilities before it, which saves one round trip. The ledger has the last greeting that
// was new, for the next process.
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

// add reports whether the greeting is to be recorded: it is new, and one of the first. Writes for a
// server that never greets twice alike would cost more than they save.
func (t *takers) add(addr, greeting string) (record bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.greetings[addr]
	if slices.Contains(known, greeting) {
		return false
	}
	if t.greetings == nil {
		t.greetings = make(map[string][]string)
	}
	t.greetings[addr] = append(known[max(len(known)-mostGreetings+1, 0):], greeting)
	return len(known) < mostGreetings
}

func (t *takers) forget(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.greetings, addr)
}

// takesTogether reports whether the server is known to take commands with the login.
func (v *visit) takesTogether(greeting string) bool {
	return greeting != "" && greeting == v.together || v.poller.together.has(v.Account.Addr, greeting)
}

// noteTogether finds out what became of commands that were sent with the login, and returns what is
// to be recorded of it: what is known of the server, or that what is recorded is to be forgotten.
//
// A server may answer one of them before the login, so that its refusal looks like that of the
// login. A refused login is not tried again at once: two failures lock an account sooner than one.
// One at which the line broke is, one command at a time (see fallbackAfter). It is sent alone for a
// day, unless the server has taken commands with it before, or said by a
// response code that it means the login. A server that took them is asked for its capabilities
// again by the next process: the software behind the greeting may have changed.
func (v *visit) noteTogether(ctx context.Context, p *poll, err error) (known ledger.Host, forget bool) {
	together, addr := &v.poller.together, v.Account.Addr
	switch {
	case p.step > stepList:
		// CAPA after the login says the same.
		if p.mailbox.Traits().Window > 1 && together.add(addr, p.greeting) && p.greeting != v.together {
			known.Together = p.greeting
		}
		return known, false
	case err == nil, ctx.Err() != nil:
		return known, false
	}
	reply, refused := mailbox.Refused(err)
	if !refused {
		together.forget(addr)
	}
	explained := refused && !reply.Unexplained()
	if p.step == stepLogin && !p.known && !explained {
		known.LoginAlone = v.poller.now().Add(fallbackLasts)
	}
	return known, v.together != "" && !explained
}
