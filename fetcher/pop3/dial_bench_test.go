package pop3_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// BenchmarkDial compares two handshakes: a resumed one with the TLS session of the
// connection before, as each poll does, and a full one. Both ends are in this process;
// over a network a resumed one also saves sending the certificates.
func BenchmarkDial(b *testing.B) {
	s := pop3test.NewServer()
	s.Users = map[string]string{"u": "secret"}
	if err := s.Start(); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	dial := func(b *testing.B, cache tls.ClientSessionCache, resume bool) {
		d := pop3.Dialer{Addr: s.Addr(), TLSConfig: &tls.Config{RootCAs: s.CertPool(), ClientSessionCache: cache}}
		c, err := d.Dial(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		if state, _ := c.TLSState(); state.DidResume != resume {
			b.Fatalf("resumed %t, want %t", state.DidResume, resume)
		}
	}
	// One after the other in each round, so that a busy machine slows both.
	cache := tls.NewLRUClientSessionCache(1)
	dial(b, cache, false)
	var full, resumed time.Duration
	for b.Loop() {
		began := time.Now()
		dial(b, nil, false)
		middle := time.Now()
		dial(b, cache, true)
		full += middle.Sub(began)
		resumed += time.Since(middle)
	}
	b.ReportMetric(float64(resumed)/float64(full), "x-full-handshake")
	b.ReportMetric(float64(full.Microseconds())/float64(b.N), "µs-full")
	b.ReportMetric(float64(resumed.Microseconds())/float64(b.N), "µs-resumed")
}
