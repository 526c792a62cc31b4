package fetcher

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestListingsTogether: long listings of several accounts are not held at once. One that finds no
// room is read later.
func TestListingsTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.supervisor.Memory = 1 << 20
	w.server.Users["u1"] = "pw0"
	reading, failed := make(chan struct{}), make(chan struct{})
	var begun sync.Once
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		switch {
		case cmd == "UIDL" && c.User() == "u1":
			<-reading
		case cmd == "LIST":
			begun.Do(func() { close(reading) })
			<-failed
		}
		if cmd == "UIDL" {
			c.Reply("+OK")
			line := strings.Repeat("x", 1000)
			var b bytes.Buffer
			for n := range 6000 {
				fmt.Fprintf(&b, "%d %s%d\r\n", n+1, line, n)
			}
			b.WriteString(".\r\n")
			c.Send(b.Bytes())
		}
		return cmd == "UIDL"
	}
	w.supervisor.Observe = func(e event.Event) {
		if done, ok := e.(event.Done); ok && done.Account == "other" {
			close(failed)
		}
	}
	w.server.Pipelining = false // otherwise LIST is sent ahead of the listing
	w.account.MaxMessages = 1
	w.server.Capabilities = nil
	w.start(t)
	other := w.account
	other.Name, other.Username = "other", "u1"
	errs := w.supervisor.RunOnce(t.Context(), []Account{w.account, other})
	var refused error
	for _, err := range errs {
		if strings.Contains(err.Error(), "no room in memory") {
			refused = err
		}
	}
	if refused == nil || !strings.HasPrefix(refused.Error(), "account other:") {
		t.Errorf("errors %v, want one of account other", errs)
	}
	if b := w.supervisor.poller.Held().Listings; b != 0 {
		t.Errorf("%d bytes are held still", b)
	}
}

// crowd is a sink that finds this many attachments in each message.
type crowd struct {
	*memory
	each int
}

func (s *crowd) Stage(_ context.Context, uidl string, r io.Reader) (delivery.Staged, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return delivery.Staged{}, err
	}
	var all []ledger.Attachment
	for i := range s.each {
		name := fmt.Sprintf("%s %s-%d", bytes.TrimSpace(body), uidl, i)
		all = append(all, s.Add([]byte(name), name))
	}
	return delivery.Staged{Attachments: all}, nil
}

// TestManyAttachmentsAtOnce: messages with very many attachments are not all held until the last of
// a batch has come. Those that are put off come with the next polls, and the server does not take
// them as consumed.
func TestManyAttachmentsAtOnce(t *testing.T) {
	t.Parallel()
	const messages, each = 7, 300
	var bodies []string
	for i := range messages {
		bodies = append(bodies, fmt.Sprintf("m%d", i))
	}
	w := newWorld(t, bodies...)
	w.account.Delete = true
	w.supervisor.Memory = 8 * 2 * each * 600 // for two messages and a little
	w.account.OpenSink = func(context.Context) (delivery.Sink, error) { return &crowd{w.sink, each}, nil }
	w.start(t)
	polls := 0
	for err := w.once(t); ; err = w.once(t) {
		if polls++; polls > messages {
			t.Fatalf("error %v after %d polls", err, polls)
		}
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "could not be kept") {
			t.Fatal(err)
		}
		if commands(w, "QUIT") > 0 {
			t.Error("QUIT was sent though messages were retrieved and put off")
		}
		if n := len(w.sink.Files()); n < each*polls || n > 3*each*polls {
			t.Errorf("%d files after poll %d", n, polls)
		}
	}
	if n := len(w.sink.Files()); n != messages*each || polls < 3 || len(w.sink.Staged()) != 0 {
		t.Errorf("%d files after %d polls, %d staged", n, polls, len(w.sink.Staged()))
	}
	if left := len(w.server.Mailbox("u0")); left != 0 {
		t.Errorf("%d messages are left", left)
	}
	if b := w.supervisor.poller.Held().Staged; b != 0 {
		t.Errorf("%d bytes are held still", b)
	}
}
