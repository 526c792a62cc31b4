package ledger

import (
	"cmp"
	"slices"
)

// SidecarExt is what the name of a sidecar has behind the name of its file.
const SidecarExt = ".json"

// WithoutSidecars returns the attachments that messages are compared by: those that were delivered,
// without sidecars and without what lies in quarantine.
func WithoutSidecars(attachments []Attachment) []Attachment {
	return slices.DeleteFunc(slices.Clone(attachments), func(a Attachment) bool { return a.Sidecar || a.Quarantine })
}

// Largest returns the largest of the attachments. The fewest messages share it: a logo is small.
func Largest(attachments []Attachment) Attachment {
	return slices.MaxFunc(attachments, func(a, b Attachment) int { return cmp.Compare(a.Size, b.Size) })
}

// SameFiles reports whether a message has the files that are recorded, byte for byte and in the
// same order. Sidecars don't count. The first list comes from a record and needs paths and digests,
// the second is without sidecars already.
func SameFiles(recorded, attachments []Attachment) bool {
	// That a file was a sidecar is not recorded, but it stands before the one that it is named
	// after.
	for i := 1; i < len(recorded); i++ {
		if recorded[i-1].Path == recorded[i].Path+SidecarExt {
			recorded[i-1].Sidecar = true
		}
	}
	same := func(a, b Attachment) bool { return a.Digests.Same(&b.Digests) }
	return slices.EqualFunc(recorded, attachments, same) || slices.EqualFunc(WithoutSidecars(recorded), attachments, same)
}
