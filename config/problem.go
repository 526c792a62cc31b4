package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one fault of a configuration and its place.
type Problem struct {
	File string // as the user named it
	Line int    // from 1; 0 for the file as a whole
	Col  int    // in characters, from 1
	Path string // the key, as accounts[2].tls.ca_file; "" for the file as a whole
	Text string // what is wrong; never holds a secret

	cause error // of a file that could not be read
}

// Error returns "file:line:col: path: text".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.Text)
	return b.String()
}

// Unwrap returns the operating system's error, if any, so that errors.Is finds fs.ErrNotExist.
func (p Problem) Unwrap() error { return p.cause }

// Problems is the error of [Load]: every fault, sorted by file and place, at least one.
type Problems []Problem

// Error returns one line per problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single problems.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// WarningKind sorts warnings, for callers that treat some kinds as errors.
type WarningKind string

// The kinds of warnings.
const (
	WarnSecretExposed  WarningKind = "secret-exposed"   // a secret in a file that others can read
	WarnNotVerified    WarningKind = "not-verified"     // insecure_skip_verify without a pin
	WarnPlaintext      WarningKind = "plaintext"        // tls.mode: none
	WarnExpired        WarningKind = "expired"          // cert_file's certificate
	WarnOddPort        WarningKind = "odd-port"         // the port that is registered for another tls.mode
	WarnUnreadable     WarningKind = "unreadable"       // a file, program or variable is missing: logins will fail
	WarnCommentInValue WarningKind = "comment-in-value" // a comment behind an unquoted password may belong to it
	WarnOddPattern     WarningKind = "odd-pattern"      // a pattern of include or exclude that hardly matches anything
	WarnNoGroup        WarningKind = "no-group"         // group names none of this machine
	WarnNoAccounts     WarningKind = "no-accounts"      // accounts_dir is empty, or all accounts are disabled
)

// Warning is something odd in a configuration that can be used all the same.
type Warning struct {
	Kind WarningKind
	Problem
}

// String returns the warning in the form of [Problem.Error].
func (w Warning) String() string { return w.Error() }

// position is the place of a value and its path.
type position struct {
	file      string
	fileIndex int // in the order of reading, which is the order of reporting
	line, col int
	path      string
}

// key returns the path of the key k below p, at p's own place.
func (p position) key(k string) position {
	if p.path != "" {
		k = p.path + "." + k
	}
	p.path = k
	return p
}

// item gives the place of the i-th item of a list at p.
func (p position) item(i int) position {
	p.path += "[" + strconv.Itoa(i) + "]"
	return p
}

// leaf gives the last key of the path.
func (p position) leaf() string { return p.path[strings.LastIndexByte(p.path, '.')+1:] }

// finding is a problem or a warning with its sort key.
type finding struct {
	Problem
	kind      WarningKind // "" for a problem
	fileIndex int
}

// findings collects problems and warnings.
type findings struct {
	list []finding
	// An anchor that many accounts share is at fault once, not once per account. The paths of these
	// findings, the key apart, are empty.
	seen map[finding]bool
}

func (f *findings) problem(at position, format string, args ...any) {
	f.add("", at, nil, fmt.Sprintf(format, args...))
}

func (f *findings) warn(kind WarningKind, at position, format string, args ...any) {
	f.add(kind, at, nil, fmt.Sprintf(format, args...))
}

func (f *findings) add(kind WarningKind, at position, cause error, text string) {
	p := Problem{File: at.file, Line: at.line, Col: at.col, Path: at.leaf(), Text: text}
	key := finding{Problem: p, kind: kind, fileIndex: at.fileIndex}
	if at.line > 0 {
		if f.seen[key] {
			return
		}
		if f.seen == nil {
			f.seen = map[finding]bool{}
		}
		f.seen[key] = true
	}
	p.Path, p.cause = at.path, cause
	f.list = append(f.list, finding{Problem: p, kind: kind, fileIndex: at.fileIndex})
}

// split sorts the findings into problems and warnings.
func (f *findings) split() (Problems, []Warning) {
	slices.SortStableFunc(f.list, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.fileIndex, b.fileIndex), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	var ps Problems
	var ws []Warning
	for _, x := range f.list {
		if x.kind == "" {
			ps = append(ps, x.Problem)
		} else {
			ws = append(ws, Warning{Kind: x.kind, Problem: x.Problem})
		}
	}
	return ps, ws
}

// maxQuoted bounds the part of a value that a message quotes, in bytes.
const maxQuoted = 64

// quote returns s for a message: quoted, without control characters, bounded.
func quote(s string) string { return strconv.Quote(clip(s)) }

// clip cuts s to maxQuoted bytes.
func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}

// alternatives joins names as "a, b or c".
func alternatives(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
