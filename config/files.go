package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"

	"gopkg.in/yaml.v3"
)

// Files says which attachments of an account become files, and how.
type Files struct {
	Filter       Filter
	InlineImages InlineImages
	Path         PathTemplate // "" for the account's folder and the file's own name
	Sidecar      bool         // a JSON file beside each
	Raw          Raw
	RTFBody      bool // the RTF text of a winmail.dat becomes a file, too
	Noise        Noise
	Extension    Extension

	NestedMessages bool // messages attached to an attached message become files, too
}

// InlineImages says which pictures become files if the HTML shows them.
type InlineImages string

// The values of inline_images.
const (
	InlineNamed InlineImages = "named" // those with a file name
	InlineAll   InlineImages = "all"
	InlineNone  InlineImages = "none"
)

func (i *InlineImages) parse(s string) error { return choose(i, s, InlineNamed, InlineAll, InlineNone) }

// Raw says when the message itself is kept as a file, too.
type Raw string

// The values of raw.
const (
	RawNever    Raw = "never"
	RawProblems Raw = "problems" // something of its structure or contents had to be repaired
	RawAlways   Raw = "always"
)

func (r *Raw) parse(s string) error { return choose(r, s, RawNever, RawProblems, RawAlways) }

// Noise says what to do with attachments that nobody wants as files, such as detached signatures
// and logos. The extractor decides which these are.
type Noise string

// The values of noise.
const (
	NoiseKeep Noise = "keep"
	NoiseDrop Noise = "drop"
)

func (n *Noise) parse(s string) error { return choose(n, s, NoiseKeep, NoiseDrop) }

// Extension says what to do with a name without an extension.
type Extension string

// The values of extension.
const (
	ExtensionAsSent Extension = "as_sent"
	ExtensionAdd    Extension = "add" // by the content
)

func (e *Extension) parse(s string) error { return choose(e, s, ExtensionAsSent, ExtensionAdd) }

// Filter holds the rules of include and exclude as JSON, so that it is comparable. "" keeps every
// attachment.
type Filter string

// Rules is the decoded form of a [Filter]. An attachment becomes a file if a rule of Include takes
// it (or Include is empty) and no rule of Exclude does.
type Rules struct {
	Include []Rule `json:",omitempty"`
	Exclude []Rule `json:",omitempty"`
}

// Rule takes an attachment if all its conditions hold. In each list, one pattern must match.
type Rule struct {
	Name    []string `json:",omitempty"`
	Type    []string `json:",omitempty"`
	From    []string `json:",omitempty"`
	To      []string `json:",omitempty"`
	Subject []string `json:",omitempty"`
	MinSize Size     `json:",omitempty"`
	MaxSize Size     `json:",omitempty"`
	Inline  *bool    `json:",omitempty"`
}

// Rules decodes f, which must come from [Load].
func (f Filter) Rules() Rules {
	var r Rules
	if f != "" {
		if err := json.Unmarshal([]byte(f), &r); err != nil {
			panic("config: a Filter that Load did not make: " + err.Error())
		}
	}
	return r
}

// rawFiles are an account's keys for its files.
type rawFiles struct {
	Include      rawRules            `yaml:"include"`
	Exclude      rawRules            `yaml:"exclude"`
	InlineImages value[InlineImages] `yaml:"inline_images"`
	Path         value[PathTemplate] `yaml:"path"`
	Sidecar      value[bool]         `yaml:"sidecar"`
	Raw          value[Raw]          `yaml:"raw"`
	RTFBody      value[bool]         `yaml:"rtf_body"`
	Noise        value[Noise]        `yaml:"noise"`
	Extension    value[Extension]    `yaml:"extension"`

	NestedMessages value[bool] `yaml:"nested_messages"`
}

func (r *rawFiles) inherit(from *rawFiles) {
	r.Include.inherit(&from.Include)
	r.Exclude.inherit(&from.Exclude)
	r.InlineImages.inherit(from.InlineImages)
	r.Path.inherit(from.Path)
	r.Sidecar.inherit(from.Sidecar)
	r.Raw.inherit(from.Raw)
	r.RTFBody.inherit(from.RTFBody)
	r.Noise.inherit(from.Noise)
	r.Extension.inherit(from.Extension)
	r.NestedMessages.inherit(from.NestedMessages)
}

// attachments checks the keys of rawFiles.
func (l *loader) attachments(r *rawFiles) Files {
	f := Files{
		InlineImages: r.InlineImages.or(InlineNamed),
		Path:         r.Path.or(""),
		Sidecar:      r.Sidecar.or(false),
		Raw:          r.Raw.or(RawNever),
		RTFBody:      r.RTFBody.or(false),
		Noise:        r.Noise.or(NoiseKeep),
		Extension:    r.Extension.or(ExtensionAsSent),

		NestedMessages: r.NestedMessages.or(false),
	}
	rules := Rules{l.rules(&r.Include), l.rules(&r.Exclude)}
	if len(rules.Include)+len(rules.Exclude) > 0 {
		b, err := json.Marshal(rules)
		if err != nil {
			panic(err) // strings and numbers can't fail
		}
		f.Filter = Filter(b)
	}
	return f
}

func (l *loader) rules(r *rawRules) []Rule {
	var rules []Rule
	for i := range r.list {
		raw := &r.list[i]
		rule := raw.rule()
		if raw.MaxSize.ok() && rule.MaxSize < max(rule.MinSize, 1) {
			l.problem(raw.MaxSize.at, "must be at least 1 and not less than min_size")
		}
		for _, t := range rule.Type {
			if !strings.Contains(t, "/") && t != "*" {
				l.problem(raw.Type.at, "must be a media type such as application/pdf or image/*, not %s", quote(t))
			}
		}
		l.patternsOf(raw)
		rules = append(rules, rule)
	}
	return rules
}

// rawRules is a list of rules. A plain text in the list is a pattern of the name.
type rawRules struct {
	list []rawRule
	at   position
	set  bool
}

func (r *rawRules) inherit(from *rawRules) {
	if !r.set {
		*r = *from
	}
}

func (r *rawRules) decode(d *decoder, n *yaml.Node, at position) {
	r.at, r.set = at, true
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.problem(at, `must be a list of rules, such as ["*.pdf", {type: image/*, min_size: 10KiB}]`)
		return
	}
	r.list = make([]rawRule, len(n.Content))
	for i, item := range n.Content {
		item = resolve(item)
		place := d.place(item)
		place.path = at.item(i).path
		r.list[i].at = place
		if item.Kind == yaml.MappingNode {
			d.mapping(item, place, &r.list[i])
			if len(item.Content) == 0 {
				d.problem(place, "an empty rule takes everything; say what it is to take")
			}
			continue
		}
		r.list[i].Name.decode(d, item, place)
	}
}

type rawRule struct {
	at position

	Name    patterns    `yaml:"name"`
	Type    patterns    `yaml:"type"`
	From    patterns    `yaml:"from"`
	To      patterns    `yaml:"to"`
	Subject patterns    `yaml:"subject"`
	MinSize value[Size] `yaml:"min_size"`
	MaxSize value[Size] `yaml:"max_size"`
	Inline  value[bool] `yaml:"inline"`
}

// rule is the rule as the extractor takes it.
func (r *rawRule) rule() Rule {
	rule := Rule{
		Name: r.Name.list, Type: r.Type.list, From: r.From.list, To: r.To.list, Subject: r.Subject.list,
		MinSize: r.MinSize.or(0), MaxSize: r.MaxSize.or(0),
	}
	if r.Inline.ok() {
		rule.Inline = &r.Inline.v
	}
	return rule
}

// patterns is one pattern or a list of them.
type patterns struct {
	list   []string
	at     position
	places []position // of each
}

func (p *patterns) decode(d *decoder, n *yaml.Node, at position) {
	p.at, p.places = at, []position{at}
	var err error
	if n.Kind == yaml.SequenceNode {
		p.list, err = d.texts(n)
		p.places = nil
		for i, item := range n.Content {
			place := d.place(resolve(item))
			place.path = at.item(i).path
			p.places = append(p.places, place)
		}
	} else {
		p.list = make([]string, 1)
		p.list[0], err = d.text(n, false)
	}
	for _, s := range p.list {
		if err == nil && strings.TrimSpace(s) == "" {
			err = errors.New("must not hold an empty pattern")
		}
	}
	if err == nil && len(p.list) == 0 {
		err = errors.New("must not be an empty list")
	}
	if err != nil {
		d.problem(at, "%s", err)
	}
}

// PathTemplate is a text/template for a file's path below the account's folder, executed with a
// [PathData].
type PathTemplate string

// PathData holds the fields of a PathTemplate.
type PathData struct {
	Account   string
	UIDL      string
	Name      string    // of the file: "invoice.pdf"
	Base, Ext string    // "invoice" and ".pdf"
	Type      string    // media type as declared: "application/pdf"
	Date      time.Time // of the message, or of its delivery if the message has none
	From, To  PathAddress
	Subject   string
	MessageID string
}

// PathAddress is the first address of From or To.
type PathAddress struct {
	Name, Address, Local, Domain string
}

// maxPath bounds a template's result, in bytes.
const maxPath = 4000

// maxField bounds one value in a path, in bytes: no component of a path may be longer, and a
// subject may be endless.
const maxField = 255

func (p *PathTemplate) parse(s string) error {
	*p = PathTemplate(s)
	sample := PathData{
		Account: "account", UIDL: "1", Name: "a.pdf", Base: "a", Ext: ".pdf", Type: "application/pdf", Date: time.Unix(0, 0).UTC(),
		From: PathAddress{"Name", "local@example.org", "local", "example.org"}, To: PathAddress{"Name", "local@example.org", "local", "example.org"},
		Subject: "subject", MessageID: "id@example.org",
	}
	first, err := p.Execute(sample)
	if err != nil {
		return err
	}
	if strings.HasPrefix(first, "/") || slices.Contains(strings.Split(first, "/"), "..") {
		return errors.New("must stay below the account's folder: without .. and a slash at the beginning")
	}
	if strings.Contains(first, "//") || strings.HasSuffix(first, "/") {
		return errors.New("must have something between two slashes and behind the last one")
	}
	sample.Name, sample.Base, sample.Ext = "b.txt", "b", ".txt"
	if second, err := p.Execute(sample); err == nil && first == second {
		return errors.New("must hold {{.Name}}, or {{.Base}} and {{.Ext}}, as all files would have one name")
	}
	return nil
}

// Execute returns the path for one file. A missing value is empty. The values cannot add folders,
// but the caller still has to make the path safe.
func (p PathTemplate) Execute(data PathData) (string, error) {
	t, err := template.New("path").Option("missingkey=error").Funcs(pathFuncs).Parse(string(p))
	if err != nil {
		return "", errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	// Senders and servers chose these; they must not make folders.
	for _, s := range []*string{
		&data.Name, &data.Base, &data.Ext, &data.UIDL, &data.Type, &data.Subject, &data.MessageID,
		&data.From.Name, &data.From.Address, &data.From.Local, &data.From.Domain, &data.To.Name, &data.To.Address, &data.To.Local, &data.To.Domain,
	} {
		*s = strings.NewReplacer("/", "_", `\`, "_").Replace(*s)
		if len(*s) > maxField {
			*s = strings.ToValidUTF8((*s)[:maxField], "")
		}
	}
	var b bounded
	if err := t.Execute(&b, data); err != nil {
		if m := unknownField().FindStringSubmatch(err.Error()); m != nil {
			return "", fmt.Errorf("there is no field .%s, only %s", m[1], fieldNames(m[2]))
		}
		return "", errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	return b.String(), nil
}

// pathFuncs are what a path can call beside the functions of text/template. The values lost
// their slashes before, and so does a pattern: application/pdf matches a type.
var pathFuncs = template.FuncMap{"match": func(value string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(strings.ReplaceAll(p, "/", "_"), value) })
}}

var unknownField = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`can't evaluate field (\w+) in type config\.(\w+)$`) })

func fieldNames(of string) string {
	t := reflect.TypeFor[PathData]()
	if of == "PathAddress" {
		t = reflect.TypeFor[PathAddress]()
	}
	var names []string
	for i := range t.NumField() {
		names = append(names, "."+t.Field(i).Name)
	}
	return strings.Join(names, " ")
}

// bounded is a text of at most maxPath bytes.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxPath {
		return 0, fmt.Errorf("longer than %d bytes", maxPath)
	}
	return b.Builder.Write(p)
}
