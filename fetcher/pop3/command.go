package pop3

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// commands are those that were sent, or are about to be, and have no reply yet.
type commands struct {
	out     []byte   // not sent yet
	queued  int      // number of commands in out
	waiting int      // sent, and without a reply so far
	ahead   []string // of those, what Ahead sent, in order
	behind  []string // what the next login sends along, see Behind
	// handed says that the login was confirmed and the first reply behind it has not come.
	handed bool
	// oneByOne says that the login is not sent together, see OneByOne.
	oneByOne bool
}

// Ahead sends commands without arguments in one write (RFC 2449 section 6.6). The calls
// for these commands must come next, in the same order; they only read the replies.
func (c *Client) Ahead(verbs ...string) error {
	for _, verb := range verbs {
		if err := c.queue(verb); err != nil {
			return err
		}
	}
	c.commands.ahead = append(c.commands.ahead, verbs...)
	return c.flush()
}

// maxHandover bounds the wait for the first reply behind a login. The mailbox may have to be
// opened first; a server that lost the command never answers it.
const maxHandover = 15 * time.Second

// Behind has the next [Client.UserPass] or [Client.Apop] send commands without arguments in the
// same write (RFC 2449 section 6.6). After the login, the calls for these commands must come
// next, as after [Client.Ahead]. A login that is refused closes the client: what the server says
// to the commands behind it means nothing. USER and PASS without TLS are sent alone: the calls
// then send the commands themselves.
//
// QUIRK: servers hand the connection to another process at the login, and some lose what they
// had read by then (Courier reads 4 KiB ahead). If no reply comes for 15 seconds after the
// login, the error wraps [ErrDesync].
func (c *Client) Behind(verbs ...string) { c.commands.behind = verbs }

// OneByOne has [Client.UserPass] wait for the reply to USER before PASS, whatever the server
// announces.
func (c *Client) OneByOne() { c.commands.oneByOne = true }

// sendLogin sends what is queued of a login, and the commands behind it.
func (c *Client) sendLogin() error {
	for _, verb := range c.commands.behind {
		if err := c.queue(verb); err != nil {
			return err
		}
	}
	return c.flush()
}

// answered takes the result of a login.
func (c *Client) answered(err error) error {
	behind := c.commands.behind
	c.commands.behind = nil
	switch {
	case len(behind) == 0:
	case err != nil:
		c.Close()
	default:
		c.commands.ahead, c.commands.handed = behind, true
	}
	return err
}

// cmd sends one command and reads its reply. The text it returns is valid up to
// the next read.
func (c *Client) cmd(verb string, args ...string) ([]byte, error) {
	if ahead := c.commands.ahead; len(ahead) > 0 && c.err == nil {
		if verb != ahead[0] || len(args) > 0 {
			return nil, fmt.Errorf("send %s: read the reply to %s first", named(verb), ahead[0])
		}
		c.commands.ahead = ahead[1:]
		return c.reply(verb)
	}
	if err := c.queue(verb, args...); err != nil {
		return nil, err
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	return c.reply(verb)
}

// queue appends a command to those that flush will send in one write. Every byte
// that goes to the server as a command passes here. An empty verb is for the
// lines of AUTH that follow the first.
func (c *Client) queue(verb string, args ...string) error {
	if c.err != nil {
		return c.err
	}
	if c.message.body != nil {
		return fmt.Errorf("send %s: message %d is still being read", verb, c.message.body.n)
	}
	q := &c.commands
	for _, arg := range args {
		// A line end in an argument would be the start of another command. The
		// argument is not named: it may be a password.
		if strings.ContainsAny(arg, "\r\n\x00") {
			q.out, q.queued = q.out[:0], 0
			return fmt.Errorf("send %s: argument holds a line break or NUL", verb)
		}
	}
	q.out = append(q.out, verb...)
	for i, arg := range args {
		if i > 0 || verb != "" {
			q.out = append(q.out, ' ')
		}
		q.out = append(q.out, arg...)
	}
	q.out = append(q.out, "\r\n"...)
	q.queued++
	c.log.sent(verb, args)
	return nil
}

// flush sends what is queued.
func (c *Client) flush() error {
	q := &c.commands
	out, queued := q.out, q.queued
	q.out, q.queued = q.out[:0], 0
	if err := c.inStep(); err != nil {
		return err
	}
	q.waiting += queued
	if _, err := c.wire.w.Write(out); err != nil {
		return c.fail(c.writeError(err))
	}
	return nil
}

// writeError says why a command could not be sent.
func (c *Client) writeError(err error) error {
	if timedOut(err) {
		err = &timeoutError{fmt.Sprintf("server took nothing for %v", c.timeouts.Write), "", err}
	}
	return fmt.Errorf("send command: %w", err)
}

// inStep finds input that nobody asked for, as far as it has come: the rest of a
// message behind a lone dot may look like a reply to the next command.
func (c *Client) inStep() error {
	if c.commands.waiting > 0 {
		return nil
	}
	input := c.wire.input(maxForeign)
	if len(input) == 0 {
		return nil
	}
	return c.fail(c.desync(c.log.quote(input, maxForeign) + " although nothing was asked"))
}

// reply reads the reply to verb, the oldest command that waits for one, and
// returns its text.
func (c *Client) reply(verb string) ([]byte, error) {
	line, err := c.replyLine(verb)
	if err != nil {
		return nil, err
	}
	switch s, text := parseReply(line); s {
	case statusOK:
		c.message.ended = 0
		return text, nil
	case statusErr:
		c.message.ended = 0
		return nil, newError(verb, c.log.mask(line))
	}
	return nil, c.outOfStep(verb, line)
}

func (c *Client) replyLine(verb string) ([]byte, error) {
	limit, handed := c.timeouts.Reply, c.commands.handed
	if c.commands.handed = false; handed {
		limit = min(limit, maxHandover)
	}
	c.wire.conn.within(limit, "reply")
	line, err := c.wire.readLine(maxReply)
	if handed && timedOut(err) {
		return nil, c.fail(&ProtocolError{
			Detail: fmt.Sprintf("server confirmed the login and lost what was sent with it: no answer to %s within %v", named(verb), limit), Err: ErrDesync,
		})
	}
	if err != nil {
		err = c.wire.lineError(err, "instead of answering "+named(verb))
		if errors.Is(err, ErrLineTooLong) && c.message.ended > 0 {
			err = c.desync(err.Error())
		}
		return nil, c.fail(err)
	}
	if verb == "" && len(line) > 2 && line[0] == '+' && line[1] == ' ' {
		// In base64, what it says back of a token would not be seen for what it is.
		c.log.received([]byte("+ " + masking))
	} else {
		c.log.received(line)
	}
	c.commands.waiting--
	return line, nil
}

// named is verb, or what a line without a verb belongs to.
func named(verb string) string {
	if verb == "" {
		return "AUTH"
	}
	return verb
}

// maxForeign is how many bytes are shown of what may be a piece of somebody's mail.
const maxForeign = 40

// outOfStep breaks the client because of a line that is no reply to verb.
func (c *Client) outOfStep(verb string, line []byte) error {
	return c.fail(c.desync(c.log.quote(line, maxForeign) + " in place of the reply to " + named(verb)))
}

// CutAtLoneDot is part of the text of an [ErrDesync] behind a message. It says that the server may
// not stuff dots, so that [Client.Unstuffed] may help.
const CutAtLoneDot = "cut at a lone dot"

// desync is the error for input that can't be. Behind a message it is most
// likely the rest of it, cut off at a lone dot that the server did not stuff.
func (c *Client) desync(seen string) error {
	if ended := c.message.ended; ended > 0 {
		seen += fmt.Sprintf("; message %d may have been %s", ended-1, CutAtLoneDot)
	}
	return &ProtocolError{Detail: seen, Err: ErrDesync}
}
