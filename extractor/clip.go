package extractor

import "strings"

// ProblemClipped is the kind for a name or a Content-ID that was too long to be kept whole.
const ProblemClipped ProblemKind = "text-clipped"

// Clip cuts a text to at most n bytes, and not within a UTF-8 character. The result does
// not keep the rest of the text in memory.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.Clone(clipTo(s, n))
}

// reusable empties a buffer for use again, and drops one that has grown: each of a hundred
// messages within each other holds its own.
func reusable(b []byte) []byte {
	if cap(b) > maxReused {
		return nil
	}
	return b[:0]
}

const maxReused = 4 << 10

// maxTexts is how many bytes of original names and Content-IDs are kept whole for one
// message. Behind that, only the first shortText bytes of each are kept.
const (
	maxTexts  = 256 << 10
	shortText = 128
)

// holdTexts bounds the texts that an attachment holds until its message is done. A thousand
// names of 1 KB each, in every message of a batch and every account, would be most of the
// memory in use.
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
