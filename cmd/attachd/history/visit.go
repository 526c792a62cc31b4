package history

import (
	"time"
	"unicode"
	"unicode/utf8"
)

// keptPolls is how many polls of each account are kept, pruneEach after how many new ones the
// oldest go.
const (
	keptPolls = 100
	pruneEach = 16
)

// ongoing is a trouble that lasts.
type ongoing struct {
	id                int64
	host, step, class string
	text              string
}

// visit writes a poll, and the trouble that it begins, continues or ends.
func (b *batch) visit(v visit) error {
	account, err := b.account(v.account)
	if err != nil {
		return err
	}
	at := v.at.UnixMilli()
	trouble := int64(0)
	if v.err == nil {
		err = b.over(account, at)
	} else {
		b.came(v.at, sums{failed: 1})
		trouble, err = b.trouble(account, at, v)
	}
	if err != nil {
		return err
	}
	for in := int64(0); in == 0; at++ { // another one may have ended in the same millisecond
		result, err := b.tx.Exec("INSERT OR IGNORE INTO poll (account, at, took, messages, files, bytes, trouble) VALUES (?, ?, ?, ?, ?, ?, ?)",
			account, at, v.took.Milliseconds(), v.counts.Messages, v.files, v.bytes, trouble)
		if err != nil {
			return err
		}
		if in, err = result.RowsAffected(); err != nil {
			return err
		}
	}
	b.pruned[account]--
	if b.pruned[account] > 0 {
		return nil
	}
	b.pruned[account] = pruneEach
	return b.exec("DELETE FROM poll WHERE account = ?1 AND at <= (SELECT at FROM poll WHERE account = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)", account, keptPolls)
}

// trouble writes a failure and returns the row of its trouble.
func (b *batch) trouble(account, at int64, v visit) (int64, error) {
	is := b.classify(v)
	was := b.ongoing(account)
	if was != nil && was.same(is) {
		again := *was
		again.text = is.text
		b.open[account] = &again
		return was.id, b.exec("UPDATE trouble SET last = max(last, ?), times = times + 1, text = ? WHERE id = ?", at, is.text, was.id)
	}
	if err := b.over(account, at); err != nil {
		return 0, err
	}
	err := b.tx.QueryRow("INSERT INTO trouble (account, host, step, class, text, first, last, times) VALUES (?, ?, ?, ?, ?, ?, ?, 1) RETURNING id",
		account, is.host, is.step, is.class, is.text, at, at).Scan(&is.id)
	if err != nil {
		return 0, err
	}
	b.open[account] = &is
	return is.id, b.exec("DELETE FROM trouble WHERE account = ?1 AND over IS NOT NULL AND last < (SELECT last FROM trouble WHERE account = ?1 ORDER BY last DESC LIMIT 1 OFFSET ?2)", account, keptTroubles)
}

func (b *batch) classify(v visit) (is ongoing) {
	if fn := b.history.options.Classify; fn != nil {
		is.host, is.step, is.class, is.text = fn(v.account, v.err)
	} else {
		is.text = v.err.Error()
	}
	is.text = clean(is.text, maxError)
	return is
}

// ongoing returns the trouble of an account that lasts, nil for none.
func (b *batch) ongoing(account int64) *ongoing {
	if o, changed := b.open[account]; changed {
		return o
	}
	return b.state.open[account]
}

// over ends the trouble of an account, if it has one.
func (b *batch) over(account, at int64) error {
	o := b.ongoing(account)
	if o == nil {
		return nil
	}
	b.open[account] = nil
	return b.exec("UPDATE trouble SET over = max(last, ?) WHERE id = ?", at, o.id)
}

// configured ends the troubles of all accounts that are gone.
func (b *batch) configured(a accounts) error {
	there := make(map[int64]bool, len(a.names))
	for _, name := range a.names {
		if id, ok := b.state.accounts[name]; ok {
			there[id] = true
		} else if id, ok := b.accounts[name]; ok {
			there[id] = true
		}
	}
	failing := make(map[int64]bool)
	for account := range b.state.open {
		failing[account] = true
	}
	for account := range b.open {
		failing[account] = true
	}
	for account := range failing {
		if there[account] {
			continue
		}
		if err := b.over(account, a.at.UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

// same reports whether two failures are one trouble: they differ at most in words with digits, such
// as ports, times and the names of sessions.
func (o *ongoing) same(as ongoing) bool {
	return o.host == as.host && o.step == as.step && o.class == as.class && (o.text == as.text || skeleton(o.text) == skeleton(as.text))
}

// skeleton replaces each word that has a digit.
func skeleton(s string) string {
	b := make([]byte, 0, len(s))
	begin, digit := 0, false
	end := func(at int) {
		if digit {
			b = append(b, '#')
		} else {
			b = append(b, s[begin:at]...)
		}
		digit = false
	}
	for i, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-' {
			digit = digit || unicode.IsDigit(r)
			continue
		}
		end(i)
		b = utf8.AppendRune(b, r)
		begin = i + utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, n := utf8.DecodeRuneInString(s[i:])
			begin = i + n
		}
	}
	end(len(s))
	return string(b)
}

// leftOut writes what came to no file. What stays on the server is told again by each process, and
// kept once.
func (b *batch) leftOut(l leftOut) error {
	e := &l.event
	account, err := b.account(e.Account)
	if err != nil {
		return err
	}
	message := int64(0)
	if e.UIDL != "" {
		if message, err = b.message(account, e.UIDL, e.Octets); err != nil {
			return err
		}
	}
	why, setting, place := clean(e.Why, maxText), clean(e.Setting, maxText), ""
	if fn := b.history.options.Place; fn != nil && e.Setting != "" {
		place = clean(fn(e.Account, e.Setting), maxText)
	}
	var reason int64
	if err := b.tx.QueryRow("INSERT INTO reason (why, setting, place) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET why = excluded.why RETURNING id", why, setting, place).Scan(&reason); err != nil {
		return err
	}
	name := clean(e.Name, maxName)
	if e.Stays {
		if err := b.exec("DELETE FROM left_out WHERE message = ? AND name = ? AND reason = ?", message, name, reason); err != nil {
			return err
		}
	}
	return b.exec("INSERT INTO left_out (at, account, message, name, size, reason, more) VALUES (?, ?, ?, ?, ?, ?, ?)",
		l.at.UnixMilli(), account, message, name, e.Size, reason, e.More)
}

func fromMilliseconds(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
