package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// List asks for the octets of every message (RFC 1939 section 5) and calls yield
// for each in the server's order. Size is -1 where the server does not say, and
// a hint in any case: servers count line ends differently. An error of yield
// breaks the session and is returned.
func (c *Client) List(yield func(n int, size int64) error) error {
	return c.numbered("LIST", func(n int, rest []byte) error {
		size, _, _ := bytes.Cut(rest, []byte(" "))
		return yield(n, parseSize(string(size)))
	})
}

// Uidl asks for the unique id of every message (RFC 1939 section 7) and calls
// yield for each in the server's order. RFC 1939 limits a UIDL to 70 printable characters;
// servers don't, so that it may hold any byte but line ends, and may be empty.
// An error of yield breaks the session and is returned.
func (c *Client) Uidl(yield func(n int, uidl string) error) error {
	return c.numbered("UIDL", func(n int, rest []byte) error { return yield(n, string(rest)) })
}

// numbered reads a listing of lines "number rest".
func (c *Client) numbered(verb string, yield func(n int, rest []byte) error) error {
	if _, err := c.cmd(verb, "", ""); err != nil {
		return err
	}
	entries := 0
	return c.multiline(verb, maxList, func(line []byte) error {
		// QUIRK: some servers put "+OK" before each line of a listing.
		if len(line) > 3 && strings.EqualFold(string(line[:3]), "+OK") {
			line = line[3:]
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return nil
		}
		entries++
		number, rest, _ := bytes.Cut(line, []byte(" "))
		// QUIRK: Maillennium puts three blanks between number and UIDL.
		rest = bytes.TrimLeft(rest, " \t")
		n, ok := parseNumber(string(number))
		if !ok || n == 0 {
			return &ProtocolError{Step: fmt.Sprintf("read line %d of %s", entries, verb), Line: printable(string(line)), Hint: "expected a message number"}
		}
		return yield(n, rest)
	})
}

// multiline reads the lines of a multi-line response up to the one that holds a
// dot alone (RFC 1939 section 3). The slice given to yield is valid during the
// call.
func (c *Client) multiline(verb string, most int, yield func(line []byte) error) error {
	trace := c.trace
	c.trace = nil // a listing may have a million lines
	defer func() { c.trace = trace }()
	for lines := 0; ; lines++ {
		if lines > most {
			return c.fail(fmt.Errorf("read lines of %s: %w: more than %d entries", verb, ErrListTooLong, most))
		}
		if c.r.Buffered() == 0 {
			c.conn.SetReadDeadline(time.Now().Add(c.timeouts.Idle))
		}
		line, err := c.r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull), err == nil && len(line) > maxListLine:
			return c.fail(fmt.Errorf("read lines of %s: %w", verb, ErrLineTooLong))
		case errors.Is(err, io.EOF):
			return c.fail(fmt.Errorf("read lines of %s: connection ended before the closing dot: %w", verb, io.ErrUnexpectedEOF))
		case err != nil:
			return c.fail(fmt.Errorf("read lines of %s: %w", verb, err))
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && line[0] == '.' {
			if len(line) == 1 {
				if trace != nil {
					trace(TraceLine{From: FromServer, Text: fmt.Sprintf("(%d lines)", lines)})
				}
				return nil
			}
			line = line[1:]
		}
		if err := yield(line); err != nil {
			return c.fail(err)
		}
	}
}

// Capabilities is what a server announces in answer to CAPA (RFC 2449 section
// 5): arguments by name, in upper case.
type Capabilities map[string][]string

// Has reports whether the capability was announced.
func (c Capabilities) Has(name string) bool {
	_, ok := c[strings.ToUpper(name)]
	return ok
}

// Args returns the arguments that the capability was announced with.
func (c Capabilities) Args(name string) []string { return c[strings.ToUpper(name)] }

// Capa asks for the capabilities. They may differ after Stls and after a login,
// so ask again then. A server without CAPA has none: that is no error.
func (c *Client) Capa() (Capabilities, error) {
	if _, err := c.cmd("CAPA", "", ""); err != nil {
		if reply := (*Error)(nil); errors.As(err, &reply) {
			c.pipeline = false
			return Capabilities{}, nil
		}
		return nil, err
	}
	caps := Capabilities{}
	err := c.multiline("CAPA", maxCapa, func(line []byte) error {
		if fields := strings.Fields(string(line)); len(fields) > 0 {
			name := strings.ToUpper(fields[0])
			caps[name] = append(caps[name], fields[1:]...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.pipeline = caps.Has("PIPELINING")
	return caps, nil
}
