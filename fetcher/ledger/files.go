package ledger

import (
	"cmp"
	"slices"
)

// SidecarExt is what a sidecar's name has behind that of its file.
const SidecarExt = ".json"

// WithoutSidecars returns the attachments that messages are compared by: those that were delivered, without
// what only accompanies them and without what lies in quarantine.
func WithoutSidecars(attachments []Attachment) []Attachment {
	return slices.DeleteFunc(slices.Clone(attachments), func(a Attachment) bool { return a.Sidecar || a.Quarantine })
}

// Largest returns the largest of the attachments: the one that the fewest messages share, as a logo is small.
func Largest(attachments []Attachment) Attachment {
	return slices.MaxFunc(attachments, func(a, b Attachment) int { return cmp.Compare(a.Size, b.Size) })
}

// SameFiles reports whether a message that was recorded with the attachments recorded, by path and
// digest, has these ones, byte for byte and in this order. Sidecars don't count.
func SameFiles(recorded, attachments []Attachment) bool {
	// That a file was a sidecar is not recorded, but it stands before the one that it is named after.
	for i := 1; i < len(recorded); i++ {
		if recorded[i-1].Path == recorded[i].Path+SidecarExt {
			recorded[i-1].Sidecar = true
		}
	}
	same := func(a, b Attachment) bool { return a.SHA256 == b.SHA256 }
	return slices.EqualFunc(recorded, attachments, same) || slices.EqualFunc(WithoutSidecars(recorded), attachments, same)
}
