package extractor

import (
	"fmt"
	"strings"
)

// ProblemKind names a repair or an oddity.
type ProblemKind string

// The kinds of problems.
const (
	ProblemMissingBoundary  ProblemKind = "missing-boundary"   // a multipart without a usable boundary parameter
	ProblemUnclosed         ProblemKind = "unclosed-multipart" // no closing boundary
	ProblemNoParts          ProblemKind = "no-parts"           // a multipart with a closing boundary and nothing before it
	ProblemWrongBoundary    ProblemKind = "wrong-boundary"     // another one than announced was guessed from the body
	ProblemIndented         ProblemKind = "indented-boundary"
	ProblemEncodedMultipart ProblemKind = "encoded-multipart" // a multipart in base64 as a whole
	ProblemMediaType        ProblemKind = "odd-media-type"    // taken for the default
	ProblemHeaderLine       ProblemKind = "header-line"       // a line that is no field passed over
	ProblemNoBlankLine      ProblemKind = "no-blank-line"     // the body begins right behind the header
	ProblemEncoding         ProblemKind = "unknown-encoding"  // the body is kept as it is
	ProblemEncodingToken    ProblemKind = "odd-encoding"      // the encoding's name was repaired
	ProblemTwoEncodings     ProblemKind = "two-encodings"     // several are declared: the body tells
	ProblemEncodedField     ProblemKind = "encoded-field"     // a Content-Type or the like was an encoded word
	ProblemMisspeltField    ProblemKind = "misspelt-field"    // its name was repaired
	ProblemFileInText       ProblemKind = "file-in-text"      // a mail's text by its type, a file by its content
	ProblemUntypedText      ProblemKind = "untyped-text"      // the message's own text by default, as its Content-Type can't be read
	ProblemResourceFork     ProblemKind = "resource-fork"     // of a Macintosh file, left out
	ProblemIllegalBase64    ProblemKind = "illegal-base64"
	ProblemMissingPadding   ProblemKind = "missing-padding"
	ProblemTrailingText     ProblemKind = "trailing-text"
	ProblemBadEscape        ProblemKind = "bad-escape"
	ProblemCharset          ProblemKind = "unknown-charset"
	ProblemRaw8Bit          ProblemKind = "raw-8bit-name"
	ProblemNameGap          ProblemKind = "name-gap"
	ProblemNameCleaned      ProblemKind = "name-cleaned"
	ProblemNoName           ProblemKind = "no-name" // the name was made up
	ProblemUUEncode         ProblemKind = "odd-uuencode"
	ProblemYEnc             ProblemKind = "odd-yenc"
	ProblemBinHex           ProblemKind = "odd-binhex"
	ProblemTNEF             ProblemKind = "odd-tnef"  // a winmail.dat that is damaged is kept as it is, too
	ProblemSMIME            ProblemKind = "odd-smime" // what is signed could not be got out whole
)

// Cosmetic reports whether a problem concerns a name only, so that contents and
// structure are beyond doubt.
func (k ProblemKind) Cosmetic() bool {
	switch k {
	case ProblemCharset, ProblemRaw8Bit, ProblemNameGap, ProblemNameCleaned, ProblemNoName, ProblemEncodingToken, ProblemMediaType, ProblemResourceFork, ProblemClipped:
		return true
	}
	return false
}

// Lossy reports whether something of the message may be in no file, or not as it was
// sent, so that the message itself is worth keeping. Of the other repairs the outcome
// is beyond doubt, or the damaged container is kept itself.
func (k ProblemKind) Lossy() bool {
	switch k {
	case ProblemMissingBoundary, ProblemUnclosed, ProblemNoParts, ProblemEncoding, ProblemIllegalBase64, ProblemMissingPadding, ProblemBadEscape,
		ProblemUUEncode, ProblemYEnc, ProblemBinHex, ProblemUntypedText:
		return true
	}
	return false
}

// Problem is one repair that reading a message took.
type Problem struct {
	Kind   ProblemKind `json:"kind"`
	Part   string      `json:"part,omitempty"`
	Detail string      `json:"detail,omitempty"`
}

// String returns "part 2: kind: detail".
func (p Problem) String() string {
	s := string(p.Kind)
	if p.Part != "" {
		s = "part " + p.Part + ": " + s
	}
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	return s
}

// Limits bound what one message may make Extract do. A zero field takes its
// default, which no honest mail meets.
type Limits struct {
	HeaderBytes  int64 // of one header: 16 MiB
	HeaderFields int   // of one header: 20,000
	Depth        int   // multiparts, attached messages and containers within each other: 100
	Parts        int   // in all: 10,000
	Attachments  int   // in all, from containers as well: 1,000
	Bytes        int64 // written for all attachments together: 16 GiB
	Containers   int   // winmail.dat, S/MIME and the like within each other: 8
	Expansion    int   // bytes written per byte read, beyond the first 64 MiB: 200
}

func (l Limits) withDefaults() Limits {
	if l.HeaderBytes <= 0 {
		l.HeaderBytes = 16 << 20
	}
	if l.HeaderFields <= 0 {
		l.HeaderFields = 20_000
	}
	if l.Depth <= 0 {
		l.Depth = 100
	}
	if l.Parts <= 0 {
		l.Parts = 10_000
	}
	if l.Attachments <= 0 {
		l.Attachments = 1_000
	}
	if l.Bytes <= 0 {
		l.Bytes = 16 << 30
	}
	if l.Containers <= 0 {
		l.Containers = 8
	}
	if l.Expansion <= 0 {
		l.Expansion = 200
	}
	return l
}

// freeExpansion is how much may be written whatever the message's size.
const freeExpansion = 64 << 20

// LimitError says that a message is beyond a limit.
type LimitError struct {
	Limit string // "header bytes", "header fields", "depth", "parts", "attachments", "bytes", "containers", "expansion" or "boundary bytes"
	Value int64  // the limit
}

// Error returns what the message has too much of.
func (e *LimitError) Error() string {
	switch e.Limit {
	case "depth":
		return fmt.Sprintf("message is nested more than %d deep", e.Value)
	case "containers":
		return fmt.Sprintf("message has more than %d containers within each other", e.Value)
	case "bytes":
		return fmt.Sprintf("message has attachments of more than %d bytes", e.Value)
	case "expansion":
		return fmt.Sprintf("message unpacks to more than %d times its size", e.Value)
	}
	limit := e.Limit
	if e.Value == 1 {
		limit = strings.TrimSuffix(limit, "s")
	}
	return fmt.Sprintf("message has more than %d %s", e.Value, limit)
}
