package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

const (
	// maxListLine bounds a line of a list, in bytes. RFC 1939 section 7 allows 70
	// bytes for a UIDL, and some servers use a few hundred. Of a longer line only the
	// number counts.
	maxListLine = 2 << 10
	// maxLongLine is how much of such a line is read to find its end.
	maxLongLine = 1 << 20
	// maxBadLines bounds what BadLines returns.
	maxBadLines = 5
	// maxListEntries bounds LIST and UIDL.
	maxListEntries = 1_000_000
	// maxListBytes bounds the lines of a list together: a million of 2 KiB each would
	// fill the memory of a small machine.
	maxListBytes = 64 << 20
)

// Stat sends STAT (RFC 1939 section 5) and returns the number of messages and their
// size together, in octets. What the server leaves out or garbles is -1: some leave
// out the octets, and LIST and UIDL tell better how many messages there are.
func (c *Client) Stat() (count int, octets int64, err error) {
	text, err := c.cmd("STAT")
	if err != nil {
		return 0, 0, err
	}
	c.server.stat = string(text)
	n, rest, ok := parseNumber(text)
	if !ok || n > math.MaxInt {
		return -1, -1, nil
	}
	return int(n), parseSize(rest), nil
}

// List sends LIST (RFC 1939 section 5) and passes the size of each message to yield,
// in octets and in the server's order. The size is -1 where the server gives none.
// It is a hint: servers count line ends in their own ways.
//
// An error of yield is returned once the list has been read to its end; the client
// stays usable.
func (c *Client) List(yield func(n int, size int64) error) error {
	return c.list("LIST", func(n int, rest []byte) error { return yield(n, parseSize(rest)) })
}

// Uidl sends UIDL (RFC 1939 section 7) and passes the unique identifier of each
// message to yield, like [Client.List]. It is opaque bytes: it may hold spaces and
// 8-bit bytes, and may come twice. It is "" where the server gives none, or one
// that holds NUL or does not fit a line of 2 KiB.
func (c *Client) Uidl(yield func(n int, uidl string) error) error {
	return c.list("UIDL", func(n int, rest []byte) error {
		if bytes.IndexByte(rest, 0) >= 0 {
			c.badLine(fmt.Sprintf("the UIDL of message %d holds NUL", n))
			rest = nil
		}
		return yield(n, string(rest))
	})
}

// UidlOf sends UIDL for message n alone (RFC 1939 section 7) and returns its unique
// identifier as [Client.Uidl] does. QUIRK: twisted leaves out the number.
func (c *Client) UidlOf(n int) (string, error) {
	text, err := c.cmd("UIDL", strconv.Itoa(n))
	if err != nil {
		return "", err
	}
	if number, uidl, ok := parseNumber(text); ok && number == int64(n) {
		text = uidl
	}
	if bytes.IndexByte(text, 0) >= 0 || len(text) > maxListLine-len("2147483647 ") {
		return "", nil
	}
	return string(text), nil
}

// BadLines returns what was wrong with lines of the last list, safe to print, for the
// first five of them.
func (c *Client) BadLines() []string { return c.server.odd }

func (c *Client) badLine(what string) {
	if len(c.server.odd) < maxBadLines {
		c.server.odd = append(c.server.odd, what)
	}
}

func (c *Client) list(verb string, yield func(n int, rest []byte) error) error {
	if _, err := c.cmd(verb); err != nil {
		return err
	}
	entries, lines := 0, 0
	var garbage string
	c.server.odd = nil
	err := c.lines(verb, maxListEntries, func(line []byte, cut bool) error {
		lines++
		n, rest, ok := parseEntry(line)
		if !ok {
			if garbage == "" {
				garbage = c.log.quote(line, maxErrorText)
			}
			c.badLine(fmt.Sprintf("%s in the answer to %s", c.log.quote(line, maxForeign), verb))
			return nil
		}
		if entries++; cut {
			c.badLine(fmt.Sprintf("more than %d bytes for message %d in the answer to %s", maxListLine, n, verb))
			rest = nil
		}
		return yield(n, rest)
	})
	if err != nil {
		return err
	}
	c.log.elided(int64(lines), "lines")
	// One garbled line costs one message its turn. A list of nothing else is
	// not a list, and must not pass for an empty mailbox.
	if entries == 0 && garbage != "" {
		return c.fail(&ProtocolError{Detail: fmt.Sprintf("%s in the answer to %s", garbage, verb), Err: ErrDesync})
	}
	return nil
}

// parseEntry splits a line of LIST or UIDL into the message's number, which is
// not negative, and what follows it. QUIRK: Maillennium separates by three spaces,
// others start each line with +OK or end it with blanks, netius counts from 0.
func parseEntry(line []byte) (n int, rest []byte, ok bool) {
	if s, text := parseReply(line); s == statusOK {
		line = text
	}
	number, rest, ok := parseNumber(line)
	if !ok || number > math.MaxInt32 {
		return 0, nil, false
	}
	return int(number), rest, true
}

// parseNumber reads decimal digits up to a blank or the end, saturating, and
// returns what follows without blanks around it.
func parseNumber(b []byte) (n int64, rest []byte, ok bool) {
	b = bytes.Trim(b, " \t")
	end := bytes.IndexAny(b, " \t")
	if end < 0 {
		end = len(b)
	}
	if end == 0 {
		return 0, nil, false
	}
	for _, digit := range b[:end] {
		if digit < '0' || digit > '9' {
			return 0, nil, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(digit-'0')
	}
	return n, bytes.TrimLeft(b[end:], " \t"), true
}

// parseSize returns the number at the start of b, or -1. QUIRK: Mailpit printed
// sizes as "%!d(float64=1234)".
func parseSize(b []byte) int64 {
	n, _, ok := parseNumber(b)
	if !ok {
		return -1
	}
	return n
}

// lines reads a multi-line answer to its final dot (RFC 1939 section 3): at most
// limit lines, and 64 MiB. Once yield returns an error it is not called again, and
// lines returns that error at the end. cut says that the line is only the beginning
// of one that is too long.
func (c *Client) lines(verb string, limit int, yield func(line []byte, cut bool) error) error {
	c.wire.conn.idle(c.timeouts.Idle)
	var stopped error
	octets := 0
	for n := 0; ; n++ {
		line, err := c.wire.readLine(maxListLine)
		cut := errors.Is(err, ErrLineTooLong)
		if cut {
			line, err = c.wire.skipLine(line, maxListLine, maxLongLine)
		}
		if err != nil {
			return c.fail(c.wire.lineError(err, fmt.Sprintf("within the answer to %s", verb)))
		}
		if len(line) > 0 && line[0] == '.' {
			if len(line) == 1 {
				return stopped
			}
			if line[1] == '.' {
				line = line[1:]
			}
		}
		if octets += len(line); octets > maxListBytes {
			return c.fail(&ProtocolError{Detail: fmt.Sprintf("%s has more than %d MiB", verb, maxListBytes>>20), Err: ErrListTooLong})
		}
		if n == limit {
			return c.fail(&ProtocolError{Detail: fmt.Sprintf("%s has more than %s lines", verb, strconv.Itoa(limit)), Err: ErrListTooLong})
		}
		if stopped == nil && len(line) > 0 {
			stopped = yield(line, cut)
		}
	}
}
