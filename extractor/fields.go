package extractor

import "strings"

// keptFields are the fields that the extractor reads. Of the others it counts the length
// only.
var keptFields = [...]string{
	"Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Content-Id", "Content-Location", "Content-Description",
	"Message-Id", "Subject", "From", "To", "Cc", "Date",
}

// fieldIndex returns the place in keptFields of a name in any case, -1 for another name.
func fieldIndex[T string | []byte](name T) int {
	for i, kept := range keptFields {
		if len(kept) == len(name) && strings.EqualFold(kept, string(name)) {
			return i
		}
	}
	return -1
}

// fieldSet is a set of the fields in keptFields.
type fieldSet uint16

func (s fieldSet) has(name string) bool {
	i := fieldIndex(name)
	return i >= 0 && s&(1<<i) != 0
}

func (s *fieldSet) set(name string, in bool) {
	if i := fieldIndex(name); i >= 0 {
		*s &^= 1 << i
		if in {
			*s |= 1 << i
		}
	}
}

// fields are the values of the keptFields. Names count in any case.
type fields struct {
	there  fieldSet
	values [len(keptFields)]string
	arena  valueArena
}

func (f *fields) has(name string) bool { return f.there.has(name) }

// get returns the value of a field, "" without it.
func (f *fields) get(name string) string {
	if i := fieldIndex(name); i >= 0 {
		return f.values[i]
	}
	return ""
}

func (f *fields) set(name, value string) {
	if i := fieldIndex(name); i >= 0 {
		f.there |= 1 << i
		f.values[i] = value
	}
}

// valueArena holds short values of fields, many to an allocation.
type valueArena struct{ b strings.Builder }

const (
	arenaSize     = 512
	longestShared = arenaSize / 4
)

// value returns b as a string. A short one shares its memory with others of the header, so
// whoever keeps it longer than the message clones it.
func (a *valueArena) value(b []byte) string {
	if len(b) > longestShared {
		return string(b)
	}
	if a.b.Cap()-a.b.Len() < len(b) {
		a.b = strings.Builder{}
		a.b.Grow(arenaSize)
	}
	start := a.b.Len()
	a.b.Write(b)
	return a.b.String()[start:]
}
