package systemd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/cmd/attachd/systemd"
)

// manager is systemd's end of the socket. It reads without waiting, so that a bubble's clock goes
// on.
type manager struct {
	t    *testing.T
	fd   int
	name string
}

func newManager(t *testing.T, name string) *manager {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		t.Fatal(err)
	}
	return &manager{t, fd, name}
}

// got returns the messages that came since.
func (m *manager) got() (messages []string) {
	m.t.Helper()
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(m.fd, buffer, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return messages
		}
		if err != nil {
			m.t.Fatal(err)
		}
		messages = append(messages, string(buffer[:n]))
	}
}

func (m *manager) want(messages ...string) {
	m.t.Helper()
	if got := m.got(); !slices.Equal(got, messages) {
		m.t.Errorf("got %q, want %q", got, messages)
	}
}

// env is the environment that systemd gives to a service with a watchdog of this many microseconds.
func (m *manager) env(watchdog string, more ...string) func(string) string {
	env := map[string]string{"NOTIFY_SOCKET": m.name, "WATCHDOG_USEC": watchdog}
	for _, pair := range more {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return func(name string) string { return env[name] }
}

// socketPath is a path that fits a socket, wherever the temporary folder is.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

var abstract atomic.Int64

func abstractName() string {
	return fmt.Sprintf("@attachd-test-%d-%d", os.Getpid(), abstract.Add(1))
}

// TestMessages: each message is one datagram, over a socket with a path and an abstract one.
func TestMessages(t *testing.T) {
	t.Parallel()
	for _, name := range []string{socketPath(t), abstractName()} {
		m := newManager(t, name)
		n := systemd.New(m.env(""), zerolog.Nop())
		n.Ready()
		n.Status("12 accounts fine")
		n.Status("12 accounts fine")
		n.Status("11 accounts fine")
		m.want("READY=1", "STATUS=12 accounts fine", "STATUS=11 accounts fine")
		n.Reloading()
		reloading := m.got()
		if len(reloading) != 1 || !strings.HasPrefix(reloading[0], "RELOADING=1\nMONOTONIC_USEC=") {
			t.Fatalf("%q", reloading)
		}
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			t.Fatal(err)
		}
		at, err := strconv.ParseInt(strings.TrimPrefix(reloading[0], "RELOADING=1\nMONOTONIC_USEC="), 10, 64)
		if since := now.Nano()/1000 - at; err != nil || since < 0 || since > time.Minute.Microseconds() {
			t.Errorf("%q is %d microseconds ago, %v", reloading, since, err)
		}
		n.Ready()
		n.Stopping()
		m.want("READY=1", "STOPPING=1")
	}
}

// TestStatusIsSafe: a status forges no other message, steers no terminal and is bounded, at a whole
// character.
func TestStatusIsSafe(t *testing.T) {
	t.Parallel()
	m := newManager(t, socketPath(t))
	n := systemd.New(m.env(""), zerolog.Nop())
	n.Status("a\nSTOPPING=1\x1b[2J\u202e")
	m.want(`STATUS=a\nSTOPPING=1\x1b[2J\u202e`)
	for i := range 4 {
		n.Status(strings.Repeat("x", i) + strings.Repeat("ä€", 1000))
		got := m.got()
		if len(got) != 1 || len(got[0]) > 310 || len(got[0]) < 300 || !utf8.ValidString(got[0]) || !strings.HasSuffix(got[0], "…") {
			t.Errorf("%d bytes: %q", len(got[0]), got)
		}
	}
}

// TestNobodyThere: without systemd nothing happens, and a systemd that is gone is logged and does
// not hold anybody up.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	n := systemd.New(func(string) string { return "" }, zerolog.New(&log))
	if n != nil {
		t.Fatal("somebody is to be told")
	}
	n.Ready()
	n.Status("x")
	n.Reloading()
	n.Stopping()
	n.Run(t.Context(), time.Now)
	if log.Len() > 0 {
		t.Errorf("logged: %s", &log)
	}
	n = systemd.New(func(name string) string { return map[string]string{"NOTIFY_SOCKET": "/nowhere/s"}[name] }, zerolog.New(&log))
	n.Ready()
	if !strings.Contains(log.String(), `"message":"systemd not told"`) {
		t.Errorf("logged: %s", &log)
	}
	log.Reset()
	if systemd.New(func(string) string { return "vsock:2:1" }, zerolog.New(&log)) != nil || log.Len() == 0 {
		t.Error("a kind of socket that is not known is used, or not mentioned")
	}
}

// TestFullQueue: a systemd that reads nothing holds attachd up for a second and not longer.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	m := newManager(t, socketPath(t))
	var log bytes.Buffer
	n := systemd.New(m.env(""), zerolog.New(&log))
	start := time.Now()
	for range 10_000 {
		n.Ready()
		if log.Len() > 0 {
			break
		}
	}
	if took := time.Since(start); log.Len() == 0 || took > 20*time.Second {
		t.Errorf("took %v, logged %q", took, &log)
	}
}

// TestWatchdog: the watchdog is fed while the scheduler moves, at half of its time, not while it
// stands still, and soon again when it moves again.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	name := socketPath(t)
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, name)
		var log bytes.Buffer
		n := systemd.New(m.env("60000000", "WATCHDOG_PID="+strconv.Itoa(os.Getpid())), zerolog.New(&log))
		var moving atomic.Bool // false: has not begun
		last := time.Time{}
		beat := func() time.Time {
			if moving.Load() {
				last = time.Now().Add(-2 * time.Second)
			}
			return last
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.Run(ctx, beat)
		}()
		after := func(d time.Duration, messages ...string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			m.want(messages...)
		}
		after(10 * time.Second)
		if log.Len() > 0 {
			t.Errorf("said before the scheduler began: %s", &log)
		}
		moving.Store(true)
		after(time.Second, "WATCHDOG=1")
		after(29 * time.Second)
		after(2*time.Second, "WATCHDOG=1")
		moving.Store(false)
		after(10 * time.Minute)
		if n := strings.Count(log.String(), "watchdog not fed"); n != 1 {
			t.Errorf("said %d times: %s", n, &log)
		}
		moving.Store(true)
		after(time.Second, "WATCHDOG=1")
		after(59*time.Second, "WATCHDOG=1")
		cancel()
		<-done
		after(time.Hour)
	})
}

// TestWatchdogOfOthers: without a watchdog, or with one for another process, Run has nothing to do.
func TestWatchdogOfOthers(t *testing.T) {
	t.Parallel()
	m := newManager(t, socketPath(t))
	for _, env := range []func(string) string{
		m.env(""), m.env("0"), m.env("x"), m.env("-5"),
		m.env("1000000", "WATCHDOG_PID=1"),
	} {
		systemd.New(env, zerolog.Nop()).Run(t.Context(), time.Now)
	}
	m.want()
}
