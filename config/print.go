package config

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Print writes the configuration in force as a file in YAML, which [Load] reads again: all defaults
// are filled in, and the accounts of accounts_dir stand among the others. Each value has a comment
// that says where it comes from:
//
//	interval: 1m        # attachd.yaml:12:11
//	after: delete       # defaults, attachd.yaml:30:10
//	duplicates: keep    # built in
//
// With names, it writes these accounts alone. A secret that stands in the file is <secret>, and so
// are the arguments of a command, the user and password of a proxy, the query of a URL of oauth and
// what is behind the key of a URL. Load refuses a file with <secret> in it, as nobody could log in
// with that.
//
// The error is that of w, with a context from the caller.
func (c *Config) Print(w io.Writer, names ...string) error {
	p := printer{bufio.NewWriter(w)}
	var listed []string
	for i := range c.Accounts {
		if name := c.Accounts[i].Name; len(names) == 0 || slices.Contains(names, name) {
			listed = append(listed, name)
		}
	}
	var top branch
	for _, s := range c.Settings() {
		switch {
		case strings.HasPrefix(s.Key, "defaults."): // each account has them
		case s.Key == "accounts_dir" && len(listed) > 0:
			p.line("# accounts_dir: "+s.Value+", whose accounts stand below", s)
		case s.Place == "" && unsaid[s.Key] != "":
			p.line("# "+s.Key+": "+unsaid[s.Key], s)
		default:
			top.add(segments(s.Key), s)
		}
	}
	p.branches(top.below, "", "")
	if len(listed) > 0 {
		p.write("accounts:")
	}
	for _, name := range listed {
		var account branch
		for _, s := range c.AccountSettings(name) {
			if s.Place == "" && unsaid[s.Key] != "" {
				continue
			}
			account.add(segments(s.Key), s)
		}
		p.branches(account.below, "  - ", "    ")
	}
	return p.w.Flush()
}

// unsaid are the defaults that no value in the file says.
var unsaid = map[string]string{
	"jitter":      "a tenth of each account's interval",
	"folder_mode": "0750 less the umask, or 0750 with group",
}

// branch is a key and the setting there, or what is below it. An entry of a list has its index for
// a name: [0].
type branch struct {
	name  string
	below []*branch
	Setting
}

// add puts a setting at the end of a path.
func (b *branch) add(path []string, s Setting) {
	if len(path) == 0 {
		b.Setting = s
		return
	}
	i := slices.IndexFunc(b.below, func(b *branch) bool { return b.name == path[0] })
	if i < 0 {
		i = len(b.below)
		b.below = append(b.below, &branch{name: path[0]})
	}
	b.below[i].add(path[1:], s)
}

// segments splits the key of a setting: notify, to, [0], mail. The name of a header field may hold
// dots.
func segments(key string) (path []string) {
	const headers = ".headers."
	if i := strings.Index(key, headers); i >= 0 {
		return append(segments(key[:i+len(headers)-1]), key[i+len(headers):])
	}
	return strings.Split(strings.ReplaceAll(key, "[", ".["), ".")
}

// printer writes lines of YAML. The errors of the writer stay with it.
type printer struct{ w *bufio.Writer }

// originColumn is where comments stand if the values before them are short.
const originColumn = 46

func (p *printer) write(text string) { _, _ = p.w.WriteString(text + "\n") }

// line writes a line and where its value comes from.
func (p *printer) line(text string, s Setting) {
	at := s.Place
	if s.Col > 0 {
		at += ":" + strconv.Itoa(s.Col)
	}
	switch {
	case at == "":
		at = "built in"
	case s.Inherited:
		at = "defaults, " + at
	}
	p.write(text + strings.Repeat(" ", max(originColumn-utf8.RuneCountInString(text), 2)) + "# " + at)
}

// branches writes what stands beside each other. The first line begins with lead, which may end in
// the dash of a list, and the others with indent.
func (p *printer) branches(list []*branch, lead, indent string) {
	for _, b := range list {
		key := yamlText(b.name) + ":"
		entry := strings.HasPrefix(b.name, "[")
		value := b.Value
		if b.Secret {
			value = hidden
		}
		switch {
		case len(b.below) == 0 && entry:
			p.line(lead+"- "+value, b.Setting)
		case len(b.below) == 0:
			p.line(lead+key+" "+value, b.Setting)
		case entry:
			p.branches(b.below, lead+"- ", indent+"  ")
		default:
			p.write(lead + key)
			p.branches(b.below, indent+"  ", indent+"  ")
		}
		lead = indent
	}
}
