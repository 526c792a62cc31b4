package extractor

import "strings"

// ProblemClipped is for a text of a header that was too long to be told in full.
const ProblemClipped ProblemKind = "text-clipped"

// Clip cuts a text to at most n bytes, and not within a character.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.Clone(clipTo(s, n)) // what is cut off is not held
}

// reusable returns a buffer for use again, unless it has grown: of a hundred messages within each other, each holds its own.
func reusable(b []byte) []byte {
	if cap(b) > maxReused {
		return nil
	}
	return b[:0]
}

const maxReused = 4 << 10

// maxTexts is how much is kept of the names and such that a sender gives the attachments of one message, in bytes, before only
// the first shortText of each are.
const (
	maxTexts  = 256 << 10
	shortText = 128
)

// holdTexts bounds what is kept of an attachment's texts until the message is done: a thousand names of 1 KB, of each message in a
// batch and of each account's, are more than all else that is known of them.
func (x *run) holdTexts(a *Attachment) {
	if x.held > maxTexts {
		for _, text := range []*string{&a.OriginalName, &a.ContentID} {
			if short := Clip(*text, shortText); short != *text {
				*text = short
				x.note(a, ProblemClipped, "")
			}
		}
	}
	x.held += len(a.OriginalName) + len(a.ContentID)
}
