package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	stdlog "log"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// kind says who can reach a listener.
type kind int

const (
	network kind = iota // a TCP address, of loopback or not
	socket              // a unix socket of the configuration
	control             // attachd's own commands
)

// listenerKey is the key of a connection's kind in the context of its requests.
type listenerKey struct{}

// listener is one address.
type listener struct {
	net.Listener
	kind    kind
	address string // for people
}

const (
	unixPrefix = "unix:"
	// A group may be let in by the folder's setgid bit; the world may not.
	socketMode  fs.FileMode = 0o660
	dialTimeout             = time.Second
)

// listen opens all addresses, or none.
func (s *Server) listen(ctx context.Context) (all []*listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range all {
				_ = l.Close() // the other error says more
			}
			all = nil
		}
	}()
	for _, address := range s.options.Listen {
		kind := network
		if strings.HasPrefix(address, unixPrefix) {
			kind = socket
		}
		l, err := s.open(ctx, address)
		if err != nil {
			return all, err
		}
		all = append(all, &listener{l, kind, address})
	}
	return all, nil
}

// open opens one address.
func (s *Server) open(ctx context.Context, address string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		l, err := openSocket(ctx, path, socketMode)
		if err != nil {
			return nil, fmt.Errorf("open the page at %s: %w", address, err)
		}
		return l, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("open the page at %s: another program listens there: change http.listen, or stop that program", address)
	case err != nil:
		return nil, fmt.Errorf("open the page at %s: %w", address, err)
	case s.options.CertFile == "":
		return l, nil
	}
	pair := &certificate{certFile: s.options.CertFile, keyFile: s.options.KeyFile, now: s.options.Now, log: s.log}
	if _, err := pair.get(nil); err != nil {
		return nil, errors.Join(fmt.Errorf("open the page at %s: %w", address, err), l.Close())
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: pair.get,
	}), nil
}

// openSocket listens on a unix socket. One that a killed attachd left behind is removed, one that
// answers is not, and neither is a file of another kind.
func openSocket(ctx context.Context, path string, mode fs.FileMode) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("a file that is no socket is in the way: remove it, or name another place")
	default:
		dialer := net.Dialer{Timeout: dialTimeout}
		if c, err := dialer.DialContext(ctx, "unix", path); err == nil {
			_ = c.Close() // it only had to answer
			return nil, errors.New("another program listens there: is attachd running already?")
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the socket that was left behind: %w", err)
		}
	}
	// To connect takes the right to write, which every usual umask leaves to the owner alone. So
	// nobody else gets in before the chmod.
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// certificate is the page's own certificate, read again when its files change.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               zerolog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	version string
	checked time.Time
}

// recheck is how often the files are looked at.
const recheck = 10 * time.Second

// get returns the certificate. While new files can't be read, the old ones serve.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && c.now().Sub(c.checked) < recheck {
		return c.pair, nil
	}
	c.checked = c.now()
	version := versionOf(c.certFile, c.keyFile)
	if c.pair != nil && version == c.version {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		err = fmt.Errorf("read the page's certificate: %w", err)
		if c.pair == nil {
			return nil, err
		}
		c.log.Warn().Err(err).Msg("page keeps its old certificate")
		c.version = version
		return c.pair, nil
	}
	c.pair, c.version = &pair, version
	return c.pair, nil
}

// versionOf changes when one of the files does.
func versionOf(files ...string) string {
	version := ""
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			version += fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size(), " ")
		}
	}
	return version
}

// ErrorLog takes what a server of net/http says of single connections: scanners and lost clients
// are no news. Without it, that goes to the standard error, amid the log. message names the server.
func ErrorLog(log zerolog.Logger, message string) *stdlog.Logger {
	return stdlog.New(connectionLog{log, message}, "", 0)
}

type connectionLog struct {
	log     zerolog.Logger
	message string
}

func (l connectionLog) Write(line []byte) (int, error) {
	l.log.Debug().Str("what", strings.TrimSpace(string(line))).Msg(l.message)
	return len(line), nil
}
