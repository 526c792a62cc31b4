package session

import (
	"io"
	"iter"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/pop3"
)

// pipelineWindow is how many RETR or DELE may be sent ahead of their replies where
// the server announces PIPELINING (RFC 2449 section 6.6).
const pipelineWindow = pop3.MaxWindow

// maxLoginDelay is the longest time between two logins that a server is believed
// to want. One that means a longer one will say so when it refuses a login.
const maxLoginDelay = time.Hour

// maildrop is a POP3 session as a [mailbox.Mailbox].
type maildrop struct {
	*pop3.Client
	traits mailbox.Traits
}

// Maildrop returns a POP3 session that is logged in as a [mailbox.Mailbox], with
// the traits that the server's greeting and capabilities tell. Unpipelined has
// nothing sent ahead of replies.
func Maildrop(c *pop3.Client, caps pop3.Capabilities, unpipelined bool) mailbox.Mailbox {
	gmail := isGmail(c.Greeting(), caps)
	t := mailbox.Traits{Window: 1, Batches: gmail, Consumes: true, Cut: pop3.CutAtLoneDot}
	if caps.Has("PIPELINING") && !unpipelined {
		t.Window = pipelineWindow
	}
	if !gmail {
		t.LoginDelay = min(caps.LoginDelay(), maxLoginDelay)
	}
	return &maildrop{c, t}
}

// isGmail tells by what Gmail says of itself in its greeting and its
// capabilities. What it announces there, EXPIRE 0 and LOGIN-DELAY 300, it does not
// do: mail stays where its settings say so, and a mailbox is drained in batches
// one behind the other.
func isGmail(greeting string, caps pop3.Capabilities) bool {
	for name := range caps {
		if strings.HasPrefix(name, "X-GOOGLE") {
			return true
		}
	}
	return strings.Contains(greeting, "Gpop ready")
}

func (m *maildrop) Traits() mailbox.Traits { return m.traits }

func (m *maildrop) Keys(fn func(number int, key string) error) (odd []string, err error) {
	err = m.Uidl(fn)
	return m.BadLines(), err
}

func (m *maildrop) Key(number int) (string, error) { return m.UidlOf(number) }

func (m *maildrop) Sizes(fn func(number int, octets int64) error) (odd []string, err error) {
	err = m.List(fn)
	return m.BadLines(), err
}

func (m *maildrop) Headers(numbers iter.Seq[int], fn func(number int, header io.Reader, err error) error) error {
	return m.TopEach(numbers, m.traits.Window, fn)
}

func (m *maildrop) Retrieve(numbers iter.Seq[int], whole func(number int) int64, fn func(number int, body io.Reader, err error) error) error {
	m.Unstuffed(whole)
	return m.RetrEach(numbers, m.traits.Window, fn)
}

func (m *maildrop) Delete(numbers iter.Seq[int], fn func(number int, err error)) error {
	return m.DeleQuit(numbers, m.traits.Window, fn)
}
