package pop3test

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// maildrops hold the messages of all users. Each is open in one session at most (RFC 1939 section
// 4). Methods may be called from several goroutines.
type maildrops struct {
	mu     sync.Mutex
	boxes  map[string][]*Message    // by user, nil before the start
	held   map[string]chan struct{} // by user; closed when the session that holds it ends
	hidden map[*Message]bool        // by ConsumesAtQuit
}

func (d *maildrops) start(mailboxes map[string][]Message) {
	d.mu.Lock()
	d.boxes, d.held, d.hidden = map[string][]*Message{}, map[string]chan struct{}{}, map[*Message]bool{}
	d.mu.Unlock()
	for user, messages := range mailboxes {
		d.add(user, messages)
	}
}

func (d *maildrops) add(user string, messages []Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range messages {
		d.boxes[user] = append(d.boxes[user], &m)
	}
}

func (d *maildrops) clear(user string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.boxes, user)
}

// content returns the messages of a user; ok is false before the start.
func (d *maildrops) content(user string) (messages []Message, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.boxes[user] {
		messages = append(messages, *m)
	}
	return messages, d.boxes != nil
}

// open takes the maildrop of a user for one session and returns what that may see. It waits up to
// patience for the session that holds it; ok is false if that goes on.
func (d *maildrops) open(user string, patience time.Duration) (messages []*Message, ok bool) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		d.mu.Lock()
		held := d.held[user]
		if held == nil {
			defer d.mu.Unlock()
			d.held[user] = make(chan struct{})
			return slices.DeleteFunc(slices.Clone(d.boxes[user]), func(m *Message) bool { return d.hidden[m] }), true
		}
		d.mu.Unlock()
		select {
		case <-held:
		case <-timeout.C:
			return nil, false
		}
	}
}

// release ends what open began.
func (d *maildrops) release(user string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.held[user])
	delete(d.held, user)
}

func (d *maildrops) remove(user string, gone map[*Message]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boxes[user] = slices.DeleteFunc(d.boxes[user], func(m *Message) bool { return gone[m] })
}

func (d *maildrops) hide(m *Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hidden[m] = true
}

// view is an open maildrop as its session sees it: a message's place is its number, and DELE only
// marks it.
type view struct {
	entries   []entry
	withdrawn []*Message // deleted, and without a number any more
}

type entry struct {
	*Message
	deleted, retrieved bool
}

func (c *Conn) openView(messages []*Message) {
	if limit := c.server.List.Oldest; limit > 0 {
		messages = messages[:min(limit, len(messages))]
	}
	c.view = view{}
	for _, m := range messages {
		c.view.entries = append(c.view.entries, entry{Message: m})
	}
}

// expunge carries out the deletions of the session.
func (c *Conn) expunge() {
	gone := make(map[*Message]bool)
	for _, m := range c.view.withdrawn {
		gone[m] = true
	}
	for _, e := range c.view.entries {
		if e.deleted {
			gone[e.Message] = true
		}
		if e.retrieved && c.server.Retr.ConsumesAtQuit {
			c.server.maildrops.hide(e.Message)
		}
	}
	if !c.server.Dele.Ignored {
		c.server.maildrops.remove(c.user, gone)
	}
}

// withdraw takes a message that is deleted out of the numbering.
func (c *Conn) withdraw(i int) {
	c.view.withdrawn = append(c.view.withdrawn, c.view.entries[i].Message)
	c.view.entries = slices.Delete(c.view.entries, i, i+1)
}

// size returns what STAT says.
func (c *Conn) size() (count int, octets int64) {
	for _, e := range c.view.entries {
		if !e.deleted {
			count++
			octets += c.octets(e.Message)
		}
	}
	return count, octets
}

// UIDL returns the UIDL of the message with that number in this session, "" for none.
func (c *Conn) UIDL(number string) string {
	if i, ok := c.place(number); ok {
		return c.view.entries[i].UIDL
	}
	return ""
}

// entry returns the message with that number, and refuses the command if there is none.
func (c *Conn) entry(number string) (e *entry, i int, ok bool) {
	if i, ok = c.place(number); !ok || c.view.entries[i].deleted {
		c.Reply("-ERR no such message")
		return nil, 0, false
	}
	return &c.view.entries[i], i, true
}

// place returns where the message with that number is, deleted or not.
func (c *Conn) place(number string) (i int, ok bool) {
	n, err := strconv.Atoi(number)
	n -= c.first()
	return n, err == nil && n >= 0 && n < len(c.view.entries)
}

// first is the number of the first message.
func (c *Conn) first() int {
	if c.server.List.FromZero {
		return 0
	}
	return 1
}
