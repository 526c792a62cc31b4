// Package proxy makes TCP connections through a proxy: a SOCKS5 proxy, with user name
// and password if it wants them (RFC 1928, RFC 1929), or an HTTP proxy (CONNECT, RFC
// 9110 section 9.3.6, with Basic authentication, RFC 7617).
//
// The proxy looks up host names. No name server is asked beside it.
//
// The connection to the proxy itself is not encrypted: a user name and a password go
// over it in the clear. What TLS protects inside the tunnel neither the proxy nor
// anybody on the way can read.
package proxy

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// Dialer makes connections through one proxy. Its method may be called from several
// goroutines.
type Dialer struct {
	Scheme   string // "socks5" or "http"
	Addr     string // "host:port" of the proxy
	Username string // "" for none
	// Password returns the password of Username for each connection; nil is an empty one.
	Password func() string
	// Name is what errors call the proxy: its URL without the password.
	Name string
}

// DialContext connects to addr, "host:port". network is "tcp", "tcp4" or "tcp6" and is
// that of the connection to the proxy.
//
// The error is an [*Error]. It names the proxy. Behind that comes the error of a
// net.Dialer if the proxy could not be reached, or "connect to ADDR" with the proxy's
// reason for going no further.
// When ctx ends, the attempt ends with its error; a connection that was made
// is not affected by ctx.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var conn net.Conn
	var err error
	switch d.Scheme {
	case "socks5":
		conn, err = d.socks5(ctx, network, addr)
	case "http":
		conn, err = d.connect(ctx, network, addr)
	default:
		err = fmt.Errorf("%s is no scheme of a proxy", d.Scheme)
	}
	if err != nil {
		return nil, &Error{Name: d.Name, Err: err}
	}
	return conn, nil
}

// Error is the failure of a connection through a proxy.
type Error struct {
	// Name is the [Dialer].Name of the proxy.
	Name string
	Err  error
}

// Error returns "proxy NAME: CAUSE".
func (e *Error) Error() string { return fmt.Sprintf("proxy %s: %v", e.Name, e.Err) }

// Unwrap returns the cause: the error of a net.Dialer if the proxy could not be reached.
func (e *Error) Unwrap() error { return e.Err }

func (d *Dialer) password() string {
	if d.Password == nil {
		return ""
	}
	return d.Password()
}

func (d *Dialer) socks5(ctx context.Context, network, addr string) (net.Conn, error) {
	var auth *proxy.Auth
	if d.Username != "" {
		auth = &proxy.Auth{User: d.Username, Password: d.password()}
	}
	dialer, err := proxy.SOCKS5(network, d.Addr, auth, &net.Dialer{})
	if err != nil {
		return nil, err
	}
	conn, err := dialer.(proxy.ContextDialer).DialContext(ctx, network, addr)
	if op, ok := errors.AsType[*net.OpError](err); ok && strings.HasPrefix(op.Op, "socks ") {
		// The library names both addresses: DialContext has named the proxy already.
		err = op.Err
		if text, ok := strings.CutPrefix(err.Error(), "unknown error "); ok {
			err = errors.New("it answered: " + text) // a reply of RFC 1928 section 6
		}
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return conn, err
}

// maxHeader bounds what a proxy may answer before the connection stands, in bytes.
const maxHeader = 64 << 10

// connect connects to an HTTP proxy and asks it for a tunnel to addr.
func (d *Dialer) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, d.Addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	tunnel, err := d.tunnel(conn, addr)
	if !stop() && err == nil {
		err = ctx.Err() // the deadline in the past is set, or will be
	}
	if err != nil {
		conn.Close()
		if cause := ctx.Err(); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return tunnel, nil
}

// tunnel asks for a tunnel on the connection to the proxy, by CONNECT.
func (d *Dialer) tunnel(conn net.Conn, addr string) (net.Conn, error) {
	var request strings.Builder
	fmt.Fprintf(&request, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n", addr)
	if d.Username != "" {
		fmt.Fprintf(&request, "Proxy-Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(d.Username+":"+d.password())))
	}
	request.WriteString("\r\n")
	if _, err := io.WriteString(conn, request.String()); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: conn, N: maxHeader}
	r := bufio.NewReader(limited)
	response, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if network, ok := errors.AsType[net.Error](err); ok {
		return nil, network
	}
	switch {
	case err != nil && limited.N <= 0:
		return nil, errors.New("its answer does not end")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("it closed the connection instead of answering")
	case err != nil:
		return nil, errors.New("it does not answer in HTTP")
	case response.StatusCode == http.StatusProxyAuthRequired && d.Username == "":
		return nil, errors.New("it wants a user name and a password")
	case response.StatusCode == http.StatusProxyAuthRequired:
		return nil, errors.New("it refuses the user name and the password")
	case response.StatusCode/100 != 2:
		return nil, fmt.Errorf("it answered %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	if r.Buffered() == 0 {
		return conn, nil
	}
	// A server that speaks first may have done so already.
	ahead, _ := r.Peek(r.Buffered())
	return &resumed{conn, io.MultiReader(strings.NewReader(string(ahead)), conn)}, nil
}

// resumed is a connection with a piece of its input that was read ahead.
type resumed struct {
	net.Conn
	r io.Reader
}

func (c *resumed) Read(p []byte) (int, error) { return c.r.Read(p) }
