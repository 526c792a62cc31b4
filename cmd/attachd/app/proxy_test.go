package app_test

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config"
)

// connectProxy is an HTTP proxy for one user, which leads to where the names are said to be. It
// notes where it was asked to connect to.
type connectProxy struct {
	login string // user:password
	names map[string]string

	mu    sync.Mutex
	asked []string // guarded by mu
}

func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	p.mu.Unlock()
	if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(p.login)) {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	server, err := net.Dial("tcp", p.names[r.Host])
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(server, client); server.Close() }()
	_, _ = io.Copy(client, server)
}

func (p *connectProxy) start(t *testing.T) (addr string) {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestProxy fetches mail and token through a proxy that alone knows where the servers are. The mail
// server's certificate is checked against the name that the account gives, and the proxy's password
// is never shown.
func TestProxy(t *testing.T) {
	t.Parallel()
	mail, login := apptest.TokenServers(t)
	loginAddr := strings.TrimPrefix(login.URL(), "http://")
	p := &connectProxy{login: "u:pr0xy-pw", names: map[string]string{"localhost:995": mail.Addr(), "pop.test:995": mail.Addr(), loginAddr: loginAddr}}
	addr := p.start(t)
	dir := t.TempDir()
	serverName := ""
	fetch := func(host, proxy string) (o *app.Outcome, log string) {
		lines := append(apptest.ClientCredentials(login, login.ClientSecret), "auth: xoauth2", "proxy: "+proxy)
		path := apptest.TokenConfig(t, mail, dir, lines...)
		apptest.Rewrite(t, path, "host: 127.0.0.1", "host: "+host, "port: "+mail.Addr()[strings.LastIndex(mail.Addr(), ":")+1:], "port: 995", "ca_file: ca.pem", "ca_file: ca.pem"+serverName)
		o, log = apptest.Once(t, path, config.LevelTrace)
		if strings.Contains(log, "pr0xy") {
			t.Errorf("the log holds the proxy's password:\n%s", log)
		}
		return o, log
	}
	o, log := fetch("localhost", "http://u:pr0xy-pw@"+addr)
	if !wentWell(o) {
		t.Fatalf("%+v\n%s", o, log)
	}
	apptest.CheckNotes(t, filepath.Join(dir, "out", "lab"), 3)
	if want := []string{loginAddr, "localhost:995"}; strings.Join(p.asked, " ") != strings.Join(want, " ") {
		t.Errorf("the proxy was asked for %q, want %q", p.asked, want)
	}
	for _, test := range []struct{ host, proxy, want string }{
		{"pop.test", "http://u:pr0xy-pw@" + addr, "connect to pop.test:995: TLS handshake: tls: failed to verify certificate: x509: certificate is valid for localhost, not pop.test"},
		{"localhost", "http://u:pr0xy-no@" + addr, "proxy http://<secret>@" + addr + ": connect to "},
		{"elsewhere.test", "http://u:pr0xy-pw@" + addr, "proxy http://<secret>@" + addr + ": connect to elsewhere.test:995: it answered 502 Bad Gateway"},
		{"localhost", "socks5://u:pr0xy-pw@127.0.0.1:1", "proxy socks5://<secret>@127.0.0.1:1: "},
	} {
		if o, log := fetch(test.host, test.proxy); len(o.Failed) == 0 || !strings.Contains(log, test.want) {
			t.Errorf("%+v, want the log to hold %q:\n%s", o, test.want, log)
		}
	}
	serverName = ", server_name: localhost"
	if o, log := fetch("pop.test", "http://u:pr0xy-pw@"+addr); !wentWell(o) {
		t.Errorf("server_name: %+v\n%s", o, log)
	}
}
