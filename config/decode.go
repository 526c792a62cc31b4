package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxSteps bounds the keys that are read, merged ones included, because merge keys of merge keys
// multiply. A file of ten thousand accounts takes some hundred thousand.
const maxSteps = 4_000_000

// maxMergeDepth bounds merge keys within merged mappings. A mapping that merges itself stops here.
const maxMergeDepth = 16

// decoder turns the nodes of one file into the raw types. It replaces yaml.v3's own decoding,
// because that one
//
//   - names Go types in its errors, without columns;
//   - takes ~ for "leave as it is";
//   - accepts unknown keys below a custom unmarshaler.
type decoder struct {
	*findings
	at    position // the file, with the place still to be filled in
	lines [][]byte
	steps int
}

// decodable is a field of a raw struct.
type decodable interface {
	decode(d *decoder, n *yaml.Node, at position)
}

// parse checks the bytes of a file and returns the root node of its one document. It reports a
// fault and returns nil if there is no such document.
func (d *decoder) parse(data []byte) *yaml.Node {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d.lines = bytes.Split(data, []byte("\n"))
	if i, what := unreadable(data); i >= 0 {
		d.problem(d.offset(data, i), "%s", what)
		return nil
	}
	slips := findSlips(d.lines)
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.problem(d.offset(data, 0), "the file is empty")
		return nil
	case err != nil:
		d.syntax(data, err, slips)
		return nil
	}
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil || len(slips) > 0 && !bytes.Contains(data, []byte("\n---")):
		d.syntax(data, err, slips)
		return nil
	default:
		d.problem(d.place(&second), "a second document begins here; a file holds one")
		return nil
	}
	if slips = slices.DeleteFunc(slips, func(s slip) bool { return !s.certain }); len(slips) > 0 {
		d.syntax(data, nil, slips)
		return nil
	}
	root := doc.Content[0]
	if isNull(root) {
		d.problem(d.place(root), "the file is empty")
		return nil
	}
	return root
}

// unreadable finds the first byte that a YAML file may not hold, or -1.
func unreadable(data []byte) (at int, what string) {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1 && i == 0 && len(data) > 1 && data[0]^data[1] == 1:
			return i, "the file is UTF-16, as editors on Windows call Unicode: save it as UTF-8"
		case r == utf8.RuneError && n == 1:
			return i, "the file is not UTF-8 here"
		case r == '\r' && i+1 < len(data) && data[i+1] == '\n':
		case r == '\r':
			return i, "a carriage return without a line feed: save the file with the line ends of Unix or Windows"
		case r == 0xfeff:
			return i, "a byte order mark within the file: delete it"
		// YAML takes a lone CR, U+0085, U+2028 and U+2029 for line breaks, but editors do not show
		// them.
		case r < ' ' && r != '\t' && r != '\n', r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029, r&0xfffe == 0xfffe:
			return i, fmt.Sprintf("control character %U is not allowed", r)
		}
		i += n
	}
	return -1, ""
}

// offset returns the place of the byte at i.
func (d *decoder) offset(data []byte, i int) position {
	at := d.at
	before := data[:i]
	at.line = bytes.Count(before, []byte("\n")) + 1
	at.col = utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return at
}

// place returns the place of n, without a path.
func (d *decoder) place(n *yaml.Node) position {
	at := d.at
	// yaml.v3 places a value that is missing at the end of a file behind the file.
	at.line, at.col = max(min(n.Line, len(d.lines)), 1), max(n.Column, 1)
	return at
}

// value is one scalar, or list of scalars, with its place.
type value[T any] struct {
	v   T
	at  position
	set bool // the key is there, perhaps with a faulty value
	bad bool // the value is faulty; this has been reported

	commented bool // it is not quoted, and a comment follows it
}

// ok reports whether there is a value without a fault.
func (v *value[T]) ok() bool { return v.set && !v.bad }

// or returns the value, or def if there is none.
func (v *value[T]) or(def T) T {
	if v.ok() {
		return v.v
	}
	return def
}

// inherit takes over from's value if v has none.
func (v *value[T]) inherit(from value[T]) {
	if !v.set {
		*v = from
	}
}

func (v *value[T]) decode(d *decoder, n *yaml.Node, at position) {
	*v = value[T]{at: at, set: true, commented: n.Style == 0 && n.LineComment != ""}
	var err error
	if list, ok := any(&v.v).(*[]string); ok {
		*list, err = d.texts(n)
	} else {
		_, secret := any(&v.v).(*Secret)
		var s string
		if s, err = d.text(n, secret); err == nil {
			err = parseScalar(any(&v.v), s)
		}
	}
	if err != nil {
		v.bad = true
		d.problem(at, "%s", err)
	}
}

// parseScalar sets *to from the text of a scalar.
func parseScalar(to any, s string) (err error) {
	switch to := to.(type) {
	case *string:
		*to = s
	case *Secret:
		*to = Secret(s)
	case *bool:
		if s != "true" && s != "false" {
			return fmt.Errorf("must be true or false, not %s", quote(s))
		}
		*to = s == "true"
	case *int:
		if *to, err = strconv.Atoi(s); err != nil {
			return fmt.Errorf("must be a whole number, not %s", quote(s))
		}
	case *time.Duration:
		*to, err = ParseDuration(s)
	case *Size:
		*to, err = ParseSize(s)
	case interface{ parse(string) error }:
		return to.parse(s)
	default:
		return errors.New("cannot be set")
	}
	return err
}

// text returns the text of a scalar as written: 0123 stays 0123. The errors do not quote it.
func (d *decoder) text(n *yaml.Node, secret bool) (string, error) {
	switch {
	case n.Kind == yaml.MappingNode:
		return "", errors.New("must be a single value, not a mapping")
	case n.Kind == yaml.SequenceNode:
		return "", errors.New("must be a single value, not a list")
	case n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!str":
		return "", errors.New("begins with !, which YAML takes for a type; quote it if it is text")
	case isNull(n):
		if secret {
			return "", errors.New("has no value; quote it if the value begins with #, ~ or &")
		}
		return "", errors.New("has no value")
	case strings.Contains(n.Value, hidden):
		return "", errors.New("holds " + hidden + ", which attachd config print shows in place of a secret: give the secret, or where it is kept")
	case n.Style == 0 && !d.onOneLine(n):
		return "", errors.New("goes on in the next line; is a space missing after a colon there? Quote it if not")
	}
	return n.Value, nil
}

// onOneLine reports whether an unquoted scalar stands on one line of the file.
func (d *decoder) onOneLine(n *yaml.Node) bool {
	if n.Line < 1 || n.Line > len(d.lines) {
		return true
	}
	line := string(d.lines[n.Line-1])
	for range n.Column - 1 {
		_, size := utf8.DecodeRuneInString(line)
		line = line[size:]
	}
	if n.Anchor != "" {
		line = strings.TrimLeft(strings.TrimPrefix(line, "&"+n.Anchor), " \t")
	}
	// An anchor may stand on the line before its value.
	return strings.HasPrefix(line, n.Value) || line == ""
}

// texts returns the texts of a list of scalars.
func (d *decoder) texts(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, errors.New("must be a list")
	}
	var out []string
	for i, item := range n.Content {
		s, err := d.text(resolve(item), false)
		if err != nil {
			return nil, fmt.Errorf("entry %d %w", i+1, err)
		}
		out = append(out, s)
	}
	return out, nil
}

const notMapping = "must be a mapping of keys to values"

// pair is one key of a mapping.
type pair struct {
	key   string
	place position // of the key
	value *yaml.Node
}

// mapping decodes n into the fields of *target, by their yaml tags. A null is an empty mapping: all
// keys of the section are commented out.
func (d *decoder) mapping(n *yaml.Node, at position, target any) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.problem(at, notMapping)
		return
	}
	fields := fieldsOf(reflect.ValueOf(target).Elem(), map[string]decodable{})
	for _, p := range d.pairs(n, at, map[string]int{}, 0) {
		if strings.HasPrefix(p.key, "x-") {
			continue
		}
		field, ok := fields[p.key]
		if !ok {
			p.place.path = at.key(printable(p.key)).path
			d.problem(p.place, "unknown key%s", hint(p.key, fields))
			continue
		}
		v := resolve(p.value)
		place := d.place(v)
		place.path = at.key(p.key).path
		field.decode(d, v, place)
	}
}

// pairs lists the keys of n and of the mappings that it merges. An own key wins over a merged one.
// have maps the keys so far to their lines.
func (d *decoder) pairs(n *yaml.Node, at position, have map[string]int, depth int) []pair {
	var out []pair
	var merges []*yaml.Node
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := resolve(n.Content[i]), n.Content[i+1]
		place := d.place(n.Content[i])
		place.path = at.path
		if d.steps++; d.steps > maxSteps {
			if d.steps == maxSteps+1 {
				d.problem(place, "the merge keys of this file expand to too many keys")
			}
			return out
		}
		switch line, seen := have[k.Value]; {
		case k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge":
			merges = append(merges, v)
		case k.Kind != yaml.ScalarNode:
			d.problem(place, "a key must be a single word")
		case own[k.Value]:
			place.path = at.key(printable(k.Value)).path
			d.problem(place, "duplicate key, first given in line %d", line)
		case !seen:
			own[k.Value], have[k.Value] = true, place.line
			out = append(out, pair{k.Value, place, v})
		}
	}
	for _, m := range merges {
		out = append(out, d.merged(m, at, have, depth+1)...)
	}
	return out
}

// merged lists the keys that n, the value of a merge key, adds.
func (d *decoder) merged(n *yaml.Node, at position, have map[string]int, depth int) []pair {
	place := d.place(n)
	place.path = at.path
	n = resolve(n)
	switch {
	case depth > maxMergeDepth:
		d.problem(place, "merge keys are nested too deeply")
		return nil
	case n.Kind == yaml.MappingNode:
		return d.pairs(n, at, have, depth)
	case n.Kind == yaml.SequenceNode:
		var out []pair
		for _, item := range n.Content {
			if d.steps > maxSteps {
				return out
			}
			if item = resolve(item); item.Kind == yaml.MappingNode {
				out = append(out, d.pairs(item, at, have, depth)...)
			} else {
				d.problem(place, "a merge key takes a mapping or a list of mappings")
			}
		}
		return out
	}
	d.problem(place, "a merge key takes a mapping or a list of mappings")
	return nil
}

// fieldsOf maps yaml tags to the fields of the struct v and of its embedded structs.
func fieldsOf(v reflect.Value, into map[string]decodable) map[string]decodable {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("yaml")
		switch {
		case f.Anonymous:
			fieldsOf(v.Field(i), into)
		case tag == "":
		case f.Type == reflect.TypeFor[rawSecret]():
			v.Field(i).Addr().Interface().(*rawSecret).fields(tag, into)
		default:
			into[tag], _ = v.Field(i).Addr().Interface().(decodable)
		}
	}
	return into
}

// resolve follows an alias to its node.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
