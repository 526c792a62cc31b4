package session_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/attachd/attachd/fetcher/dovecottest"
	"github.com/attachd/attachd/fetcher/session"
)

func dovecot(t *testing.T) *dovecottest.Server {
	t.Helper()
	s := dovecottest.Start(t, dovecottest.Options{Users: map[string]string{"u0": "pw0"}})
	if err := s.Append("u0", []byte("Subject: first\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return s
}

// at returns an endpoint of the server that is verified as config says.
func at(s *dovecottest.Server, config *tls.Config) *session.Endpoint {
	return &session.Endpoint{
		Addr: s.Addr(), Username: "u0", Auth: session.AuthAuto,
		Password: func(context.Context) (string, error) { return "pw0", nil },
		TLS:      func() (*tls.Config, error) { return config.Clone(), nil },
	}
}

// TestSessionIsFrozen: on a real server, an open session does not see mail that arrives. This is
// why no session is kept for the next poll.
func TestSessionIsFrozen(t *testing.T) {
	t.Parallel()
	s := dovecot(t)
	e := at(s, &tls.Config{RootCAs: s.CertPool()})
	count := func(box *session.Session) int {
		t.Helper()
		n, _, err := box.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	kept, err := e.Open(t.Context(), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if n := count(kept); n != 1 {
		t.Fatalf("%d messages, want 1", n)
	}
	if err := s.Append("u0", []byte("Subject: second\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if n := count(kept); n != 1 {
		t.Errorf("the open session sees %d messages: sessions could be kept", n)
	}
	var keys int
	if _, err := kept.Keys(func(int, string) error { keys++; return nil }); err != nil || keys != 1 {
		t.Errorf("it lists %d messages, error %v", keys, err)
	}
	fresh, err := e.Open(t.Context(), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if n := count(fresh); n != 2 {
		t.Errorf("a new session sees %d messages, want 2", n)
	}
}

// TestResumption: a TLS session is resumed only under settings that would verify it as well.
func TestResumption(t *testing.T) {
	t.Parallel()
	s := dovecot(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		good := &tls.Config{RootCAs: s.CertPool(), MaxVersion: version}
		blind := &tls.Config{InsecureSkipVerify: true, MaxVersion: version}
		other := &tls.Config{RootCAs: x509.NewCertPool(), MaxVersion: version}
		named := &tls.Config{RootCAs: s.CertPool(), ServerName: "other.example", MaxVersion: version}
		for _, test := range []struct {
			name          string
			first, second *tls.Config
			resumed, ok   bool
		}{
			{"the same", good, good, true, true},
			{"other authorities", good, other, false, false},
			{"another name", good, named, false, false},
			{"never verified", blind, good, false, true},
			{"never verified, and unknown", blind, other, false, false},
		} {
			t.Run(fmt.Sprintf("%s/%s", tls.VersionName(version), test.name), func(t *testing.T) {
				t.Parallel()
				cache := tls.NewLRUClientSessionCache(1)
				open := func(config *tls.Config) (*session.Session, error) {
					config = config.Clone()
					config.ClientSessionCache = cache
					o, err := at(s, config).Open(t.Context(), session.Options{})
					if err == nil {
						err = o.Quit() // by then a ticket has come
					}
					return o, err
				}
				if _, err := open(test.first); err != nil {
					t.Fatal(err)
				}
				o, err := open(test.second)
				if (err == nil) != test.ok || o.Resumed != test.resumed {
					t.Errorf("resumed %t, error %v; want resumed %t, success %t", o.Resumed, err, test.resumed, test.ok)
				}
			})
		}
	}
}
