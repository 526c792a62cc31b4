package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
)

// Polls returns the last n polls of an account, the newest first. At most 100 are kept.
func (r *Reader) Polls(ctx context.Context, account string, n int) (polls []Poll, err error) {
	err = r.look("polls", func(r *reading) error {
		id, err := r.account(ctx, account)
		if err != nil || id == 0 {
			return err
		}
		return eachRow(ctx, r.db, "SELECT "+pollColumns+" FROM poll WHERE account = ? ORDER BY at DESC LIMIT ?", func(rows *sql.Rows) error {
			p, err := scanPoll(rows)
			polls = append(polls, p)
			return err
		}, id, n)
	})
	return polls, err
}

const pollColumns = "at, took, messages, files, bytes, trouble"

func scanPoll(rows *sql.Rows, before ...any) (p Poll, err error) {
	var at, took int64
	err = rows.Scan(append(before, &at, &took, &p.Messages, &p.Files, &p.Bytes, &p.Trouble)...)
	p.At, p.Took = time.UnixMilli(at), time.Duration(took)*time.Millisecond
	return p, err
}

// LastPolls returns the last n polls of every account, by account and with the newest first. It is
// made to be asked once, at the start: for 10,000 accounts it takes a second.
func (r *Reader) LastPolls(ctx context.Context, n int) (polls map[string][]Poll, err error) {
	polls = make(map[string][]Poll)
	err = r.look("polls", func(r *reading) error {
		names := make(map[int64]string)
		if err := eachRow(ctx, r.db, "SELECT id, name FROM account", func(rows *sql.Rows) error {
			var id int64
			var name string
			err := rows.Scan(&id, &name)
			names[id] = name
			return err
		}); err != nil {
			return err
		}
		return eachRow(ctx, r.db, `SELECT p.account, p.at, p.took, p.messages, p.files, p.bytes, p.trouble FROM account AS a CROSS JOIN poll AS p ON p.account = a.id
			WHERE p.at >= coalesce((SELECT at FROM poll WHERE account = a.id ORDER BY at DESC LIMIT 1 OFFSET ?), 0) ORDER BY a.id DESC, p.at DESC`, func(rows *sql.Rows) error {
			var account int64
			p, err := scanPoll(rows, &account)
			if name := names[account]; name != "" {
				polls[name] = append(polls[name], p)
			}
			return err
		}, n-1)
	})
	return polls, err
}

// Troubles returns the troubles of an account, or of all if account is "", that lasted after since:
// those that last first, then the newest.
func (r *Reader) Troubles(ctx context.Context, account string, since time.Time, limit int) (all []Trouble, err error) {
	err = r.look("troubles", func(r *reading) error {
		where, args := "t.last >= ?", []any{since.UnixMilli()}
		if account != "" {
			id, err := r.account(ctx, account)
			if err != nil || id == 0 {
				return err
			}
			where, args = "t.account = ? AND t.last >= ?", []any{id, since.UnixMilli()}
		}
		all, err = r.troubles(ctx, where+" ORDER BY t.over IS NOT NULL, t.last DESC, t.id DESC LIMIT ?", append(args, limit)...)
		return err
	})
	return all, err
}

// OpenTroubles returns the troubles that last, by account.
func (r *Reader) OpenTroubles(ctx context.Context) (all []Trouble, err error) {
	err = r.look("troubles", func(r *reading) (err error) {
		all, err = r.troubles(ctx, "t.over IS NULL")
		slices.SortFunc(all, func(a, b Trouble) int { return strings.Compare(a.Account, b.Account) })
		return err
	})
	return all, err
}

// Trouble returns a trouble, or [ErrNotFound].
func (r *Reader) Trouble(ctx context.Context, id int64) (t *Trouble, err error) {
	err = r.look("a trouble", func(r *reading) error {
		all, err := r.troubles(ctx, "t.id = ?", id)
		if err == nil && len(all) == 0 {
			return ErrNotFound
		}
		if err == nil {
			t = &all[0]
		}
		return err
	})
	return t, err
}

func (r *reading) troubles(ctx context.Context, where string, args ...any) (all []Trouble, err error) {
	err = eachRow(ctx, r.db, "SELECT t.id, a.name, t.host, t.step, t.class, t.text, t.first, t.last, t.times, coalesce(t.over, 0) FROM trouble AS t JOIN account AS a ON a.id = t.account WHERE "+where, func(rows *sql.Rows) error {
		var t Trouble
		var first, last, over int64
		err := rows.Scan(&t.ID, &t.Account, &t.Host, &t.Step, &t.Class, &t.Text, &first, &last, &t.Times, &over)
		t.First, t.Last, t.Over = time.UnixMilli(first), time.UnixMilli(last), fromMilliseconds(over)
		all = append(all, t)
		return err
	}, args...)
	return all, err
}

// LeftOutSince counts what was left out of an account since a time, by reason: the newest first.
func (r *Reader) LeftOutSince(ctx context.Context, account string, since time.Time) (groups []LeftOutGroup, err error) {
	err = r.look("what was left out", func(r *reading) error {
		id, err := r.account(ctx, account)
		if err != nil || id == 0 {
			return err
		}
		var reasons []int64
		err = eachRow(ctx, r.db, `SELECT o.reason, count(*) + sum(o.more), max(o.at), r.why, r.setting, r.place FROM left_out AS o JOIN reason AS r ON r.id = o.reason
			WHERE o.account = ? AND o.at >= ? GROUP BY o.reason ORDER BY max(o.at) DESC, o.reason DESC`, func(rows *sql.Rows) error {
			var g LeftOutGroup
			var reason, last int64
			err := rows.Scan(&reason, &g.Count, &last, &g.Why, &g.Setting, &g.Place)
			g.Last, g.Key = time.UnixMilli(last), leftOutKey(g.Setting, g.Why)
			groups, reasons = append(groups, g), append(reasons, reason)
			return err
		}, id, since.UnixMilli())
		if err != nil {
			return err
		}
		for n, reason := range reasons {
			if groups[n].Names, err = r.leftOutNames(ctx, id, reason, since); err != nil {
				return err
			}
		}
		return nil
	})
	return groups, err
}

func leftOutKey(setting, why string) string {
	if setting == "" {
		return why
	}
	return setting + ": " + why
}

// leftOutNames returns up to three names of what was left out for a reason, the newest first. It
// looks at the last hundred only.
func (r *reading) leftOutNames(ctx context.Context, account, reason int64, since time.Time) (names []string, err error) {
	err = eachRow(ctx, r.db, "SELECT name FROM left_out WHERE account = ? AND reason = ? AND at >= ? ORDER BY at DESC, more DESC, id DESC LIMIT 100", func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		if name != "" && len(names) < 3 && !slices.Contains(names, name) {
			names = append(names, name)
		}
		return err
	}, account, reason, since.UnixMilli())
	return names, err
}

// Hours returns what came in n hours, from the one that holds from. Hours begin where the clocks of
// from's zone show a full one.
func (r *Reader) Hours(ctx context.Context, from time.Time, n int) (all []Came, err error) {
	start := from.Round(0).Add(-time.Duration(from.Minute())*time.Minute - time.Duration(from.Second())*time.Second - time.Duration(from.Nanosecond()))
	for i := range n {
		all = append(all, Came{Start: start.Add(time.Duration(i) * time.Hour)})
	}
	err = r.look("what came", func(r *reading) error {
		return eachRow(ctx, r.db, "SELECT at, files, bytes, failed FROM quarter WHERE at >= ? AND at < ?", func(rows *sql.Rows) error {
			var at int64
			var files, failed int
			var bytes int64
			if err := rows.Scan(&at, &files, &bytes, &failed); err != nil {
				return err
			}
			c := &all[(at-start.Unix())/3600]
			c.Files, c.Bytes, c.PollsFailed = c.Files+files, c.Bytes+bytes, c.PollsFailed+failed
			return nil
		}, start.Unix(), start.Unix()+int64(n)*3600)
	})
	return all, err
}

// Days returns what came on n days, from the date of from in its zone. Each day was added up where
// the history's zone had it.
func (r *Reader) Days(ctx context.Context, from time.Time, n int) (all []Came, err error) {
	year, month, day := from.Date()
	place := make(map[int64]int, n)
	for i := range n {
		start := time.Date(year, month, day+i, 0, 0, 0, 0, from.Location())
		// Where clocks go forward at midnight, the day begins at one.
		place[dayNumber(time.Date(year, month, day+i, 12, 0, 0, 0, time.UTC))] = i
		all = append(all, Came{Start: start})
	}
	first, last := dayNumber(time.Date(year, month, day, 12, 0, 0, 0, time.UTC)), dayNumber(time.Date(year, month, day+n-1, 12, 0, 0, 0, time.UTC))
	err = r.look("what came", func(r *reading) error {
		return eachRow(ctx, r.db, "SELECT day, files, bytes, failed FROM day WHERE day BETWEEN ? AND ?", func(rows *sql.Rows) error {
			var at int64
			var c Came
			if err := rows.Scan(&at, &c.Files, &c.Bytes, &c.PollsFailed); err != nil {
				return err
			}
			if i, ok := place[at]; ok {
				c.Start = all[i].Start
				all[i] = c
			}
			return nil
		}, first, last)
	})
	return all, err
}

// Decisions returns what people decided since a time, the newest first; what names the kinds of
// decisions, all if it is empty.
func (r *Reader) Decisions(ctx context.Context, since time.Time, what []string, limit int) (all []Decision, err error) {
	err = r.look("decisions", func(r *reading) error {
		where, args := "at >= ?", []any{since.UnixMilli()}
		if len(what) > 0 {
			where += " AND what IN (?" + strings.Repeat(", ?", len(what)-1) + ")"
			for _, w := range what {
				args = append(args, w)
			}
		}
		return eachRow(ctx, r.db, "SELECT id, at, account, what, uidl, subject, reason, who, outcome FROM decision WHERE "+where+" ORDER BY id DESC LIMIT ?", func(rows *sql.Rows) error {
			var d Decision
			var at int64
			var uidl []byte
			err := rows.Scan(&d.ID, &at, &d.Account, &d.What, &uidl, &d.Subject, &d.Reason, &d.By, &d.Outcome)
			d.At, d.UIDL = time.UnixMilli(at), string(uidl)
			all = append(all, d)
			return err
		}, append(args, limit)...)
	})
	return all, err
}

// Sessions returns until when the sign-ins of a token are valid, by the digest of the cookie. Both
// digests are those of SaveSession.
func (r *Reader) Sessions(ctx context.Context, token [32]byte) (all map[[32]byte]time.Time, err error) {
	all = make(map[[32]byte]time.Time)
	err = r.look("sign-ins", func(r *reading) error {
		return eachRow(ctx, r.db, "SELECT hash, until FROM session WHERE token = ? AND until > ?", func(rows *sql.Rows) error {
			var hash []byte
			var until int64
			if err := rows.Scan(&hash, &until); err != nil {
				return err
			}
			all[[32]byte(append(hash, make([]byte, 32)...))] = time.UnixMilli(until)
			return nil
		}, token[:], time.Now().UnixMilli())
	})
	return all, err
}

// setting returns a setting of the file, 0 for none.
func (r *reading) setting(ctx context.Context, key string) (value int64, err error) {
	err = r.db.QueryRowContext(ctx, "SELECT value FROM setting WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return value, err
}
