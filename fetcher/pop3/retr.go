package pop3

import (
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// Retr asks for message n (RFC 1939 section 5) and returns its bytes as a
// stream, which must be read to its end or closed before the next command.
// Close skips what is left. Reading ends with io.EOF only behind the terminating
// line; an end before it is an error that wraps io.ErrUnexpectedEOF and breaks
// the session.
func (c *Client) Retr(n int) (io.ReadCloser, error) {
	return c.message("RETR", strconv.Itoa(n))
}

// Top asks for the header of message n and so many lines of its body (RFC 1939
// section 7), to be read like Retr's.
func (c *Client) Top(n, lines int) (io.ReadCloser, error) {
	return c.message("TOP", fmt.Sprintf("%d %d", n, lines))
}

func (c *Client) message(verb, args string) (io.ReadCloser, error) {
	if _, err := c.cmd(verb, args, ""); err != nil {
		return nil, err
	}
	c.body = newBody(c, verb+" "+args)
	return c.body, nil
}

// RetrEach asks for each message of ns and calls fn for each in that order, with
// its bytes as a stream, valid during the call, or with the [*Error] of the
// server's -ERR to this one. What fn leaves unread is skipped. At most window RETRs are sent
// ahead of their replies (pipelining, RFC 2449 section 6.6), and no more than
// the package's limit of bytes; use 1 where the server does not announce
// PIPELINING. An error of fn or of the line ends the session and is returned.
//
// When fn is called for a message, the one before it was whole: the server's
// next reply has been read. After the last one only a further command tells.
func (c *Client) RetrEach(ns iter.Seq[int], window int, fn func(n int, body io.Reader, err error) error) error {
	return c.pipelined("RETR", ns, window, func(n int, err error) error {
		if err != nil {
			return fn(n, nil, err)
		}
		c.body = newBody(c, "RETR "+strconv.Itoa(n))
		if err := fn(n, c.body, nil); err != nil {
			return err
		}
		return c.body.Close()
	})
}

// DeleEach marks each message of ns as deleted and calls fn with each result, as
// RetrEach does.
func (c *Client) DeleEach(ns iter.Seq[int], window int, fn func(n int, err error) error) error {
	return c.pipelined("DELE", ns, window, fn)
}

// pipelined sends verb for each number in a window ahead of the replies. The
// window is refilled when half of it is answered, so that one write carries many
// commands.
func (c *Client) pipelined(verb string, ns iter.Seq[int], window int, fn func(n int, err error) error) error {
	if err := c.ready(); err != nil {
		return err
	}
	next, stop := iter.Pull(ns)
	defer stop()
	window = max(window, 1)
	var sent []int // awaiting their replies, oldest first
	var bytes []int
	inFlight, more := 0, true
	var out []byte
	for {
		if more && len(sent) <= window/2 && inFlight <= maxInFlight/2 {
			out = out[:0]
			for more && len(sent) < window && inFlight < maxInFlight {
				n, ok := next()
				if !ok {
					more = false
					break
				}
				before := len(out)
				out = append(append(strconv.AppendInt(append(append(out, verb...), ' '), int64(n), 10), '\r'), '\n')
				sent, bytes = append(sent, n), append(bytes, len(out)-before)
				inFlight += len(out) - before
			}
			if len(out) > 0 {
				if err := c.send(out, strings.TrimSuffix(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n")); err != nil {
					return err
				}
			}
		}
		if len(sent) == 0 {
			return nil
		}
		n := sent[0]
		inFlight -= bytes[0]
		sent, bytes = sent[1:], bytes[1:]
		_, err := c.reply(verb)
		if c.err != nil {
			return c.desync(err)
		}
		if err := fn(n, err); err != nil {
			return c.fail(err)
		}
		c.body = nil
	}
}

// desync says of a line that is no reply behind a message what the likely reason is.
func (c *Client) desync(err error) error {
	if p, ok := err.(*ProtocolError); ok && c.received {
		p.Hint = "the message before it may have been cut at a line with a lone dot"
	}
	return err
}
