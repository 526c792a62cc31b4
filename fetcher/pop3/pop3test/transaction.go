package pop3test

import (
	"fmt"
	"strconv"
	"strings"
)

// transaction is the state after the login (RFC 1939 section 5).
func (c *Conn) transaction(cmd, args string) {
	if c.tooSoon && cmd == c.server.Throttle.Command {
		c.Reply(c.server.Throttle.Answer)
		return
	}
	switch cmd {
	case "NOOP":
		c.Reply("+OK")
	case "STAT":
		count, octets := c.size()
		c.Reply(fmt.Sprintf("+OK %d %d", count, octets))
	case "LIST":
		size := c.server.List.Size
		if size == nil {
			size = func(octets int64) string { return strconv.FormatInt(octets, 10) }
		}
		c.list(args, func(m *Message) string { return size(c.octets(m)) })
	case "UIDL":
		c.list(args, func(m *Message) string { return m.UIDL })
	case "RSET":
		for i := range c.view.entries {
			c.view.entries[i].deleted = false
		}
		c.Reply("+OK")
	case "RETR":
		c.retr(args)
	case "TOP":
		c.top(args)
	case "DELE":
		if e, i, ok := c.entry(args); ok {
			e.deleted = true
			if c.server.Dele.Renumbers {
				c.withdraw(i)
			}
			c.Reply("+OK")
		}
	default:
		c.refuseUnknown()
	}
}

func (c *Conn) list(args string, value func(*Message) string) {
	if args != "" {
		if e, i, ok := c.entry(args); ok {
			c.Reply(fmt.Sprintf("+OK %d %s", i+c.first(), value(e.Message)))
		}
		return
	}
	c.Reply("+OK")
	for i, e := range c.view.entries {
		if !e.deleted {
			c.Reply(strconv.Itoa(i+c.first()) + " " + value(e.Message))
		}
	}
	c.Reply(".")
}

func (c *Conn) retr(number string) {
	e, _, ok := c.entry(number)
	if !ok {
		return
	}
	quirks := c.server.Retr
	if quirks.Limit > 0 && c.sent >= quirks.Limit {
		c.Reply(quirks.LimitAnswer)
		return
	}
	c.sent++
	c.Reply(fmt.Sprintf("+OK %d octets", c.octets(e.Message)))
	c.message(e.Raw)
	e.retrieved = true
	if quirks.DeletesAtOnce {
		c.server.maildrops.remove(c.user, map[*Message]bool{e.Message: true})
	}
}

func (c *Conn) top(args string) {
	number, lines, _ := strings.Cut(args, " ")
	n, err := strconv.Atoi(lines)
	if err != nil || n < 0 {
		c.Reply("-ERR how many lines?")
		return
	}
	if e, _, ok := c.entry(number); ok {
		c.Reply("+OK")
		c.message(top(e.Raw, n))
	}
}
