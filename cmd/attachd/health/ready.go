package health

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// remembered is how long the result of a check is good for, however many ask.
	remembered = 5 * time.Second
	// patience is how long a check may take. A folder on a server that is gone may never answer.
	patience = 2 * time.Second
)

// Check is one thing that attachd needs to do its work.
type Check struct {
	// Name is what the answer calls it, such as "state". It is the same for everybody, and holds no
	// path.
	Name string
	// Test looks, and says what is wrong. It may take long; nobody waits for it beyond two seconds,
	// and it is not called again before it returned. ctx ends after these two seconds.
	Test func(ctx context.Context) error
}

// readiness is the answer of /readyz in JSON.
type readiness struct {
	Ready bool `json:"ready"`
	// Checks has "ok" or "failed" for each name.
	Checks map[string]string `json:"checks"`
}

// Ready answers /readyz: 200 and "ok" if all checks are well, 503 and the names of those that
// failed if not. Results are kept for 5 seconds. The log gets the error when a check fails first,
// and a line when it is well again. When running has ended, the answer is 503 at once.
func Ready(running context.Context, log zerolog.Logger, checks ...Check) http.Handler {
	probes := make([]*probe, len(checks))
	for i, c := range checks {
		probes[i] = &probe{Check: c, log: log}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		good := make([]bool, len(probes))
		var asking sync.WaitGroup
		for i, p := range probes {
			asking.Go(func() { good[i] = p.good(r.Context()) })
		}
		asking.Wait()
		said := readiness{Ready: true, Checks: make(map[string]string, len(probes))}
		var failed []string
		for i, p := range probes {
			said.Checks[p.Name] = "ok"
			if !good[i] {
				said.Ready, said.Checks[p.Name] = false, "failed"
				failed = append(failed, p.Name)
			}
		}
		text := "ok"
		if running.Err() != nil {
			said.Ready, said.Checks["running"] = false, "stopping"
			failed = append(failed, "attachd is stopping")
		}
		if !said.Ready {
			text = "not ready: " + strings.Join(failed, ", ")
		}
		answer(w, r, said.Ready, text, said)
	})
}

// errSilent is the result of a check that does not return.
var errSilent = fmt.Errorf("no answer within %v", patience)

// probe is a check with its last result.
type probe struct {
	Check
	log zerolog.Logger

	mu     sync.Mutex
	at     time.Time     // guarded by mu, as is all below: when the result came; zero before the first
	err    error         // the result
	silent bool          // somebody waited in vain for the check that runs
	ended  chan struct{} // closed when the check that runs has its result; nil if none runs
}

// good reports whether all is well, by the last result or by a new one.
func (p *probe) good(ctx context.Context) bool {
	p.mu.Lock()
	if p.ended == nil && (p.at.IsZero() || time.Since(p.at) >= remembered) {
		p.ended = make(chan struct{})
		go p.test(p.ended)
	}
	if ended := p.ended; ended != nil && !p.silent {
		p.mu.Unlock()
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
		case <-ctx.Done():
		}
		p.mu.Lock()
		if ctx.Err() == nil && p.ended == ended {
			p.silent = true
			p.set(errSilent)
		}
	}
	defer p.mu.Unlock()
	return p.err == nil
}

// test runs the check once.
func (p *probe) test(ended chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := p.Test(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent, p.ended, p.at = false, nil, time.Now()
	p.set(err)
	close(ended)
}

// set takes a result, with mu held.
func (p *probe) set(err error) {
	switch {
	case err != nil && (p.err == nil || err.Error() != p.err.Error()):
		p.log.Error().Str("check", p.Name).Err(err).Msg("not ready")
	case err == nil && p.err != nil:
		p.log.Info().Str("check", p.Name).Msg("ready again")
	}
	p.err = err
}
