package pop3test

import (
	"slices"
	"strconv"
)

// UIDL returns that of the message of a number in this session, "" for none.
func (c *Conn) UIDL(number string) string {
	n, err := strconv.Atoi(number)
	n -= c.server.first()
	if err != nil || n < 0 || n >= len(c.messages) {
		return ""
	}
	return c.messages[n].UIDL
}

func (c *Conn) index(number string) (int, bool) {
	n, err := strconv.Atoi(number)
	n -= c.server.first()
	if err != nil || n < 0 || n >= len(c.messages) || c.deleted[n] {
		c.Reply("-ERR no such message")
		return 0, false
	}
	return n, true
}

// first is the number of the first message.
func (s *Server) first() int {
	if s.FromZero {
		return 0
	}
	return 1
}

// withdraw takes a message that is deleted out of the numbering.
func (c *Conn) withdraw(i int) {
	c.withdrawn = append(c.withdrawn, c.messages[i])
	c.messages, c.deleted, c.retrieved = slices.Delete(c.messages, i, i+1), slices.Delete(c.deleted, i, i+1), slices.Delete(c.retrieved, i, i+1)
}

// expunge carries out the deletions of c's session.
func (s *Server) expunge(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := make(map[*Message]bool)
	for _, m := range c.withdrawn {
		gone[m] = true
	}
	for i, m := range c.messages {
		if c.deleted[i] {
			gone[m] = true
		}
		if c.retrieved[i] && s.PopOnQuit {
			s.popped[m] = true
		}
	}
	if !s.NeverDeletes {
		s.remove(c.user, gone)
	}
}

// consume is the RETR of a message on a server that deletes by it.
func (s *Server) consume(user string, m *Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(user, map[*Message]bool{m: true})
}

// remove takes messages out of a mailbox; s.mu is held.
func (s *Server) remove(user string, gone map[*Message]bool) {
	s.boxes[user] = slices.DeleteFunc(s.boxes[user], func(m *Message) bool { return gone[m] })
}
