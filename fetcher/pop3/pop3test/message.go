package pop3test

import "bytes"

// octets returns how many bytes a client gets.
func (m *Message) octets() int64 {
	n := int64(len(m.Raw))
	if openEnded(m.Raw) {
		n += 2
	}
	return n
}

// octets returns the size of m as the server states it.
func (c *Conn) octets(m *Message) int64 {
	if c.server.List.Octets != nil {
		return c.server.List.Octets(m.Raw)
	}
	return m.octets()
}

// openEnded reports whether the last line of raw has no end. It gets one then, as the
// final dot must start a line (RFC 1939 section 3).
func openEnded(raw []byte) bool {
	return len(raw) > 0 && raw[len(raw)-1] != '\n'
}

// message writes raw with its dots stuffed, and the final dot.
func (c *Conn) message(raw []byte) {
	if c.server.Retr.Unstuffed {
		c.writer.Write(raw)
		c.end(raw)
		return
	}
	lineDot := []byte("\n.")
	if len(raw) > 0 && raw[0] == '.' {
		c.writer.WriteByte('.')
	}
	for rest := raw; ; {
		i := bytes.Index(rest, lineDot)
		if i < 0 {
			c.writer.Write(rest)
			break
		}
		c.writer.Write(rest[:i+1])
		c.writer.WriteByte('.')
		c.writer.WriteByte('.')
		rest = rest[i+2:]
	}
	c.end(raw)
}

// end sends the final dot behind raw.
func (c *Conn) end(raw []byte) {
	if openEnded(raw) {
		c.Reply("")
	}
	c.Reply(".")
}

// top returns the header of a message and n lines of its body.
func top(raw []byte, n int) []byte {
	inBody := false
	for end := 0; ; {
		if inBody && n == 0 {
			return raw[:end]
		}
		i := bytes.IndexByte(raw[end:], '\n')
		if i < 0 {
			return raw
		}
		line := bytes.TrimRight(raw[end:end+i], "\r")
		end += i + 1
		if inBody {
			n--
		} else if len(line) == 0 {
			inBody = true
		}
	}
}
