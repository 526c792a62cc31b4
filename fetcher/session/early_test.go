package session_test

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// simulated returns a server and an endpoint of it.
func simulated(t *testing.T) (*pop3test.Server, *session.Endpoint) {
	t.Helper()
	s := pop3test.NewServer()
	s.Users = map[string]string{"u": "p"}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, &session.Endpoint{
		Addr: s.Addr(), Username: "u", Auth: session.AuthPass,
		Password: func(context.Context) (string, error) { return "p", nil },
		TLS:      func() (*tls.Config, error) { return &tls.Config{RootCAs: s.CertPool()}, nil },
	}
}

// TestEarly: the first session is opened on the early connection, the next on one of its own.
func TestEarly(t *testing.T) {
	t.Parallel()
	s, e := simulated(t)
	early := e.Connect(t.Context(), zerolog.Nop())
	defer early.Close()
	for want := 1; want <= 2; want++ {
		waits := 0
		box, err := early.Open(t.Context(), session.Options{Waiting: func(waiting bool) {
			if waits++; !waiting {
				waits -= 2
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := box.Stat(); err != nil {
			t.Error(err)
		}
		if err := box.Quit(); err != nil {
			t.Error(err)
		}
		if n := s.Sessions(); n != want {
			t.Errorf("%d sessions, want %d", n, want)
		}
		if waits != 0 {
			t.Errorf("%d waits are not over", waits)
		}
	}
}

// TestEarlyUnused: a connection that nobody takes ends, and nothing was sent on it.
func TestEarlyUnused(t *testing.T) {
	t.Parallel()
	s, e := simulated(t)
	early := e.Connect(t.Context(), zerolog.Nop())
	early.Close()
	s.Wait()
	if log := s.Log(); len(log) > 0 {
		t.Errorf("it sent %q", log)
	}
}

// TestEarlyEnds: the session ends with the context that opened it.
func TestEarlyEnds(t *testing.T) {
	t.Parallel()
	_, e := simulated(t)
	early := e.Connect(t.Context(), zerolog.Nop())
	defer early.Close()
	ctx, end := context.WithCancelCause(t.Context())
	box, err := early.Open(ctx, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	cause := errors.New("stopped")
	end(cause)
	for err == nil { // the context may take a moment
		_, _, err = box.Stat()
	}
	if !errors.Is(err, cause) {
		t.Error(err)
	}
}

// TestEarlyFails: what fails early is told as it is without.
func TestEarlyFails(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *pop3test.Server, e *session.Endpoint){
		"password": func(_ *pop3test.Server, e *session.Endpoint) {
			e.Password = func(context.Context) (string, error) { return "", errors.New("locked") }
		},
		"settings": func(_ *pop3test.Server, e *session.Endpoint) {
			e.TLS = func() (*tls.Config, error) { return nil, errors.New("no file") }
		},
		"certificate": func(_ *pop3test.Server, e *session.Endpoint) {
			e.TLS = func() (*tls.Config, error) { return &tls.Config{}, nil }
		},
		"wrong password": func(s *pop3test.Server, _ *session.Endpoint) { s.Users = nil },
		"gone":           func(s *pop3test.Server, _ *session.Endpoint) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, e := simulated(t)
			spoil(s, e)
			early := e.Connect(t.Context(), zerolog.Nop())
			defer early.Close()
			first, got := early.Open(t.Context(), session.Options{})
			second, want := early.Open(t.Context(), session.Options{})
			if got == nil || want == nil || got.Error() != want.Error() || first.Step != second.Step {
				t.Errorf("step %v: %v\nwant step %v: %v", first.Step, got, second.Step, want)
			}
			if log := s.Log(); name != "wrong password" && slices.ContainsFunc(log, func(c string) bool { return strings.Contains(c, "PASS") }) {
				t.Errorf("it sent %q", log)
			}
		})
	}
}
