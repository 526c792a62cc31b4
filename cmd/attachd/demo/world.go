package demo

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// The accounts of the lively world that have a mailbox.
const (
	lateComer = "suppliers" // has much mail, which comes slowly
	crowd     = "meters"    // has a message that breaks a limit
	inUse     = "returns"   // is always held by another session
	refused   = "orders"    // has another password than the configuration says
)

// lively are the accounts that get new mail all the time.
var lively = []string{"invoices", "scans", "reports"}

const (
	lateMessages = 300
	latePause    = 120 * time.Millisecond
	crowdedFiles = 30 // of one message; the configuration allows 20
)

// world is a mail server whose mailboxes change, and the address of one that is down.
type world struct {
	server *pop3test.Server
	down   string // "host:port" where nobody listens
	writer *correspondent
}

// newWorld fills the mailboxes and starts the server. The caller closes it.
func newWorld() (*world, error) {
	s, _, err := NewServer("")
	if err != nil {
		return nil, err
	}
	w := &world{server: s, writer: newCorrespondent()}
	began := time.Now()
	fill := func(account string, n int) error {
		s.Users[account] = Password
		for i := range n {
			// What is there at first came during the last hours.
			m, err := w.writer.next(account).message(fmt.Sprintf("%s-%d", account, i), began.Add(time.Duration(i-n)*time.Minute))
			if err != nil {
				return err
			}
			s.Mailboxes[account] = append(s.Mailboxes[account], m)
		}
		return nil
	}
	for account, n := range map[string]int{"invoices": 4, "scans": 3, "reports": 2, lateComer: lateMessages, crowd: 2, inUse: 1, refused: 1} {
		if err := fill(account, n); err != nil {
			return nil, err
		}
	}
	s.Users[refused] = "another password"
	m, err := w.writer.crowded(crowd, crowdedFiles).message("crowded", began)
	if err != nil {
		return nil, err
	}
	s.Mailboxes[crowd] = append(s.Mailboxes[crowd], m)
	s.Hook = hook
	if w.down, err = unused("127.0.0.1:0"); err != nil {
		return nil, err
	}
	if err := s.Start(); err != nil {
		return nil, fmt.Errorf("start the demo's server: %w", err)
	}
	return w, nil
}

// hook makes the server slow for one account, and lets another be in use.
func hook(c *pop3test.Conn, cmd, args string) bool {
	switch {
	case cmd == "APOP" && strings.HasPrefix(args, inUse+" "):
		c.Reply("-ERR [IN-USE] Mailbox is locked by another session")
		return true
	case cmd == "RETR" && c.User() == lateComer:
		time.Sleep(latePause)
	}
	return false
}

// live delivers a letter to one of the lively accounts, again and again, until ctx ends.
func (w *world) live(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			account := lively[i%len(lively)]
			if m, err := w.writer.next(account).message(fmt.Sprintf("%s-live-%d", account, i), now); err == nil {
				w.server.Append(account, m)
			}
		}
	}
}

// unused returns an address where nobody listens: wanted, or a free port of loopback.
func unused(wanted string) (string, error) {
	l, err := net.Listen("tcp", wanted)
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
