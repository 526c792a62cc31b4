package session

import (
	"io"
	"iter"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/pop3"
)

// pipelineWindow is how many RETR or DELE are sent ahead of their replies if the server announces
// PIPELINING (RFC 2449 section 6.6).
const pipelineWindow = pop3.MaxWindow

// maxLoginDelay bounds the announced time between two logins. A hostile or mistaken server could
// otherwise stop an account. A server that really wants more refuses the login.
const maxLoginDelay = time.Hour

// maildrop is a POP3 session as a [mailbox.Mailbox].
type maildrop struct {
	*pop3.Client
	traits mailbox.Traits
}

// Maildrop wraps a POP3 session after its login as a [mailbox.Mailbox]. The traits come from the
// server's greeting and capabilities. unpipelined sends nothing ahead of replies.
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

// isGmail recognizes Gmail by its greeting and capabilities. Gmail announces EXPIRE 0 and
// LOGIN-DELAY 300, and does neither: its settings decide whether mail stays, and further sessions
// may follow at once, each with the next batch of messages.
func isGmail(greeting string, caps pop3.Capabilities) bool {
	for name := range caps {
		if strings.HasPrefix(name, "X-GOOGLE") {
			return true
		}
	}
	return strings.Contains(greeting, "Gpop ready")
}

// Traits returns what greeting and capabilities say.
func (m *maildrop) Traits() mailbox.Traits { return m.traits }

// Keys runs UIDL.
func (m *maildrop) Keys(fn func(number int, key string) error) (odd []string, err error) {
	err = m.Uidl(fn)
	return m.BadLines(), err
}

// Key runs UIDL with a number.
func (m *maildrop) Key(number int) (string, error) { return m.UidlOf(number) }

// Sizes runs LIST.
func (m *maildrop) Sizes(fn func(number int, octets int64) error) (odd []string, err error) {
	err = m.List(fn)
	return m.BadLines(), err
}

// Headers runs TOP.
func (m *maildrop) Headers(numbers iter.Seq[int], fn func(number int, header io.Reader, err error) error) error {
	return m.TopEach(numbers, m.traits.Window, fn)
}

// Retrieve runs RETR.
func (m *maildrop) Retrieve(numbers iter.Seq[int], whole func(number int) int64, fn func(number int, body io.Reader, err error) error) error {
	m.Unstuffed(whole)
	return m.RetrEach(numbers, m.traits.Window, fn)
}

// Delete runs DELE, then QUIT.
func (m *maildrop) Delete(numbers iter.Seq[int], fn func(number int, err error)) error {
	return m.DeleQuit(numbers, m.traits.Window, fn)
}
