package fetcher

import "github.com/attachd/attachd/fetcher/mailbox"

// A line that never ends takes the list with it, and the connection. The mailbox is listed message by message then, and the
// message for which the reply does not end either is left.

// noteEndless keeps where a list was, or the reply about a message, that had no end.
func (p *poll) noteEndless(err error, where endless) {
	if mailbox.EndlessLine(err) {
		p.endless = where
	}
}

// endless is what had no end: nothing, UIDL, LIST, or UIDL of the message of a number.
type endless struct {
	list    string
	message int
}

// concedeEndless has the mailbox listed otherwise, up to a few times.
func (p *poll) concedeEndless(more concessions) concessions {
	switch {
	case p.endless.list == "LIST":
		more.withoutSizes = true
	case !more.oneByOne:
		more.oneByOne = true
	case more.muted < mostSpared:
		p.muted[p.endless.message] = true
		more.muted++
	}
	return more
}

// readOneByOne asks LIST, and UIDL for each message but for those whose reply had no end before. A session's numbers are those of the one
// before it as long as nothing was deleted, and nothing was.
func (p *poll) readOneByOne() (*listing, error) {
	numbers, err := readNumbers(p.mailbox)
	if err != nil {
		return nil, err
	}
	l := emptyListing()
	for _, e := range numbers.nameless {
		uidl := ""
		if !p.muted[e.number] {
			if uidl, err = p.mailbox.Key(e.number); err != nil {
				if _, refused := mailbox.Refused(err); !refused {
					p.noteEndless(err, endless{"UIDL", e.number})
					return nil, err
				}
				uidl = ""
			}
		}
		l.add(e.number, uidl)
	}
	l.note("a line of the answer to UIDL does not end")
	l.separateDuplicates()
	return l, nil
}

// readSizes asks LIST, unless that has no end.
func (p *poll) readSizes(l *listing) error {
	if p.simply.withoutSizes {
		return nil
	}
	err := l.readSizes(p.mailbox)
	p.noteEndless(err, endless{list: "LIST"})
	return err
}
