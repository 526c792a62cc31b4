package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ErrRunning says that another process works on this state.
var ErrRunning = errors.New("another attachd is running with this state")

// ErrNotRunning says that no daemon listens at the socket.
var ErrNotRunning = errors.New("no attachd is running with this state")

// Path returns the path of the socket of a daemon with this state file.
func Path(state string) string { return state + ".sock" }

// maxName is the longest path that every system takes for a socket. macOS has room for 104 bytes
// with the zero at the end.
const maxName = 100

// listener is a socket that removes its file when it is closed.
type listener struct {
	*net.UnixListener
	path string
	file fs.FileInfo
}

// Listen makes the socket of a daemon with this state file. Only the user of this process and root
// can connect. Closing the listener removes the socket, unless another daemon has made one there
// since.
func Listen(ctx context.Context, state string) (net.Listener, error) {
	path := Path(state)
	address, release, err := shorten(path)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	// Linux gives a socket's file the mode that the socket has before it is bound (net/unix
	// unix_bind), so that nobody else can connect even at first.
	restrict := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	l, err := restrict.Listen(ctx, "unix", address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, bare(err))
	}
	made := &listener{UnixListener: l.(*net.UnixListener), path: path}
	made.SetUnlinkOnClose(false)
	err = os.Chmod(path, 0o600) // elsewhere than on Linux
	if err == nil {
		made.file, err = os.Lstat(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen at %s: %w", path, bare(err)), l.Close())
	}
	return made, nil
}

// Close ends the listener and removes its socket.
func (l *listener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path) // or the next daemon removes it
	}
	return l.UnixListener.Close()
}

// removeStale removes a socket that nobody listens at.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listen at %s: %w", path, bare(err))
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listen at %s: there is something else: move it away", path)
	}
	conn, err := dial(ctx, path)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("listen at %s: %w", path, ErrRunning)
	}
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the socket that an earlier attachd left: %w", err)
	}
	return nil
}

// shorten returns a name for path that fits the address of a socket. It is good until release is
// called.
func shorten(path string) (name string, release func(), err error) {
	if len(path) <= maxName {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("use the socket %s: %w", path, err)
	}
	name = "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + filepath.Base(path)
	return name, func() { _ = dir.Close() }, nil
}

// dial connects to the socket at path. The error is [ErrNotRunning] if nobody listens there.
func dial(ctx context.Context, path string) (net.Conn, error) {
	address, release, err := shorten(path)
	if err != nil {
		return nil, err
	}
	defer release()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTSOCK):
		return nil, fmt.Errorf("connect to %s: %w", path, ErrNotRunning)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("connect to %s: %w: run this as the user that attachd runs as, or as root", path, bare(err))
	}
	return nil, fmt.Errorf("connect to %s: %w", path, bare(err))
}

// bare takes from an error of the system what names the socket once more.
func bare(err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	return err
}

// Client returns a client that reaches the daemon with this state file, whatever the host in the
// URL: "http://attachd/livez". Its errors wrap [ErrNotRunning] if none is running. It follows no
// redirection and uses no proxy. The caller bounds the time by the request's context.
func Client(state string) *http.Client { return At(Path(state)) }

// At is [Client] for the path of a socket.
func At(socket string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, socket) },
			DisableKeepAlives:     true, // a command asks once
			ResponseHeaderTimeout: 2 * time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
