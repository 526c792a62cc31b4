package web_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// started runs a site at some addresses until the end of the test, or until stop is called.
func started(t *testing.T, change ...func(*web.Options)) (stop func()) {
	t.Helper()
	w := newSite(t, webtest.Rich(), change...)
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); run.Wait() }
	t.Cleanup(stop)
	return stop
}

// reach asks for the overview until it is answered.
func reach(t *testing.T, client *http.Client, target string) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			continue
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s\n%s", target, answer.Status, body)
		}
		return string(body)
	}
}

// over is a client that reaches a unix socket.
func over(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}
}

func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "web") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "http.sock")
}

// TestSocket: a unix socket is for its group and not for the world. What a killed attachd left
// behind is taken over; a socket that somebody listens at, or another file, is not.
func TestSocket(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	killed, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	killed.SetUnlinkOnClose(false)
	if err := killed.Close(); err != nil {
		t.Fatal(err)
	}
	listen := func(o *web.Options) { o.Listen = []string{"unix:" + path} }
	stop := started(t, listen)
	if body := reach(t, over(path), "http://anything/"); !strings.Contains(body, "Two things need you.") {
		t.Errorf("%s", body)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("%v %v", info, err)
	}
	if err := newSite(t, webtest.Fine(), listen).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "is attachd running already?") {
		t.Errorf("a second one: %v", err)
	}
	reach(t, over(path), "http://localhost/")
	stop()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is left behind")
	}
	if err := os.WriteFile(path, []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newSite(t, webtest.Fine(), listen).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no socket is in the way") {
		t.Errorf("a file is there: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "a file" {
		t.Errorf("%q %v", text, err)
	}
}

// TestTakenAddress: the error says what to do, and no other address stays open.
func TestTakenAddress(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	path := socketPath(t)
	err = newSite(t, webtest.Fine(), func(o *web.Options) { o.Listen = []string{"unix:" + path, other.Addr().String()} }).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), other.Addr().String()+": another program listens there") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket stays open")
	}
}

// TestStopWithReaders: neither a stream of events nor a lazy connection holds up the stop.
func TestStopWithReaders(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	stop := started(t, func(o *web.Options) { o.Listen = []string{"unix:" + path} })
	reach(t, over(path), "http://localhost/")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := over(path).Do(r)
	if err != nil || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(answer, err)
	}
	defer answer.Body.Close()
	lazy, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer lazy.Close()
	begin := time.Now()
	stop()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

// TestControl: attachd's own commands need no token and see the API alone.
func TestControl(t *testing.T) {
	t.Parallel()
	w, _, _ := guarded(t)
	for target, want := range map[string]int{
		"/api/v1/status": http.StatusOK, "/api/v1/accounts": http.StatusOK, "/": http.StatusNotFound, "/accounts": http.StatusNotFound, "/static/": http.StatusNotFound,
	} {
		rec := httptest.NewRecorder()
		w.Control().ServeHTTP(rec, request(t.Context(), http.MethodGet, target, "Host", "attachd"))
		if rec.Code != want {
			t.Errorf("%s: %d, want %d", target, rec.Code, want)
		}
	}
	rec := httptest.NewRecorder()
	w.Control().ServeHTTP(rec, request(t.Context(), http.MethodPost, "/api/v1/accounts/poll", "Host", "attachd"))
	if rec.Code != http.StatusOK || len(w.actions.polled) != 13 {
		t.Errorf("poll: %d %q", rec.Code, w.actions.polled)
	}
}

// TestCertificate: the page speaks TLS, and takes a renewed certificate without a restart. While
// the new one can't be read, the old one serves.
func TestCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, 1)
	c := &clock{now: webtest.Now}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	stop := started(t, func(o *web.Options) {
		o.Listen, o.CertFile, o.KeyFile, o.Now = []string{address}, cert, key, c.get
	})
	serial := func() int64 {
		var number int64
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true, // the certificate itself is looked at
			VerifyConnection: func(s tls.ConnectionState) error {
				number = s.PeerCertificates[0].SerialNumber.Int64()
				return nil
			},
		}}}
		reach(t, client, "https://"+address+"/")
		return number
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	if err := os.WriteFile(cert, []byte("half a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.put(time.Minute)
	if n := serial(); n != 1 {
		t.Errorf("certificate %d while the file is broken", n)
	}
	writeCertificate(t, cert, key, 2)
	c.put(time.Minute)
	if n := serial(); n != 2 {
		t.Errorf("certificate %d after the renewal", n)
	}
	stop()
	if _, err := web.New(t.Context(), web.Options{Board: webtest.NewBoard(webtest.Fine()), History: webtest.NewHistory(), CertFile: cert}); err == nil {
		t.Error("a certificate without its key is taken")
	}
}

func writeCertificate(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{key: {Type: "PRIVATE KEY", Bytes: secret}, cert: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
