package extractor

import "fmt"

// ProblemKind names a repair or an oddity.
type ProblemKind string

// The kinds of problems.
const (
	ProblemMissingBoundary  ProblemKind = "missing-boundary"   // a multipart without a usable boundary parameter
	ProblemUnclosed         ProblemKind = "unclosed-multipart" // no closing boundary
	ProblemWrongBoundary    ProblemKind = "wrong-boundary"     // another one than announced was guessed from the body
	ProblemIndented         ProblemKind = "indented-boundary"
	ProblemEncodedMultipart ProblemKind = "encoded-multipart" // a multipart in base64 as a whole
	ProblemMediaType        ProblemKind = "odd-media-type"    // taken for the default
	ProblemHeaderLine       ProblemKind = "header-line"       // a line that is no field passed over
	ProblemNoBlankLine      ProblemKind = "no-blank-line"     // the body begins right behind the header
	ProblemContentType      ProblemKind = "two-content-types"
	ProblemEncoding         ProblemKind = "unknown-encoding" // the body is kept as it is
	ProblemEncodingToken    ProblemKind = "odd-encoding"     // the encoding's name was repaired
	ProblemIllegalBase64    ProblemKind = "illegal-base64"
	ProblemMissingPadding   ProblemKind = "missing-padding"
	ProblemTrailingText     ProblemKind = "trailing-text"
	ProblemBadEscape        ProblemKind = "bad-escape"
	ProblemCharset          ProblemKind = "unknown-charset"
	ProblemRaw8Bit          ProblemKind = "raw-8bit-name"
	ProblemNameGap          ProblemKind = "name-gap"
	ProblemNameCleaned      ProblemKind = "name-cleaned"
	ProblemNoName           ProblemKind = "no-name" // the name was made up
)

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
	Depth        int   // multiparts and attached messages within each other: 100
	Parts        int   // in all: 10,000
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
	return l
}

// LimitError says that a message is beyond a limit.
type LimitError struct {
	Limit string // "header bytes", "header fields", "depth" or "parts"
	Value int64  // the limit
}

// Error returns "message has more than VALUE LIMIT".
func (e *LimitError) Error() string {
	if e.Limit == "depth" {
		return fmt.Sprintf("message is nested more than %d deep", e.Value)
	}
	return fmt.Sprintf("message has more than %d %s", e.Value, e.Limit)
}
