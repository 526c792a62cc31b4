package proxy

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// greeting is what the server behind the proxy says at once; it then says back what it is told.
const greeting = "+OK ready\r\n"

func echoServer(t *testing.T) net.Listener {
	t.Helper()
	return serve(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, greeting)
		_, _ = io.Copy(conn, conn)
	})
}

// serve runs a server on the loopback address until the test ends.
func serve(t *testing.T, session func(conn net.Conn)) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			all.Go(func() { defer conn.Close(); session(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return listener
}

// names is what the proxies of the tests know: a name that no resolver does.
func names(t *testing.T, server net.Listener) map[string]string {
	t.Helper()
	return map[string]string{"pop.invalid:995": server.Addr().String()}
}

// join copies in both directions.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(a, b); a.Close() })
	_, _ = io.Copy(b, a)
	b.Close()
	both.Wait()
}

// httpProxy is a proxy that wants user:pass, unless that is empty. It waits with its
// answer for the server's first words and sends both at once.
func httpProxy(names map[string]string, auth string) func(net.Conn) {
	return func(conn net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		user, password, _ := (&http.Request{Header: http.Header{"Authorization": request.Header["Proxy-Authorization"]}}).BasicAuth()
		target, known := names[request.Host]
		switch {
		case request.Method != http.MethodConnect:
			fmt.Fprint(conn, "HTTP/1.1 405 No\r\n\r\n")
		case auth != "" && user+":"+password != auth:
			fmt.Fprint(conn, "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno")
		case !known:
			fmt.Fprint(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		default:
			server, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			first := make([]byte, len(greeting))
			if _, err := io.ReadFull(server, first); err != nil {
				return
			}
			fmt.Fprintf(conn, "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n%s", first)
			join(conn, server)
		}
	}
}

// socksProxy is a proxy by RFC 1928 that takes names only.
func socksProxy(names map[string]string, auth string) func(net.Conn) {
	return func(conn net.Conn) {
		read := func(n int) []byte {
			b := make([]byte, n)
			if _, err := io.ReadFull(conn, b); err != nil {
				return make([]byte, n)
			}
			return b
		}
		methods := read(int(read(2)[1]))
		if auth == "" {
			_, _ = conn.Write([]byte{5, 0})
		} else if !strings.Contains(string(methods), "\x02") {
			_, _ = conn.Write([]byte{5, 0xff})
			return
		} else {
			_, _ = conn.Write([]byte{5, 2})
			user := string(read(int(read(2)[1])))
			password := string(read(int(read(1)[0])))
			if user+":"+password != auth {
				_, _ = conn.Write([]byte{1, 1})
				return
			}
			_, _ = conn.Write([]byte{1, 0})
		}
		if head := read(4); head[3] != 3 {
			_, _ = conn.Write([]byte{5, 8, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		host := string(read(int(read(1)[0])))
		target, known := names[fmt.Sprintf("%s:%d", host, binary.BigEndian.Uint16(read(2)))]
		if !known {
			_, _ = conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		join(conn, server)
	}
}

func TestDial(t *testing.T) {
	t.Parallel()
	known := names(t, echoServer(t))
	closed := serve(t, func(net.Conn) {})
	closed.Close()
	proxies := map[string]func(map[string]string, string) func(net.Conn){"http": httpProxy, "socks5": socksProxy}
	for _, test := range []struct {
		name           string
		scheme         string
		session        func(net.Conn) // of the proxy; nil is the scheme's
		auth           string         // that the proxy wants
		user, password string
		addr           string
		want           string // of the error, PROXY and ADDR filled in
	}{
		{"http", "http", nil, "", "", "", "pop.invalid:995", ""},
		{"socks5", "socks5", nil, "", "", "", "pop.invalid:995", ""},
		{"http, login", "http", nil, "u:hunter2", "u", "hunter2", "pop.invalid:995", ""},
		{"socks5, login", "socks5", nil, "u:hunter2", "u", "hunter2", "pop.invalid:995", ""},
		{"http, empty password", "http", nil, "u:", "u", "", "pop.invalid:995", ""},
		{"socks5, empty password", "socks5", nil, "u:", "u", "", "pop.invalid:995", ""},
		{"http, wrong login", "http", nil, "u:other", "u", "hunter2", "pop.invalid:995", "proxy PROXY: connect to pop.invalid:995: it refuses the user name and the password"},
		{"socks5, wrong login", "socks5", nil, "u:other", "u", "hunter2", "pop.invalid:995", "proxy PROXY: connect to pop.invalid:995: username/password authentication failed"},
		{"http, no login", "http", nil, "u:other", "", "", "pop.invalid:995", "proxy PROXY: connect to pop.invalid:995: it wants a user name and a password"},
		{"socks5, no login", "socks5", nil, "u:other", "", "", "pop.invalid:995", "proxy PROXY: connect to pop.invalid:995: no acceptable authentication methods"},
		{"http, unknown host", "http", nil, "", "", "", "nowhere.invalid:995", "proxy PROXY: connect to nowhere.invalid:995: it answered 502 Bad Gateway"},
		{"socks5, unknown host", "socks5", nil, "", "", "", "nowhere.invalid:995", "proxy PROXY: connect to nowhere.invalid:995: it answered: host unreachable"},
		{"no HTTP", "http", func(c net.Conn) { fmt.Fprint(c, "+OK POP3 ready\r\n\r\n"); _, _ = io.Copy(io.Discard, c) }, "", "", "", "pop.invalid:995", "proxy PROXY: connect to pop.invalid:995: it does not answer in HTTP"},
		{"endless header", "http", func(c net.Conn) {
			for range 2 * maxHeader / 8 {
				if _, err := fmt.Fprint(c, "HTTP/1.1"); err != nil {
					return
				}
			}
		}, "", "", "", "pop.invalid:995", "proxy PROXY: connect to pop.invalid:995: its answer does not end"},
		{"no SOCKS", "socks5", func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400\r\n\r\n"); _, _ = io.Copy(io.Discard, c) }, "", "", "", "pop.invalid:995", "proxy PROXY: connect to pop.invalid:995: unexpected protocol version 72"},
		{"closes", "http", func(net.Conn) {}, "", "", "", "pop.invalid:995", "proxy PROXY: connect to pop.invalid:995: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			session := test.session
			if session == nil {
				session = proxies[test.scheme](known, test.auth)
			}
			d := Dialer{Scheme: test.scheme, Addr: serve(t, session).Addr().String(), Username: test.user, Password: func() string { return test.password }, Name: "PROXY"}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			conn, err := d.DialContext(ctx, "tcp", test.addr)
			if test.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("got %v, want %s", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			cancel() // what was a bound for dialing is none for the connection
			got := make([]byte, len(greeting)+4)
			fmt.Fprint(conn, "ping")
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != greeting+"ping" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	for _, scheme := range []string{"http", "socks5"} {
		d := Dialer{Scheme: scheme, Addr: closed.Addr().String(), Name: "PROXY"}
		if _, err := d.DialContext(t.Context(), "tcp", "pop.invalid:995"); err == nil || !strings.HasPrefix(err.Error(), "proxy PROXY: ") || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s down: got %v", scheme, err)
		}
	}
}

// TestDialEnds gives up on a proxy that says nothing when the context does.
func TestDialEnds(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "socks5"} {
		asked := make(chan struct{}, 1)
		silent := serve(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 1))
			asked <- struct{}{}
			_, _ = io.Copy(io.Discard, conn)
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		d := Dialer{Scheme: scheme, Addr: silent.Addr().String(), Name: "PROXY"}
		if _, err := d.DialContext(ctx, "tcp", "pop.invalid:995"); err == nil || !strings.HasPrefix(err.Error(), "proxy PROXY: connect to pop.invalid:995: ") {
			t.Errorf("%s: got %v", scheme, err)
		}
		cancel()
	}
}
