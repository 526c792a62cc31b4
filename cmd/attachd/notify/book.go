package notify

import (
	"maps"
	"slices"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/send"
)

const (
	// settle is how long a notice waits for others to come along.
	settle = time.Minute
	// maxEnded and maxEndedAge bound what is kept for a receiver that is down.
	maxEnded    = 200
	maxEndedAge = 3 * 24 * time.Hour
)

// book is what one receiver was told, and what it is to be told. Its exported fields survive a
// restart.
type book struct {
	Cases   map[string]*entry    `json:"cases,omitempty"` // by key
	Ended   []send.Item          `json:"ended,omitempty"` // not told yet
	Begun   map[string]time.Time `json:"begun,omitempty"` // when cases that are over were told of
	Dropped int                  `json:"dropped,omitempty"`

	hold    time.Time // what is due goes out then; zero if nothing is
	changed bool      // since it was written
}

// entry is a case as a receiver knows it.
type entry struct {
	view
	Begun time.Time `json:"begun,omitzero"` // when its begin was told, zero if it was not
	Told  time.Time `json:"told,omitzero"`  // when it was told of last
	Size  int       `json:"size,omitempty"` // what it was told to have
	Ever  []string  `json:"ever,omitempty"` // accounts that had it, also those that have it no more

	present bool       // in the last snapshot
	due     send.Event // what is to be told, "" for nothing
	ripe    time.Time  // since when its begin is due
	flying  bool       // it is being told
}

// update takes the present cases.
func (b *book) update(w *world, views []view) {
	for _, e := range b.Cases {
		e.present = false
	}
	for i := range views {
		b.see(w, &views[i])
	}
	for _, key := range slices.Sorted(maps.Keys(b.Cases)) {
		if e := b.Cases[key]; !e.present && !e.flying {
			b.leave(w, e)
		}
	}
	for key, at := range b.Begun {
		b.Begun[key] = notAhead(w, at)
	}
	maps.DeleteFunc(b.Begun, func(_ string, at time.Time) bool { return w.now.Sub(at) > w.after })
	b.findDue(w)
	b.bound(w)
}

// see takes one present case.
func (b *book) see(w *world, v *view) {
	e := b.Cases[v.Item.Key]
	if e == nil {
		e = &entry{view: *v}
		if b.Cases == nil {
			b.Cases = make(map[string]*entry)
		}
		b.Cases[v.Item.Key] = e
		b.changed = true
	}
	since := e.Item.Since
	if e.Ever == nil || e.view.differs(v) {
		b.changed = true
		e.Ever = slices.Compact(slices.Sorted(slices.Values(slices.Concat(e.Ever, v.Accounts))))
	}
	e.view, e.present = *v, true
	if since.Before(e.Item.Since) {
		e.Item.Since = since // a restart forgot it
	}
	if !e.flying && e.Size > e.size() {
		e.Size = e.size()
	}
	e.Told, e.Item.Since = notAhead(w, e.Told), notAhead(w, e.Item.Since)
}

// notAhead returns a time on record, or now if that is earlier: the clock was put back.
func notAhead(w *world, at time.Time) time.Time {
	if at.After(w.now) {
		return w.now
	}
	return at
}

// leave takes a case that is there no more, unless it is not sure yet that it is over.
func (b *book) leave(w *world, e *entry) {
	if !w.sure(e) {
		return
	}
	if key := w.moved(e); key != "" {
		if heir := b.Cases[key]; heir != nil {
			if heir.flying {
				return // later
			}
			heir.inherit(e)
			b.forget(e)
			return
		}
	}
	item := e.Item
	item.Ended = w.now
	item.Show(e.Ever)
	switch {
	case !e.Begun.IsZero():
		item.Event = send.End
		b.Ended = append(b.Ended, item)
		if b.Begun == nil {
			b.Begun = make(map[string]time.Time)
		}
		b.Begun[item.Key] = e.Begun
	case !e.ripe.IsZero() && w.now.Sub(e.ripe) > settle:
		item.Event = send.Over
		b.Ended = append(b.Ended, item)
	}
	b.forget(e)
}

func (b *book) forget(e *entry) {
	delete(b.Cases, e.Item.Key)
	b.changed = true
}

// inherit takes over what was told of a case that goes on under another name. What needs a person
// is told all the same.
func (e *entry) inherit(of *entry) {
	if of.Item.Since.Before(e.Item.Since) {
		e.Item.Since = of.Item.Since
	}
	if !of.Begun.IsZero() && e.Begun.IsZero() && !e.Item.NeedsYou {
		e.Begun, e.Told, e.Size = of.Begun, of.Told, e.size()
	}
}

// findDue says of each case what is to be told now.
func (b *book) findDue(w *world) {
	remind := false
	for _, e := range b.Cases {
		if e.flying || !e.present {
			continue
		}
		e.due = b.dueOf(w, e)
		remind = remind || e.due == send.Remind
		if e.due == send.Begin && e.ripe.IsZero() {
			e.ripe = w.now
		}
	}
	if !remind {
		return
	}
	for _, e := range b.Cases { // one reminder of all that lasts
		if e.due == "" && e.present && !e.flying && !e.Begun.IsZero() && w.now.Sub(e.Told) >= w.remind*3/4 {
			e.due = send.Remind
		}
	}
}

func (b *book) dueOf(w *world, e *entry) send.Event {
	if e.Begun.IsZero() {
		at := e.Item.Since
		if !e.atOnce() {
			at = at.Add(w.after)
		}
		if told, ok := b.Begun[e.Item.Key]; ok && at.Before(told.Add(w.after)) {
			at = told.Add(w.after)
		}
		if w.now.Before(at) {
			return ""
		}
		return send.Begin
	}
	switch passed := w.now.Sub(e.Told); {
	case e.Item.NeedsYou && e.size() > e.Size && passed >= w.after:
		return send.More
	case w.remind > 0 && passed >= w.remind:
		return send.Remind
	}
	return ""
}

// bound drops what is too old or too much to keep for a receiver that is down. What is being told
// stands first and stays.
func (b *book) bound(w *world) {
	if w.flying {
		return
	}
	before := len(b.Ended)
	b.Ended = slices.DeleteFunc(b.Ended, func(i send.Item) bool { return w.now.Sub(i.Ended) > maxEndedAge })
	b.Ended = b.Ended[max(0, len(b.Ended)-maxEnded):]
	if n := before - len(b.Ended); n > 0 {
		b.Dropped += n
		w.dropped += n
		b.changed = true
	}
}

// ready returns what is to be told now, nil if nothing is or if others may still come along within
// a wait.
func (b *book) ready(now time.Time, wait time.Duration) []send.Item {
	var items []send.Item
	for _, key := range slices.Sorted(maps.Keys(b.Cases)) {
		if e := b.Cases[key]; e.due != "" && e.present {
			item := e.Item
			item.Event = e.due
			items = append(items, item)
		}
	}
	items = append(items, b.Ended...)
	switch {
	case len(items) == 0 && b.Dropped == 0:
		b.hold = time.Time{}
		return nil
	case b.hold.IsZero():
		b.hold = now.Add(wait)
	}
	if now.Before(b.hold) {
		return nil
	}
	return items
}

// flight is a notice on its way.
type flight struct {
	cases   []string // keys
	ended   int
	dropped int
}

// fly notes what is being told.
func (b *book) fly() flight {
	f := flight{ended: len(b.Ended), dropped: b.Dropped}
	for key, e := range b.Cases {
		if e.due != "" && e.present {
			e.flying = true
			f.cases = append(f.cases, key)
		}
	}
	return f
}

// land notes that what was being told arrived, or did not. Reminders come at the same time of the
// day.
func (b *book) land(f flight, arrived bool, now time.Time, remind time.Duration) {
	for _, key := range f.cases {
		e := b.Cases[key]
		e.flying = false
		if !arrived {
			continue
		}
		if e.Begun.IsZero() {
			e.Begun = now
		}
		on := e.Told.Add(remind)
		if e.due != send.Remind || now.Sub(on) > 5*settle {
			on = now
		}
		e.Told, e.Size, e.due = on, e.size(), ""
	}
	if arrived {
		b.Ended = slices.Delete(b.Ended, 0, f.ended)
		b.Dropped -= f.dropped
		b.hold = time.Time{}
		b.changed = true
	}
}
