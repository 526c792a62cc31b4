package extractor

import (
	"fmt"
	"strings"
)

// ProblemKind names a repair or an oddity, in lower case with dashes: "header-line".
type ProblemKind string

// The kinds of problems. Their texts are stable, since callers print them.
const (
	// A multipart has no usable boundary parameter (RFC 2046 section 5.1.1).
	ProblemMissingBoundary ProblemKind = "missing-boundary"
	// A multipart has no closing boundary.
	ProblemUnclosed ProblemKind = "unclosed-multipart"
	// A multipart has a closing boundary and nothing before it.
	ProblemNoParts ProblemKind = "no-parts"
	// The body uses another boundary than announced: it was guessed.
	ProblemWrongBoundary ProblemKind = "wrong-boundary"
	// Blanks stand before a boundary.
	ProblemIndented ProblemKind = "indented-boundary"
	// A multipart is base64 as a whole, which RFC 2045 section 6.4 forbids.
	ProblemEncodedMultipart ProblemKind = "encoded-multipart"
	// A Content-Type is no media type: the default is assumed (RFC 2045 section 5.2).
	ProblemMediaType ProblemKind = "odd-media-type"
	// A line of a header is no field: it was passed over.
	ProblemHeaderLine ProblemKind = "header-line"
	// The body begins right behind the header (RFC 5322 section 2.1).
	ProblemNoBlankLine ProblemKind = "no-blank-line"
	// The encoding is unknown, or the body contradicts it.
	ProblemEncoding ProblemKind = "unknown-encoding"
	// The encoding's name was repaired.
	ProblemEncodingToken ProblemKind = "odd-encoding"
	// Several encodings are declared: the body tells which one holds.
	ProblemTwoEncodings ProblemKind = "two-encodings"
	// A Content-Type or the like has encoded words, which RFC 2047 section 5 forbids.
	ProblemEncodedField ProblemKind = "encoded-field"
	// A field's name was repaired.
	ProblemMisspeltField ProblemKind = "misspelt-field"
	// A part is a mail's text by its type, and a file by its content.
	ProblemFileInText ProblemKind = "file-in-text"
	// A part counts as the message's own text only because its Content-Type can't be read.
	ProblemUntypedText ProblemKind = "untyped-text"
	// The resource fork of a Macintosh file was left out (RFC 1740).
	ProblemResourceFork ProblemKind = "resource-fork"
	// Base64 has other characters, or text before it (RFC 2045 section 6.8).
	ProblemIllegalBase64 ProblemKind = "illegal-base64"
	// Base64 lacks padding at its end, or was cut.
	ProblemMissingPadding ProblemKind = "missing-padding"
	// Text stands behind base64: it was passed over.
	ProblemTrailingText ProblemKind = "trailing-text"
	// More base64 stands behind text that ended a base64 body: it is in no file.
	ProblemTrailingBase64 ProblemKind = "trailing-base64"
	// An equals sign begins no escape of quoted-printable (RFC 2045 section 6.7).
	ProblemBadEscape ProblemKind = "bad-escape"
	// A name's charset is unknown, or the name is not in it.
	ProblemCharset ProblemKind = "unknown-charset"
	// A name has raw 8-bit characters: their charset was guessed.
	ProblemRaw8Bit ProblemKind = "raw-8bit-name"
	// A piece of a name is missing (RFC 2231 section 3).
	ProblemNameGap ProblemKind = "name-gap"
	// The sender's name was changed to be safe: see [SafeName].
	ProblemNameCleaned ProblemKind = "name-cleaned"
	// There is no name: one was made up.
	ProblemNoName ProblemKind = "no-name"
	// A uuencoded file is damaged or incomplete.
	ProblemUUEncode ProblemKind = "odd-uuencode"
	// A file in yEnc is damaged or incomplete.
	ProblemYEnc ProblemKind = "odd-yenc"
	// A file in BinHex is damaged or incomplete.
	ProblemBinHex ProblemKind = "odd-binhex"
	// A winmail.dat is damaged: it is kept as well.
	ProblemTNEF ProblemKind = "odd-tnef"
	// A signed content did not come out whole: its container is kept as well.
	ProblemSMIME ProblemKind = "odd-smime"
)

// Cosmetic reports whether a problem of this kind leaves contents and structure beyond
// doubt: it concerns a name, or how something was declared.
func (k ProblemKind) Cosmetic() bool {
	switch k {
	case ProblemCharset, ProblemRaw8Bit, ProblemNameGap, ProblemNameCleaned, ProblemNoName, ProblemEncodingToken, ProblemMediaType, ProblemResourceFork, ProblemClipped:
		return true
	}
	return false
}

// Lossy reports whether a problem of this kind may have cost something: it is in no file,
// or not as it was sent. The message itself is then worth keeping. After any other kind the
// outcome is beyond doubt, or the damaged container is kept.
func (k ProblemKind) Lossy() bool {
	switch k {
	case ProblemMissingBoundary, ProblemUnclosed, ProblemNoParts, ProblemEncoding, ProblemIllegalBase64, ProblemMissingPadding, ProblemTrailingBase64, ProblemBadEscape,
		ProblemUUEncode, ProblemYEnc, ProblemBinHex, ProblemUntypedText:
		return true
	}
	return false
}

// Problem is one repair of a message, or one oddity in it. Part is the part's number as in
// [Attachment]. Detail is what was found, shortened; it may be foreign text.
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

// Limits bound the work for one message. A zero field takes its default, which no honest
// mail reaches.
type Limits struct {
	HeaderBytes  int64 // of one header; 16 MiB
	HeaderFields int   // of one header; 20,000
	Depth        int   // multiparts, attached messages and containers within each other; 100
	Parts        int   // in all; 10,000
	Attachments  int   // in all, with those from containers; 1,000
	Bytes        int64 // written for all attachments together; 16 GiB
	Containers   int   // winmail.dat, S/MIME and the like within each other; 8
	Expansion    int   // bytes written per byte read, beyond the first 64 MiB; 200
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

// freeExpansion is how many bytes may be written whatever the message's size.
const freeExpansion = 64 << 20

// MessageError is an error whose reason is the message itself, and not what it is read from or
// written to: [*LimitError] or [*PanicError].
type MessageError interface {
	error
	ofMessage()
}

func (*LimitError) ofMessage() {}
func (*PanicError) ofMessage() {}

// PanicError is the error of a message that the extractor fails at, by a fault of its own. Whoever
// sends such a message must not end the program, and with it the polls of all accounts.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // where it was, for whoever mends it
}

// Error says so, with the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("take the message apart: panic: %v; please report it with the message\n%s", e.Value, e.Stack)
}

// LimitError is the error of a message beyond a limit.
type LimitError struct {
	// Limit is "header bytes", "header fields", "depth", "parts", "attachments", "bytes",
	// "containers", "expansion" or "boundary bytes".
	Limit string
	Value int64 // the limit
}

// Error says which limit it is, and its value.
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
