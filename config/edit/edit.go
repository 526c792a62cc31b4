package edit

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// PlaceError says what can't be changed, and where it stands.
type PlaceError struct {
	Line, Col int // from 1, in characters
	Text      string
}

// Error returns "line:col: text".
func (e *PlaceError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Text) }

func refuse(n *yaml.Node, text string) error {
	return &PlaceError{max(n.Line, 1), max(n.Column, 1), text}
}

const byHand = "; change the file by hand"

// text is a file as it is changed.
type text struct {
	bom   string
	end   string   // of its lines
	lines []string // without their ends
	final bool     // the last line has an end
	root  *yaml.Node
}

const bom = "\ufeff"

// read parses a file. It must hold one document with a mapping of keys, one below the other.
func read(data []byte) (*text, error) {
	t := &text{end: "\n"}
	rest, found := bytes.CutPrefix(data, []byte(bom))
	if found {
		t.bom = bom
	}
	root, err := parse(rest)
	if err != nil {
		return nil, err
	}
	if root.Kind != yaml.MappingNode || root.Style&yaml.FlowStyle != 0 {
		return nil, refuse(root, "the keys of the file stand in braces, or there are none"+byHand)
	}
	t.root = root
	if bytes.Contains(rest, []byte("\r\n")) {
		t.end = "\r\n"
	}
	body := strings.ReplaceAll(string(rest), "\r\n", "\n")
	body, t.final = strings.CutSuffix(body, "\n")
	t.lines = strings.Split(body, "\n")
	return t, nil
}

// parse returns the root of the one document of a text.
func parse(data []byte) (root *yaml.Node, err error) {
	defer func() {
		if recover() != nil { // yaml.v3 has panicked on odd input before
			root, err = nil, errors.New("the file brought the YAML parser down")
		}
	}()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, &PlaceError{1, 1, "the file is empty"}
	}
	return doc.Content[0], nil
}

// bytes is the file as it is now. The new lines have ends as the old ones had.
func (t *text) bytes() []byte {
	body := strings.Join(t.lines, t.end)
	if t.final {
		body += t.end
	}
	return []byte(t.bom + body)
}

// insert adds lines before the line at index i.
func (t *text) insert(i int, lines ...string) {
	if i == len(t.lines) {
		t.final = true
	}
	t.lines = slices.Insert(t.lines, i, lines...)
}

// at splits a line at the place of a node.
func (t *text) at(n *yaml.Node) (before, after string, ok bool) {
	if n.Line < 1 || n.Line > len(t.lines) {
		return "", "", false
	}
	line, at := t.lines[n.Line-1], 0
	for range n.Column - 1 {
		_, size := utf8.DecodeRuneInString(line[at:])
		at += size
	}
	return line[:at], line[at:], true
}

// find returns the index of a key's value in a mapping, or -1.
func find(m *yaml.Node, key string) int {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Kind == yaml.ScalarNode && m.Content[i].Value == key {
			return i + 1
		}
	}
	return -1
}

// AddAccount adds an account to the list of the configuration file with this content. item has the
// lines of the account, with its keys in the first column and without line ends.
func AddAccount(data []byte, item []string) ([]byte, error) {
	t, err := read(data)
	if err != nil {
		return nil, err
	}
	account, err := parse([]byte(strings.Join(item, "\n") + "\n"))
	if err != nil {
		return nil, fmt.Errorf("read the new account: %w", err)
	}
	i := find(t.root, "accounts")
	if i < 0 {
		t.append(item)
		t.root.Content = append(t.root.Content, scalar("accounts"), &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{account}})
		return t.verified()
	}
	key, list := t.root.Content[i-1], t.root.Content[i]
	switch {
	case list.Kind == yaml.AliasNode:
		return nil, refuse(list, "the accounts are an alias"+byHand)
	case list.Kind == yaml.SequenceNode && list.Style&yaml.FlowStyle == 0:
		t.lengthen(i, item)
	case list.Kind == yaml.SequenceNode && len(list.Content) > 0:
		return nil, refuse(list, "the accounts stand in brackets: begin each with a dash on a line of its own, and try again")
	default:
		if err := t.begin(key, list, item); err != nil {
			return nil, err
		}
		*list = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: list.Line, Column: list.Column}
	}
	list.Content = append(list.Content, account)
	return t.verified()
}

func scalar(value string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	n.Tag = n.ShortTag()
	return n
}

// dashed are the lines of an account in a list, behind this indentation.
func dashed(indent string, item []string) []string {
	lines := make([]string, len(item))
	for i, line := range item {
		switch {
		case i == 0:
			lines[i] = indent + "- " + line
		case line != "":
			lines[i] = indent + "  " + line
		}
	}
	return lines
}

// append adds the list of accounts at the end of a file that has none.
func (t *text) append(item []string) {
	indent := strings.Repeat(" ", max(t.root.Column-1, 0))
	at := t.contentEnd()
	lines := append([]string{"", indent + "accounts:"}, dashed(indent+"  ", item)...)
	t.insert(at, lines...)
}

// contentEnd is the index of the line behind the document's last.
func (t *text) contentEnd() int {
	end := len(t.lines)
	for i := t.root.Line; i < len(t.lines); i++ {
		if line := t.lines[i]; line == "..." || strings.HasPrefix(line, "... ") {
			end = i
			break
		}
	}
	for end > t.root.Line && strings.TrimSpace(t.lines[end-1]) == "" {
		end--
	}
	return end
}

var emptyList = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\[[ \t]*\]|~|null|Null|NULL)`) })

// begin makes the first account of a list that is empty or has no value.
func (t *text) begin(key, list *yaml.Node, item []string) error {
	isNull := list.Kind == yaml.ScalarNode && list.ShortTag() == "!!null"
	if list.Kind != yaml.SequenceNode && !isNull {
		return refuse(list, "this is no list of accounts"+byHand)
	}
	after := key.Line
	if !isNull || list.Value != "" { // something stands there
		before, rest, ok := t.at(list)
		token := emptyList().FindString(rest)
		if !ok || token == "" {
			return refuse(list, "an empty list is written in an odd way: write [], and try again")
		}
		after = list.Line
		t.lines[after-1] = strings.TrimRight(strings.TrimRight(before, " \t")+rest[len(token):], " \t")
	}
	t.insert(after, dashed(strings.Repeat(" ", key.Column+1), item)...)
	return nil
}

// lengthen adds an account behind the last one of the list at index i of the root.
func (t *text) lengthen(i int, item []string) {
	key, list := t.root.Content[i-1], t.root.Content[i]
	end := t.contentEnd()
	if i+1 < len(t.root.Content) {
		end = t.root.Content[i+1].Line - 1
	}
	// What stands before the next key and is not indented belongs to that key.
	for end > lastLine(list) {
		line := strings.TrimLeft(t.lines[end-1], " \t")
		indent := len(t.lines[end-1]) - len(line)
		if line != "" && (!strings.HasPrefix(line, "#") || indent >= key.Column) {
			break
		}
		end--
	}
	lines := dashed(strings.Repeat(" ", list.Column-1), item)
	if last := list.Content[len(list.Content)-1]; last.Kind == yaml.MappingNode && last.Style&yaml.FlowStyle == 0 {
		lines = append([]string{""}, lines...)
	}
	t.insert(end, lines...)
}

// lastLine is the last line on which something of a node begins.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}
