package ping

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

const (
	maxCalls    = 8
	maxAttempts = 5
	lastWords   = 3 * time.Second // for what waits at the end
	firstRetry  = 6 * time.Second // and three times as long each time
	// every is the least time between two pings for all accounts.
	every = time.Minute
	// late is how old the scheduler's last beat may be. It beats every two seconds.
	late = 30 * time.Second
)

// what is the kind of a ping: the last element of the path.
type what string

const (
	start   what = "start"
	success what = ""
	failure what = "fail"
)

// whole is the name of the slot for all accounts. No account has it.
const whole = ""

// Options say how to ping.
type Options struct {
	Client *outbound.Client
	Log    zerolog.Logger
	// Words says in a few words what failed at a poll of an account. They must hold no secret.
	Words func(account string, err error) string
}

// Pinger sends pings. Use [New]. Its methods may be called from many goroutines at once.
type Pinger struct {
	options Options

	mu     sync.Mutex
	wake   *sync.Cond       // a slot is ready, or it ends
	slots  map[string]*slot // by account; whole for all
	ready  []string         // accounts whose slot has something to send
	ended  bool
	report time.Time // when the last ping for all was made, at first when all began
	logged time.Time // when something was logged last

	sent, failed, lost atomic.Int64
}

// slot is one URL and what is to be sent there.
type slot struct {
	ref      config.SecretRef
	pending  *ping
	sending  *ping // its call runs
	attempts int   // of what is pending
	busy     bool  // a call runs, or what is pending waits for its next attempt
	failing  bool  // the last call failed, and this was logged
}

type ping struct {
	what what
	body string
}

// New returns a pinger that has no URL yet.
func New(o Options) *Pinger {
	p := &Pinger{options: o, slots: make(map[string]*slot), report: time.Now()} // the start comes first
	p.wake = sync.NewCond(&p.mu)
	return p
}

// Configure takes the URLs of a configuration, in place of those before. What waits for a URL that
// stays is still sent.
func (p *Pinger) Configure(c *config.Config) {
	refs := map[string]config.SecretRef{whole: c.Ping}
	for _, a := range c.Enabled() {
		refs[a.Name] = a.Ping
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, ref := range refs {
		switch s := p.slots[name]; {
		case ref.IsZero():
			delete(refs, name)
		case s == nil:
			p.slots[name] = &slot{ref: ref}
		default:
			s.ref = ref
		}
	}
	for name := range p.slots {
		if _, ok := refs[name]; !ok {
			delete(p.slots, name)
		}
	}
}

// Observe pings for an account, as its poll begins and ends.
func (p *Pinger) Observe(e event.Event) {
	switch e := e.(type) {
	case event.Started:
		p.put(e.Account, start, "")
	case event.Done:
		switch {
		case e.Err == nil:
			p.put(e.Account, success, "")
		case errors.Is(e.Err, context.Canceled): // attachd stops, and nothing failed
		case p.has(e.Account):
			p.put(e.Account, failure, p.options.Words(e.Account, e.Err))
		}
	}
}

// Report pings for all accounts, at most once a minute however often it is called.
func (p *Pinger) Report(now time.Time, s *status.Snapshot) {
	p.mu.Lock()
	due := now.Sub(p.report) >= every && now.Sub(s.Machine.Beat) <= late
	if due {
		p.report = now
	}
	p.mu.Unlock()
	if due {
		p.Conclude(s)
	}
}

// Conclude pings for all accounts now: for polls that are made once, when they are done.
func (p *Pinger) Conclude(s *status.Snapshot) {
	if s.OK() {
		p.put(whole, success, "")
	} else {
		p.put(whole, failure, words.Visible(s.Sentence))
	}
}

// has reports whether an account has a URL.
func (p *Pinger) has(account string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots[account] != nil
}

// put has something sent to the URL of an account. What waits there gives way, except a result to a
// start.
func (p *Pinger) put(account string, w what, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.slots[account]
	if s == nil || w == start && s.pending != nil && s.pending.what != start {
		return
	}
	if s.pending != nil && s.pending != s.sending {
		p.lost.Add(1)
	}
	s.pending, s.attempts = &ping{w, body}, 0
	p.offer(account, s)
}

// offer hands a slot to the workers, unless one has it or it waits for its next attempt.
func (p *Pinger) offer(account string, s *slot) {
	if s.busy || s.pending == nil {
		return
	}
	s.busy = true
	p.ready = append(p.ready, account)
	p.wake.Signal()
}

// Run sends pings until ctx ends. It begins with the start of attachd. What waits at the end has
// some seconds to be sent, once: a run that polls once would ping for nobody else.
func (p *Pinger) Run(ctx context.Context) {
	sending, give := context.WithCancel(context.WithoutCancel(ctx))
	defer give()
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended = true
		p.wake.Broadcast()
		time.AfterFunc(lastWords, give)
	})
	defer stop()
	p.put(whole, start, "")
	var workers sync.WaitGroup
	for range maxCalls {
		workers.Go(func() {
			for p.sendNext(sending) {
			}
		})
	}
	workers.Wait()
}

// sendNext waits for a slot and sends what is pending there. It returns false at the end.
func (p *Pinger) sendNext(ctx context.Context) bool {
	p.mu.Lock()
	for len(p.ready) == 0 && !p.ended {
		p.wake.Wait()
	}
	if len(p.ready) == 0 {
		p.mu.Unlock()
		return false
	}
	account := p.ready[0]
	p.ready = p.ready[1:]
	s := p.slots[account]
	if s == nil { // a reload took it away
		p.mu.Unlock()
		return true
	}
	sending := s.pending
	s.sending = sending
	s.attempts++
	p.mu.Unlock()
	err := p.call(ctx, s.ref, *sending)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(ctx, account, s, sending, err)
	return true
}

// settle takes the result of a call.
func (p *Pinger) settle(ctx context.Context, account string, s *slot, sent *ping, err error) {
	s.busy, s.sending = false, nil
	switch {
	case err == nil:
		p.sent.Add(1)
		if s.failing {
			s.failing = false
			p.log(p.options.Log.Info(), account, "pings arrive again")
		}
	case ctx.Err() == nil:
		p.failed.Add(1)
		if !s.failing {
			s.failing = true
			p.log(p.options.Log.Warn().Err(err), account, "ping failed, it is tried again")
		}
	}
	switch {
	case s.pending != sent: // something newer came
		if err != nil {
			p.lost.Add(1)
		}
	case err == nil:
		s.pending = nil
	case s.attempts >= maxAttempts:
		s.pending = nil
		p.lost.Add(1)
	default:
		p.later(account, s)
		return
	}
	p.offer(account, s)
}

// log logs that pings of an account fail or arrive again: at most one line in a minute, as all
// accounts may use the same service.
func (p *Pinger) log(line *zerolog.Event, account, text string) {
	now := time.Now()
	if now.Sub(p.logged) < every {
		return
	}
	p.logged = now
	if account != whole {
		line = line.Str("account", account)
	}
	line.Msg(text)
}

// later offers a slot when its next attempt is due.
func (p *Pinger) later(account string, s *slot) {
	wait := firstRetry
	for range s.attempts - 1 {
		wait *= 3
	}
	s.busy = true
	time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		s.busy = false
		if p.slots[account] == s {
			p.offer(account, s)
		}
	})
}

// call makes one call. The URL is read now, so that it can be changed while attachd runs.
func (p *Pinger) call(ctx context.Context, ref config.SecretRef, g ping) error {
	text, err := ref.Resolve(ctx)
	if err != nil {
		return err
	}
	target, err := address(string(text), g.what)
	if err != nil {
		return err
	}
	r := outbound.Request{Method: http.MethodGet, URL: target}
	if g.body != "" {
		r.Method, r.Body = http.MethodPost, []byte(g.body)
		r.Header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	}
	return p.options.Client.Do(ctx, r)
}

// address puts what is said behind the path of a URL.
func address(text string, w what) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", errors.New("the URL cannot be used: it must be like https://example.org/…")
	}
	if w != success {
		u = u.JoinPath(string(w))
	}
	return u.String(), nil
}

// Stats counts pings since the start.
type Stats struct {
	Sent   int64
	Failed int64 // calls; one ping may need several
	Lost   int64 // pings that gave way to newer ones or failed too often
}

// Stats returns the counts so far.
func (p *Pinger) Stats() Stats {
	return Stats{Sent: p.sent.Load(), Failed: p.failed.Load(), Lost: p.lost.Load()}
}
