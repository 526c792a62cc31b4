package history

import (
	"database/sql"
	"iter"
	"slices"
	"strings"
)

// uidl is a message's key, without its size.
type uidl struct {
	account int64
	text    string
}

// sized is a message of a UIDL.
type sized struct{ id, size int64 }

// messages is what a batch knows of the table of messages.
type messages struct {
	known  map[uidl][]sized
	newest int64          // the greatest ID, with those that are not written yet; 0: not asked for
	made   map[int64]bool // messages of this batch
}

// uidlsAtOnce is how many UIDLs are looked up by one statement.
const uidlsAtOnce = 64

// prepare looks up messages by their accounts and UIDLs, many at once.
func (b *batch) prepare(all iter.Seq2[string, string]) error {
	asked := make(map[int64][]any) // UIDLs by account
	for name, text := range all {
		account, err := b.account(name)
		if err != nil {
			return err
		}
		key := uidl{account, text}
		if _, known := b.messages.known[key]; !known {
			b.messages.known[key] = nil
			asked[account] = append(asked[account], []byte(key.text))
		}
	}
	for account, all := range asked {
		for some := range slices.Chunk(all, uidlsAtOnce) {
			if err := b.lookUp(account, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookUp notes the messages of up to uidlsAtOnce UIDLs.
func (b *batch) lookUp(account int64, uidls []any) error {
	args := make([]any, 1+uidlsAtOnce) // NULL is no UIDL
	args[0] = account
	copy(args[1:], uidls)
	return eachRow(b.tx.ctx, b.tx, "SELECT id, uidl, size FROM message WHERE account = ? AND uidl IN (?"+strings.Repeat(", ?", uidlsAtOnce-1)+")", func(rows *sql.Rows) error {
		var m sized
		var text sql.RawBytes
		err := rows.Scan(&m.id, &text, &m.size)
		key := uidl{account, string(text)}
		b.messages.known[key] = append(b.messages.known[key], m)
		return err
	}, args...)
}

// message returns the row of a message, which it makes if there is none. octets is 0 if nobody
// knows it.
func (b *batch) message(account int64, text string, octets int64) (id int64, err error) {
	key := uidl{account, text}
	if _, known := b.messages.known[key]; !known {
		b.messages.known[key] = nil
		if err := b.lookUp(account, []any{[]byte(text)}); err != nil {
			return 0, err
		}
	}
	m := best(b.messages.known[key], octets)
	switch {
	case m == nil:
		return b.newMessage(key, octets)
	case m.size != octets && octets != 0:
		m.size = octets
		if err = b.flush(); err == nil {
			err = b.exec("UPDATE message SET size = ? WHERE id = ?", octets, m.id)
		}
	}
	return m.id, err
}

// best returns the message that a size is that of: the one that has it, else the newest one whose
// size nobody knows. All have a size that nobody knows.
func best(of []sized, octets int64) (best *sized) {
	for i := range of {
		m := &of[i]
		switch {
		case m.size != octets && m.size != 0 && octets != 0:
		case best == nil,
			m.size == octets && best.size != octets,
			(m.size == octets) == (best.size == octets) && m.id > best.id:
			best = m
		}
	}
	return best
}

func (b *batch) newMessage(key uidl, octets int64) (id int64, err error) {
	if b.messages.newest == 0 {
		if err := b.tx.QueryRow("SELECT coalesce(max(id), 0) FROM message").Scan(&b.messages.newest); err != nil {
			return 0, err
		}
	}
	b.messages.newest++
	id = b.messages.newest
	b.messages.made[id] = true
	b.messages.known[key] = append(b.messages.known[key], sized{id, octets})
	return id, b.newMessages.add(b.tx, id, key.account, []byte(key.text), octets)
}
