package edit

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// ErrNoAccount says that a file holds no account of a name.
var ErrNoAccount = errors.New("no such account in this file")

// SetAccount sets a key of an account in the list of the configuration file with this content.
// value is as YAML has it, such as true. It changes nothing if the key has that value already.
func SetAccount(data []byte, name, key, value string) ([]byte, error) {
	t, err := read(data)
	if err != nil {
		return nil, err
	}
	item := t.account(name)
	switch {
	case item == nil:
		return nil, ErrNoAccount
	case item.Kind == yaml.AliasNode:
		return nil, refuse(item, "the account is an alias"+byHand)
	}
	return t.set(item, key, value)
}

// account returns the item of an account in the list of accounts, which may be an alias, or nil.
func (t *text) account(name string) *yaml.Node {
	i := find(t.root, "accounts")
	if i < 0 || t.root.Content[i].Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range t.root.Content[i].Content {
		account := item
		if item.Kind == yaml.AliasNode {
			account = item.Alias
		}
		if account.Kind != yaml.MappingNode {
			continue
		}
		if at := find(account, "name"); at >= 0 && account.Content[at].Value == name {
			return item
		}
	}
	return nil
}

// RefuseAccount is the error of a change of an account that can't be made for a reason which this
// package does not see. Its place is that of the account in the list of the file with this content,
// or the beginning of an account file.
func RefuseAccount(data []byte, name, reason string) error {
	at := &yaml.Node{}
	if t, err := read(data); err == nil {
		at = t.root
		if item := t.account(name); item != nil {
			at = item
		}
	}
	return refuse(at, reason+byHand)
}

// Place is where an account stands in the list of the configuration file with this content, from 1,
// the column in characters.
func Place(data []byte, name string) (line, col int, ok bool) {
	t, err := read(data)
	if err != nil {
		return 0, 0, false
	}
	item := t.account(name)
	if item == nil {
		return 0, 0, false
	}
	return item.Line, item.Column, true
}

// SetKey sets a key of an account file with this content, as [SetAccount] does.
func SetKey(data []byte, key, value string) ([]byte, error) {
	t, err := read(data)
	if err != nil {
		return nil, err
	}
	return t.set(t.root, key, value)
}

// token is a value on one line.
var token = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^("[^"]*"|'[^']*'|[^\s,}#"']+)`) })

func (t *text) set(m *yaml.Node, key, value string) ([]byte, error) {
	i := find(m, key)
	switch {
	case i >= 0:
		old := m.Content[i]
		if old.Kind == yaml.ScalarNode && old.Value == value {
			return t.bytes(), nil
		}
		before, after, ok := t.at(old)
		was := token().FindString(after)
		if old.Kind != yaml.ScalarNode || old.Anchor != "" || !ok || was == "" {
			return nil, refuse(old, "the value of "+key+" is written in an odd way"+byHand)
		}
		t.lines[old.Line-1] = before + value + after[len(was):]
		m.Content[i] = scalar(value)
		return t.verified()
	case m.Style&yaml.FlowStyle != 0:
		before, after, ok := t.at(m)
		rest, brace := strings.CutPrefix(after, "{")
		if !ok || !brace {
			return nil, refuse(m, "the account is written in an odd way"+byHand)
		}
		t.lines[m.Line-1] = fmt.Sprintf("%s{%s: %s, %s", before, key, value, strings.TrimLeft(rest, " "))
		m.Content = slices.Insert(m.Content, 0, scalar(key), scalar(value))
		return t.verified()
	}
	// A line of its own, below the account's name.
	at := max(find(m, "name"), 1)
	above, last := m.Content[at], len(m.Content)-1
	if above.Kind != yaml.ScalarNode || at < last && m.Content[at+1].Line <= above.Line {
		return nil, refuse(above, "there is no place for the key "+key+" behind this one"+byHand)
	}
	t.insert(above.Line, strings.Repeat(" ", m.Content[at-1].Column-1)+key+": "+value)
	m.Content = slices.Insert(m.Content, at+1, scalar(key), scalar(value))
	return t.verified()
}

// verified returns the changed text if it says what the changed tree says.
func (t *text) verified() ([]byte, error) {
	data := t.bytes()
	root, err := parse(data[len(t.bom):])
	if err != nil || !same(root, t.root) {
		return nil, refuse(t.root, "the file is written in a way that attachd can't change without changing more of it"+byHand)
	}
	return data, nil
}

// same reports whether two trees say the same.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || a.Value != b.Value || a.Anchor != b.Anchor {
		return false
	}
	return slices.EqualFunc(a.Content, b.Content, same)
}

// Text is a text as YAML has it, on one line, in quotes where it needs them.
func Text(s string) string {
	n := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsAny(s, "\n\r\t") {
		n.Style = yaml.DoubleQuotedStyle
	}
	b, err := yaml.Marshal(&n)
	if err != nil {
		return fmt.Sprintf("%q", s) // a text can't fail
	}
	return strings.TrimSuffix(string(b), "\n")
}

// AccountName is the name of the account in an account file: what the file says, else what the file
// is called. It is "" if the file can't be read.
func AccountName(data []byte, path string) string {
	t, err := read(data)
	if err != nil {
		return ""
	}
	if i := find(t.root, "name"); i >= 0 {
		return t.root.Content[i].Value
	}
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
