package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/cmd/attachd/health"
	"github.com/attachd/attachd/fetcher/foreign"
)

const (
	// maxStatus is the longest status, in bytes. It is one line of systemctl status.
	maxStatus = 300
	// patience is how long a message waits for room in systemd's queue.
	patience = time.Second
	// lookAgain is how soon a scheduler that stood still is looked at again.
	lookAgain = time.Second
)

// Notifier tells systemd how attachd is. Its methods may be called from several goroutines at once,
// and on a nil Notifier.
type Notifier struct {
	socket   string
	log      zerolog.Logger
	watchdog time.Duration // 0: nobody watches

	mu     sync.Mutex
	status string // guarded by mu: the last one
}

// New returns what tells systemd, or nil if systemd does not want to be told. getenv is [os.Getenv]
// outside of tests. It reads NOTIFY_SOCKET, which is a path or, with "@" in front, an abstract
// name, and WATCHDOG_USEC and WATCHDOG_PID.
func New(getenv func(string) string, log zerolog.Logger) *Notifier {
	socket := getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	if socket[0] != '/' && socket[0] != '@' {
		log.Warn().Str("socket", socket).Msg("systemd is not told anything: NOTIFY_SOCKET is neither a path nor an abstract socket")
		return nil
	}
	n := &Notifier{socket: socket, log: log}
	if pid := getenv("WATCHDOG_PID"); pid == "" || pid == strconv.Itoa(os.Getpid()) { // sd_watchdog_enabled(3)
		if usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 {
			n.watchdog = time.Duration(usec) * time.Microsecond
		}
	}
	return n
}

// Ready says that attachd has begun its work, or that it goes on after [Notifier.Reloading]. Before
// the first Ready, systemctl start waits.
func (n *Notifier) Ready() { n.tell("READY=1") }

// Reloading says that the configuration is being loaded. Ready must follow, whatever comes of it.
func (n *Notifier) Reloading() {
	if n == nil {
		return
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		n.log.Warn().Err(err).Msg("systemd not told")
		return
	}
	// Both in one message: systemd takes the time for the message's own (sd_notify(3)).
	n.tell("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
}

// Stopping says that attachd ends.
func (n *Notifier) Stopping() { n.tell("STOPPING=1") }

// Status says in words how attachd is. The same words again are not sent. What could do harm in a
// terminal or in the message is escaped, and what is too long is cut.
func (n *Notifier) Status(text string) {
	if n == nil {
		return
	}
	text = clip(foreign.Text(text))
	n.mu.Lock()
	same := text == n.status
	n.status = text
	n.mu.Unlock()
	if !same {
		n.tell("STATUS=" + text)
	}
}

// clip cuts a text to what a status may have.
func clip(text string) string {
	if len(text) <= maxStatus {
		return text
	}
	const dots = "…"
	return strings.ToValidUTF8(text[:maxStatus-len(dots)], "") + dots
}

// Run feeds the watchdog until ctx ends, at half of the time that systemd waits for it, and only
// while the scheduler's beat is fresh ([health.Beat]). It returns at once if nobody watches.
func (n *Notifier) Run(ctx context.Context, beat func() time.Time) {
	if n == nil || n.watchdog == 0 {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	still := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		last := beat()
		_, wrong := health.Beat(last, time.Now())
		if wrong == "" {
			n.tell("WATCHDOG=1")
			timer.Reset(n.watchdog / 2)
			still = false
			continue
		}
		if !still && !last.IsZero() { // one that has not begun does not stand still
			n.log.Error().Str("reason", wrong).Msg("watchdog not fed")
			still = true
		}
		timer.Reset(min(lookAgain, n.watchdog/8))
	}
}

// tell sends these lines as one message.
func (n *Notifier) tell(lines ...string) {
	if n == nil {
		return
	}
	if err := n.send(strings.Join(lines, "\n")); err != nil {
		n.log.Warn().Err(err).Msg("systemd not told")
	}
}

// send connects anew for each message: there are few, and systemd may have been started anew.
func (n *Notifier) send(message string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}
