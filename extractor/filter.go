package extractor

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// Filter says which attachments are kept. A rule of Include must take the attachment, if
// there are any, and no rule of Exclude.
type Filter struct {
	Include, Exclude []Rule
}

// Rule takes an attachment if every field of it holds. In a list, one pattern must match;
// an empty list matches anything. In a pattern, "*" stands for any run of characters and
// "?" for one character. Case does not count.
type Rule struct {
	Names   []string // of the file, as saved or as the sender gave it
	Types   []string // the media type, declared or detected: "image/*"
	Senders []string // an address in From
	// Recipients are addresses that the message was for, see [Message].Addressed. "a@example.org"
	// does not match "a+tag@example.org"; "a+*@example.org" does.
	Recipients []string
	Subjects   []string // of the message
	MinSize    int64    // in bytes, decoded
	MaxSize    int64    // in bytes, decoded; 0 for any
	Inline     *bool    // whether it is a picture shown within the text; nil for either
}

// verdict is what a rule says of an attachment so far.
type verdict int

const (
	no verdict = iota
	unknown
	yes
)

// asksRecipients reports whether a rule asks whom a message is for.
func (f *Filter) asksRecipients() bool {
	asks := func(r Rule) bool { return len(r.Recipients) > 0 }
	return f != nil && (slices.ContainsFunc(f.Include, asks) || slices.ContainsFunc(f.Exclude, asks))
}

// detects reports whether the attachments' types are to be detected.
func (o *Options) detects() bool {
	if o.Detect {
		return true
	}
	if o.Filter == nil {
		return false
	}
	for _, rules := range [...][]Rule{o.Filter.Include, o.Filter.Exclude} {
		for i := range rules {
			if len(rules[i].Types) > 0 {
				return true
			}
		}
	}
	return false
}

// leaveOut leaves an attachment out if the options say so and it is not left out already.
// complete says that the whole content has been seen; without it the answer may come later.
func (o *Options) leaveOut(m *Message, a *Attachment, complete bool) {
	if a.LeftOut == "" {
		a.LeftOut, a.LeftOutBy = o.whyLeftOut(m, a, complete)
	}
}

// Cause says which part of the [Options] leaves an attachment out. Rule is its index in the
// list of a [Filter] that it is of.
type Cause struct {
	By   Chooser
	Rule int
}

// Chooser is a part of the [Options] that may leave attachments out.
type Chooser int

// The choosers. NoChooser leaves out what is kept elsewhere: a container whose contents came out.
const (
	NoChooser Chooser = iota
	ByInclude
	ByExclude
	ByInline
	ByNoise
)

// whyLeftOut returns why an attachment is left out; "" if it is kept, or if that is not known
// yet.
func (o *Options) whyLeftOut(m *Message, a *Attachment, complete bool) (string, Cause) {
	if a.Inline && o.Inline == InlineNone {
		return "inline picture", Cause{By: ByInline}
	}
	f := o.Filter
	if f == nil || a.Fragment != nil { // the message that the fragments make up is judged
		return "", Cause{}
	}
	if o.AddExtension && !hasExtension(a.Name) && !complete {
		return "", Cause{} // its name is not known yet
	}
	if len(f.Include) > 0 {
		best := no
		for i := range f.Include {
			best = max(best, f.Include[i].judge(m, a, complete))
		}
		if best == no {
			return "no rule of include takes it", Cause{By: ByInclude}
		}
	}
	for i := range f.Exclude {
		if f.Exclude[i].judge(m, a, complete) == yes {
			return fmt.Sprintf("rule %d of exclude takes it", i+1), Cause{ByExclude, i}
		}
	}
	return "", Cause{}
}

// surelyKeeps reports whether no rule can leave an attachment out any more, whatever the
// rest of its content is.
func (o *Options) surelyKeeps(m *Message, a *Attachment) bool {
	if o.Filter == nil {
		return true
	}
	if o.AddExtension && !hasExtension(a.Name) {
		return false // its name is not known yet
	}
	is := func(v verdict) func(Rule) bool { return func(r Rule) bool { return r.judge(m, a, false) == v } }
	if len(o.Filter.Include) > 0 && !slices.ContainsFunc(o.Filter.Include, is(yes)) {
		return false
	}
	return !slices.ContainsFunc(o.Filter.Exclude, is(unknown))
}

// judge says whether the rule takes an attachment.
func (r *Rule) judge(m *Message, a *Attachment, complete bool) verdict {
	result := yes
	and := func(v verdict) { result = min(result, v) }
	open := func(v bool) verdict { // the rest of the attachment may turn a no
		switch {
		case v:
			return yes
		case complete:
			return no
		}
		return unknown
	}
	if len(r.Subjects) > 0 {
		and(certain(matchAny(r.Subjects, m.Subject)))
	}
	if len(r.Senders) > 0 {
		found := false
		for _, from := range m.Senders {
			found = found || matchAny(r.Senders, from.Address)
		}
		and(certain(found))
	}
	if len(r.Recipients) > 0 {
		and(certain(slices.ContainsFunc(m.Addressed, func(to string) bool { return matchAny(r.Recipients, to) })))
	}
	if r.Inline != nil {
		and(certain(a.Inline == *r.Inline))
	}
	if len(r.Names) > 0 {
		if a.Name == "" {
			and(open(false))
		} else {
			and(certain(matchAny(r.Names, a.Name) || a.OriginalName != "" && matchAny(r.Names, a.OriginalName)))
		}
	}
	if len(r.Types) > 0 {
		and(open(matchType(r.Types, a.MediaType) || matchType(r.Types, a.DetectedType)))
	}
	if r.MinSize > 0 {
		and(open(a.Size >= r.MinSize))
	}
	if r.MaxSize > 0 {
		switch {
		case a.Size > r.MaxSize:
			and(no)
		case !complete:
			and(unknown)
		}
	}
	return result
}

func certain(v bool) verdict {
	if v {
		return yes
	}
	return no
}

// matchType reports whether a media type or another name of it matches: text/xml and
// application/xml are one type (RFC 7303 section 9.2), and so are application/pdf and
// application/x-pdf.
func matchType(patterns []string, mediaType string) bool {
	if mediaType == "" {
		return false
	}
	if matchAny(patterns, mediaType) {
		return true
	}
	known := mimetype.Lookup(mediaType)
	for _, p := range patterns {
		if known != nil && known.Is(p) {
			return true
		}
	}
	return false
}

func matchAny(patterns []string, s string) bool {
	for _, p := range patterns {
		if match(p, s) {
			return true
		}
	}
	return false
}

// match reports whether s matches a pattern of a Rule. At worst its time grows with the
// product of their lengths.
func match(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		sr, sn := utf8.DecodeRuneInString(s[i:])
		if p < len(pattern) {
			pr, pn := utf8.DecodeRuneInString(pattern[p:])
			if pr == '*' {
				star, mark = p+pn, i
				p += pn
				continue
			}
			if pr == '?' || equalFold(pr, sr) {
				p, i = p+pn, i+sn
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[mark:])
		mark += n
		p, i = star, mark
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func equalFold(a, b rune) bool { return a == b || unicode.ToLower(a) == unicode.ToLower(b) }
