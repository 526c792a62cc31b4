package identity

import "github.com/attachd/attachd/fetcher/mailbox"

// A line that never ends takes the list with it, and the connection. The mailbox is listed message by message then, and the
// message for which the reply does not end either is left.

// Endless is what had no end: nothing, the "UIDL" or "LIST" of all messages, or the
// UIDL of the message of a number.
type Endless struct {
	List    string
	Message int
}

// noteEndless keeps where a list was, or the reply about a message, that had no end.
func (x *Matcher) noteEndless(err error, where Endless) {
	if mailbox.EndlessLine(err) {
		x.Endless = where
	}
}

// readOneByOne asks LIST, and UIDL for each message except those whose reply had no end before. A session's numbers are those of the one
// before it as long as nothing was deleted, and nothing was.
func (x *Matcher) readOneByOne() (*Listing, error) {
	numbers, err := readNumbers(x.Mailbox)
	if err != nil {
		return nil, err
	}
	l := emptyListing()
	for _, e := range numbers.Nameless {
		uidl := ""
		if !x.Manner.Muted[e.Number] {
			if uidl, err = x.Mailbox.Key(e.Number); err != nil {
				if _, refused := mailbox.Refused(err); !refused {
					x.noteEndless(err, Endless{"UIDL", e.Number})
					return nil, err
				}
				uidl = ""
			}
		}
		l.add(e.Number, uidl)
	}
	l.note("a line of the answer to UIDL does not end")
	l.separateDuplicates()
	return l, nil
}

// readSizes asks LIST, unless that has no end.
func (x *Matcher) readSizes(l *Listing) error {
	if x.Manner.WithoutSizes {
		return nil
	}
	err := l.readSizes(x.Mailbox)
	x.noteEndless(err, Endless{List: "LIST"})
	return err
}
