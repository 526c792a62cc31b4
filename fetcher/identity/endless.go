package identity

import "github.com/attachd/attachd/fetcher/mailbox"

// A line that never ends takes the rest of the list with it, and the connection. The mailbox is
// then listed message by message, and a message whose reply does not end either is left on the
// server.

// Endless says where a reply did not end. List is "UIDL" or "LIST" for the list of all
// messages, and Message the number of one whose own UIDL was asked for. If all replies ended,
// it is zero.
type Endless struct {
	List    string
	Message int
}

// noteEndless keeps where a reply was, if err says that it did not end.
func (x *Matcher) noteEndless(err error, where Endless) {
	if mailbox.EndlessLine(err) {
		x.Endless = where
	}
}

// readOneByOne asks LIST, and then UIDL for each message except the muted ones. Their numbers
// are those of the session before: only deletions change them, and that session made none.
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

// readSizes asks LIST, unless its reply did not end before.
func (x *Matcher) readSizes(l *Listing) error {
	if x.Manner.WithoutSizes {
		return nil
	}
	err := l.readSizes(x.Mailbox)
	x.noteEndless(err, Endless{List: "LIST"})
	return err
}
