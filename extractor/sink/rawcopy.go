package sink

import (
	"io"
	"slices"

	"github.com/attachd/attachd/extractor"
)

// RawPolicy says when a message itself is kept.
type RawPolicy int

// The policies.
const (
	RawNever      RawPolicy = iota
	RawProblems             // if its structure or contents had to be repaired
	RawAlways               // every message
	RawQuarantine           // if something of it may be in no file: in quarantine
)

// Quarantine says where a message goes that could not be read right, and what is to stand beside
// it.
type Quarantine struct {
	Folder string // below the Directory's own
	Name   string // of both files, without the extensions .eml and .txt
	Reason string // the content of the second file
}

// The extensions of the two files.
const (
	messageExt = ".eml"
	reasonExt  = ".txt"
)

// quarantine keeps the message itself where the plan says, if it could not be read right.
func (s *staging) quarantine(raw *writer, m *extractor.Message) error {
	doubts := s.problems(m, extractor.ProblemKind.Lossy)
	switch {
	case len(doubts) == 0:
		raw.attachment.LeftOut = "all of it came out"
		return raw.Close()
	case slices.ContainsFunc(s.writers, func(w *writer) bool { return w.kind == Fragment && !w.leftOut() }):
		raw.attachment.LeftOut = "the piece itself waits for the others, and the message on the server"
		return raw.Close()
	}
	for _, w := range s.writers {
		w.file.joined = "" // the pieces that it was joined from stay where they are
	}
	to := s.plan.Quarantine(m, doubts)
	raw.kind, raw.folder, raw.attachment.Name = Quarantined, to.Folder, to.Name+messageExt
	if err := raw.Close(); err != nil {
		return err
	}
	why := s.open(nil, &extractor.Attachment{Name: to.Name + reasonExt, MediaType: "text/plain"}, Quarantined)
	why.folder = to.Folder
	if _, err := io.WriteString(why, to.Reason); err != nil {
		return err
	}
	return why.Close()
}

// problems are those of a message and its attachments for which is returns true. Attachments that
// are left out have none.
func (s *staging) problems(m *extractor.Message, is func(extractor.ProblemKind) bool) (found []extractor.Problem) {
	add := func(problems []extractor.Problem) {
		for _, p := range problems {
			if is(p.Kind) {
				found = append(found, p)
			}
		}
	}
	add(m.Problems)
	for _, w := range s.writers {
		if !w.leftOut() {
			add(w.attachment.Problems)
		}
	}
	return found
}

func isRepair(k extractor.ProblemKind) bool { return !k.Cosmetic() }
