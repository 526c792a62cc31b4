package fetcher

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/session"
)

// TestCertificateWarning: the log warns of a server's certificate once a day, from 14 days before
// it expires.
func TestCertificateWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(zerolog.SyncWriter(&log))
	end := time.Now().AddDate(1, 0, 0)
	now := end
	w.supervisor.now = func() time.Time { return now }
	twin := w.account
	twin.Name, w.server.Users["u1"], twin.Username = "twin", "pw0", "u1"
	for _, step := range []struct {
		before time.Duration // the certificate's end
		want   int           // warnings by both accounts together
	}{
		{15 * 24 * time.Hour, 0},
		{13*24*time.Hour + time.Hour, 1},
		{13 * 24 * time.Hour, 0},
		{12 * 24 * time.Hour, 1},
		{-time.Hour, 1},
	} {
		log.Reset()
		now = end.Add(-step.before)
		if errs := w.supervisor.RunOnce(t.Context(), []Account{w.account, twin}); len(errs) > 0 {
			t.Fatal(errs)
		}
		said := "the server's certificate ends soon"
		if step.before < 0 {
			said = "the server's certificate has expired"
		}
		if got := strings.Count(log.String(), "certificate "); got != step.want || strings.Count(log.String(), said) != got {
			t.Errorf("%v before the end: %d warnings, want %d\n%s", step.before, got, step.want, log.String())
		}
	}
}

// TestOwnCertificateWarning: the log warns likewise of an account's own certificate. The error
// names it if the server refuses it.
func TestOwnCertificateWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(zerolog.SyncWriter(&log))
	own := &x509.Certificate{Raw: []byte("own"), NotAfter: time.Now().Add(72 * time.Hour)}
	w.account.TLS = func() (*tls.Config, error) {
		return &tls.Config{RootCAs: w.server.CertPool(), Certificates: []tls.Certificate{{Leaf: own}}}, nil
	}
	for _, step := range []struct {
		left time.Duration
		want string
	}{{72 * time.Hour, "the account's own certificate ends soon"}, {-time.Hour, "the account's own certificate has expired"}} {
		log.Reset()
		own = &x509.Certificate{Raw: []byte(step.want), NotAfter: time.Now().Add(step.left)}
		for range 2 {
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Count(log.String(), "certificate ") != 1 || !strings.Contains(log.String(), step.want) {
			t.Errorf("log says %s", &log)
		}
	}
	if p, err := poll.Check(t.Context(), w.account.Account, zerolog.Nop()); err != nil || p.Own != own {
		t.Errorf("check tells of %v, %v", p.Own, err)
	}
	w.server.Greeting = "-ERR no"
	if _, err := poll.Check(t.Context(), w.account.Account, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "tls.cert_file, has expired on ") {
		t.Errorf("error %v", err)
	}
}

func TestEndsSoon(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for left, want := range map[time.Duration]bool{15 * 24 * time.Hour: false, 13 * 24 * time.Hour: true, -time.Hour: true} {
		if got := session.EndsSoon(&x509.Certificate{NotAfter: now.Add(left)}, now); got != want {
			t.Errorf("%v left: got %t", left, got)
		}
	}
}

// TestResume: a poll resumes the TLS session of the poll before, but not for an account without a
// cache.
func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	cache := tls.NewLRUClientSessionCache(1)
	for _, test := range []struct {
		cache tls.ClientSessionCache
		want  bool
	}{{nil, false}, {cache, false}, {cache, true}, {cache, true}} {
		w.account.TLS = func() (*tls.Config, error) {
			return &tls.Config{RootCAs: w.server.CertPool(), ClientSessionCache: test.cache}, nil
		}
		p, err := poll.Check(t.Context(), w.account.Account, zerolog.Nop())
		if err != nil || p.Resumed != test.want || p.Certificate == nil {
			t.Errorf("resumed %t, want %t; certificate %v, %v", p.Resumed, test.want, p.Certificate, err)
		}
	}
}
