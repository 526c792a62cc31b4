// Package manual says what every key of the configuration means. keys.yaml beside it is the one
// source of the JSON Schema, of `attachd help config` and of attachd.yaml(5).
//
// Which keys there are, the kinds of their values and the words of a choice come from the types of
// package config, by [config.Keys]. So they can't differ from what is loaded. Tests hold the rest
// to the loader: that each key has a text and each text a key, that a default is what the loader
// gives, that bounds are where it draws them, and that examples load.
//
// A key of the section defaults is described once, as that of an account.
package manual

import (
	"bytes"
	_ "embed" // keys.yaml
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"github.com/attachd/attachd/config"
)

//go:embed keys.yaml
var source []byte

// text is what keys.yaml says of a key.
type text struct {
	Title    string            `yaml:"title"`
	Text     string            `yaml:"text"`
	Default  string            `yaml:"default"`
	Unset    string            `yaml:"unset"`
	Required bool              `yaml:"required"`
	Min      string            `yaml:"min"`
	Max      string            `yaml:"max"`
	Needs    []string          `yaml:"needs"`
	Meanings map[string]string `yaml:"words"`
	Example  string            `yaml:"example"`
}

// Entry is one key of the configuration and what it means.
type Entry struct {
	config.Key

	Title    string            // one line, without a full stop
	Text     string            // paragraphs in lines of up to 100 columns; see keys.yaml for the form
	Default  string            // what holds without the key, as the file would have it; "" for none
	Unset    string            // what holds without the key, in words
	Required bool              // the key can't be left out, except for what defaults or another key gives
	Min, Max string            // bounds of the value, as the file would have it; "" for none
	Needs    []string          // keys beside it that it has a meaning with, each as the file would have it
	Meanings map[string]string // of its words
	Example  string            // a value, in YAML; "" for a section
}

// texts are the parsed keys.yaml.
type texts struct {
	Sources map[string]text `yaml:"sources"` // by the suffix of a secret's key
	Keys    map[string]text `yaml:"keys"`    // by path
}

// load parses keys.yaml. It is part of the program, so a fault in it is one of the program.
var load = sync.OnceValue(func() texts {
	var t texts
	d := yaml.NewDecoder(bytes.NewReader(source))
	d.KnownFields(true)
	if err := d.Decode(&t); err != nil {
		panic("config/manual: keys.yaml: " + err.Error())
	}
	return t
})

// Entries returns every key in the order of the manual, a section before its own keys. Those of
// defaults are not repeated.
func Entries() []Entry {
	var all []Entry
	for _, k := range config.Flat(config.Keys()) {
		if described(k.Path) == k.Path {
			all = append(all, of(k))
		}
	}
	return all
}

// Sources describes the four places of a secret beside its own key, with a password for an example.
func Sources() (all []Entry) {
	for _, k := range config.Flat(config.Keys()) {
		if strings.HasPrefix(k.Path, "accounts[].password_") {
			k.Path = k.Name
			all = append(all, of(k))
		}
	}
	return all
}

// IsSource reports whether the key is a place of a secret that is described as all of its kind are.
func (e Entry) IsSource() bool {
	_, own := load().Keys[described(e.Path)]
	return e.Suffix != "" && !own
}

// described returns the path where the text of a key stands.
func described(path string) string {
	if below, ok := strings.CutPrefix(path, "defaults."); ok {
		path = "accounts[]." + below
	}
	return strings.Replace(path, ".exclude[].", ".include[].", 1)
}

// of returns the entry of a key. Without a text, its title is empty.
func of(k config.Key) Entry {
	path := described(k.Path)
	t, ok := load().Keys[path]
	replace := func(s string) string { return s }
	if k.Suffix != "" && !ok {
		t = load().Sources[k.Suffix]
		replace = strings.NewReplacer("{of}", spoken(k.Secret), "{key}", k.Secret).Replace
		t.Needs = load().Keys[strings.TrimSuffix(path, k.Suffix)].Needs
	}
	return Entry{
		Key: k, Title: replace(t.Title), Text: strings.TrimSpace(replace(t.Text)), Default: t.Default, Unset: replace(t.Unset),
		Required: t.Required, Min: t.Min, Max: t.Max, Needs: t.Needs, Meanings: t.Meanings, Example: replace(t.Example),
	}
}

// spoken is what people call a secret.
func spoken(secret string) string {
	switch secret {
	case "url", "ping":
		return "URL"
	}
	return strings.ReplaceAll(secret, "_", " ")
}

// Shared reports whether the section defaults can hold the key, too.
func (e Entry) Shared() bool {
	below, ok := strings.CutPrefix(e.Path, "accounts[].")
	return ok && slices.ContainsFunc(config.Flat(config.Keys()), func(k config.Key) bool { return k.Path == "defaults."+below })
}

// Short is the path without what a person need not type: tls.ca_file, notify.to.mail.host.
func (e Entry) Short() string { return strings.TrimPrefix(plain(e.Path), "accounts.") }

// Find returns the entries that a name means: a path, or the end of one, such as ca_file,
// tls.ca_file or accounts[].tls.ca_file. Without any, near has names that were probably meant.
func Find(name string) (found []Entry, near []string) {
	wanted := plain(name)
	names := map[string]bool{}
	for _, e := range Entries() {
		path := plain(e.Path)
		if path == wanted || strings.HasSuffix(path, "."+wanted) {
			found = append(found, e)
		}
		for rest, more := path, true; more; _, rest, more = strings.Cut(rest, ".") {
			names[rest] = true
		}
	}
	if len(found) == 0 {
		near = config.Near(wanted, slices.Sorted(maps.Keys(names)))
	}
	return found, near
}

var index = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[[0-9]*\]`) })

// plain returns a path without what is in brackets, and described as [described] does.
func plain(path string) string {
	path = index().ReplaceAllString(strings.ToLower(path), "")
	if below, ok := strings.CutPrefix(path, "defaults."); ok {
		path = "accounts." + below
	}
	return strings.Replace(path, "exclude.", "include.", 1)
}

// Values says in a few words what the key takes.
func (e Entry) Values() string {
	text := string(e.Kind)
	switch e.Kind {
	case config.KindWord:
		text = strings.Join(e.Words, " | ")
	case config.KindAge:
		text = strings.Join(e.Words, " | ") + " | a duration such as 90s, 5m, 1h30m, 30d or 2w"
	case config.KindDuration:
		text += " such as 90s, 5m, 1h30m, 30d or 2w"
	case config.KindSize:
		text += " such as 64KiB, 25MiB or 10MB; a bare number is bytes"
	case config.KindMode, config.KindFolder:
		text += " in octal digits"
	}
	switch {
	case e.Min != "" && e.Max != "":
		text += fmt.Sprintf(", from %s to %s", e.Min, e.Max)
	case e.Min != "":
		text += ", " + e.Min + " at least"
	}
	return text
}

// Without says what holds without the key.
func (e Entry) Without() string {
	switch {
	case e.Default != "":
		return e.Default
	case e.Required && e.Shared():
		return "none; an account needs it, or defaults"
	case e.Required:
		return "none; it must be given"
	}
	return e.Unset
}

// Snippet shows the example as it stands in a file, in lines that end with a line feed. It is empty
// for a section.
func (e Entry) Snippet() string {
	if e.Example == "" {
		return ""
	}
	var b strings.Builder
	indent, dash := "", ""
	names := strings.Split(e.Path, ".")
	for i, name := range names {
		name, list := strings.CutSuffix(name, "[]")
		b.WriteString(indent + dash + name + ":")
		if dash != "" {
			indent, dash = indent+"  ", ""
		}
		if i == len(names)-1 {
			b.WriteString(" " + e.Example)
		}
		b.WriteString("\n")
		indent += "  "
		if list {
			dash = "- "
		}
	}
	return b.String()
}
