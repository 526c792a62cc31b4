package config

import (
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// yamlText writes a text as YAML has it, in quotes where it needs them, on one line.
func yamlText(s string) string { return yamlNode(textNode(s)) }

// textNode is a text that stands on one line, with escapes for what a file must not hold.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// yamlList writes a list of texts on one line.
func yamlList(list []string) string { return yamlNode(textNodes(list)) }

// rulesText writes a list of rules on one line.
func rulesText(rules []Rule) string {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, r := range rules {
		n.Content = append(n.Content, r.node())
	}
	return yamlNode(n)
}

func textNodes(list []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, s := range list {
		n.Content = append(n.Content, textNode(s))
	}
	return n
}

func yamlNode(n *yaml.Node) string {
	b, err := yaml.Marshal(n)
	if err != nil {
		return "" // texts can't fail
	}
	return strings.TrimSuffix(string(b), "\n")
}

// String returns the rule as the file has it: {type: image/*, max_size: 20KiB}.
func (r Rule) String() string { return yamlNode(r.node()) }

func (r Rule) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	add := func(key string, value *yaml.Node) {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	}
	for _, p := range []struct {
		key      string
		patterns []string
	}{{"name", r.Name}, {"type", r.Type}, {"from", r.From}, {"to", r.To}, {"subject", r.Subject}} {
		switch len(p.patterns) {
		case 0:
		case 1:
			add(p.key, textNode(p.patterns[0]))
		default:
			add(p.key, textNodes(p.patterns))
		}
	}
	for _, p := range []struct {
		key  string
		size Size
	}{{"min_size", r.MinSize}, {"max_size", r.MaxSize}} {
		if p.size > 0 {
			add(p.key, &yaml.Node{Kind: yaml.ScalarNode, Value: p.size.String()})
		}
	}
	if r.Inline != nil {
		add("inline", &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatBool(*r.Inline)})
	}
	return n
}
