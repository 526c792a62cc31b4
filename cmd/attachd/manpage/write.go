package manpage

import (
	_ "embed" // attachd.txt and yaml.txt
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/manual"
)

//go:embed attachd.txt
var aboutAttachd string

//go:embed yaml.txt
var aboutFile string

// Write writes the pages and the completions of root below dir: man1, man5 and completions. The
// date of the pages is left out if it is zero. The error says which file could not be written.
func Write(root *cobra.Command, dir string, date time.Time) error {
	files := map[string]string{
		filepath.Join("man1", root.Name()+".1"):      program(root, date),
		filepath.Join("man5", root.Name()+".yaml.5"): file(date),
	}
	for _, cmd := range all(root) {
		files[filepath.Join("man1", name(cmd)+".1")] = command(cmd, date)
	}
	for shell, generate := range map[string]func(*strings.Builder) error{
		root.Name() + ".bash": func(b *strings.Builder) error { return root.GenBashCompletionV2(b, true) },
		"_" + root.Name():     func(b *strings.Builder) error { return root.GenZshCompletion(b) },
		root.Name() + ".fish": func(b *strings.Builder) error { return root.GenFishCompletion(b, true) },
	} {
		var b strings.Builder
		if err := generate(&b); err != nil {
			return fmt.Errorf("make completion %s: %w", shell, err)
		}
		files[filepath.Join("completions", shell)] = b.String()
	}
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write man pages: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write man pages: %w", err)
		}
	}
	return nil
}

// all lists the commands below cmd that have a page, as help lists them. cobra's own completion has
// none: packages bring its results.
func all(cmd *cobra.Command) (list []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "completion" || sub.Name() == "help" {
			list = append(append(list, sub), all(sub)...)
		}
	}
	return list
}

// name is the name of a command's page: attachd-state-forget.
func name(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

const general, formats = "User Commands", "File Formats"

// program is attachd(1).
func program(root *cobra.Command, date time.Time) string {
	p := newPage(root.Name(), 1, date, general)
	p.section("NAME")
	p.line(code(root.Name()) + ` \- ` + prose(short(root)))
	p.section("SYNOPSIS")
	p.line(bold(root.Name()) + ` \fICOMMAND\fR [\fIOPTION\fR]...`)
	about, rest, _ := strings.Cut(aboutAttachd, "# EXIT STATUS")
	p.text(about)
	p.section("COMMANDS")
	p.line(prose("Each has a page of its own, such as attachd-run(1)."))
	for _, cmd := range all(root) {
		p.term(strings.TrimPrefix(cmd.UseLine(), root.Name()+" "))
		p.line(prose(cmd.Short + "."))
	}
	p.within = false
	p.text("# EXIT STATUS" + rest)
	p.seeAlso("attachd.yaml(5)", "systemd.service(5)")
	return p.String()
}

// short is what a command does, as NAME has it.
func short(cmd *cobra.Command) string {
	text := strings.TrimSuffix(cmd.Short, ".")
	return strings.ToLower(text[:1]) + text[1:]
}

// command is the page of a command.
func command(cmd *cobra.Command, date time.Time) string {
	p := newPage(name(cmd), 1, date, general)
	p.section("NAME")
	p.line(code(name(cmd)) + ` \- ` + prose(short(cmd)))
	p.section("SYNOPSIS")
	p.line(bold(cmd.CommandPath()) + code(strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())))
	p.section("DESCRIPTION")
	if cmd.Long != "" {
		p.text(cmd.Long)
	} else {
		p.text(cmd.Short + ".")
	}
	also := []string{"attachd(1)", "attachd.yaml(5)"}
	var subs []*cobra.Command
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			subs = append(subs, sub)
		}
	}
	if len(subs) > 0 {
		p.section("COMMANDS")
	}
	for _, sub := range subs {
		p.term(strings.TrimPrefix(sub.UseLine(), cmd.Root().Name()+" "))
		p.line(prose(sub.Short + "."))
		also = append(also, name(sub)+"(1)")
	}
	cmd.InitDefaultHelpFlag()
	p.section("OPTIONS")
	cmd.NonInheritedFlags().VisitAll(p.flag)
	p.section("EXIT STATUS")
	p.line(prose("See attachd(1)."))
	p.seeAlso(also...)
	return p.String()
}

// flag writes a flag.
func (p *page) flag(f *pflag.Flag) {
	if f.Hidden {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	text := `\fB` + code("--"+f.Name) + `\fR`
	if f.Shorthand != "" {
		text = `\fB` + code("-"+f.Shorthand) + `\fR, ` + text
	}
	if value != "" {
		text += ` \fI` + code(value) + `\fR`
	}
	p.line(".TP")
	p.line(text)
	if !slices.Contains([]string{"", "false", "0", "[]"}, f.DefValue) {
		usage += fmt.Sprintf(" (%s unless given)", f.DefValue)
	}
	p.line(prose(strings.ToUpper(usage[:1]) + usage[1:] + "."))
}

func (p *page) seeAlso(pages ...string) {
	p.section("SEE ALSO")
	for i, page := range pages {
		name, section, _ := strings.Cut(page, "(")
		end := ""
		if i < len(pages)-1 {
			end = ","
		}
		p.line(bold(name) + "(" + section + end)
	}
}

// file is attachd.yaml(5).
func file(date time.Time) string {
	p := newPage("attachd.yaml", 5, date, formats)
	p.section("NAME")
	p.line(`attachd.yaml \- configuration of attachd`)
	about, example, _ := strings.Cut(aboutFile, "# EXAMPLE")
	p.text(about)
	p.section("SECRETS")
	p.text("A password, a token or a URL that is a key can stand at one of five places. For a secret with the name `password`, " +
		"`password` itself holds the text. The other places are:")
	for _, e := range manual.Sources() {
		p.entry(e)
	}
	p.section("KEYS")
	for _, e := range manual.Entries() {
		switch {
		case e.IsSource():
		case len(e.Keys) > 0:
			p.part(e.Path)
			p.line(prose(e.Title + "."))
			p.more(e)
		default:
			p.entry(e)
		}
	}
	p.text("# EXAMPLE" + example)
	p.seeAlso("attachd(1)", "attachd-config-print(1)", "attachd-check(1)", "attachd-schema(1)")
	return p.String()
}

// entry writes a key.
func (p *page) entry(e manual.Entry) {
	p.term(e.Path)
	p.line(prose(e.Title + "."))
	p.more(e)
}

// more writes what a key has beside its title.
func (p *page) more(e manual.Entry) {
	if e.Text != "" {
		if !strings.HasPrefix(e.Text, " ") {
			p.paragraph()
		}
		p.text(e.Text)
	}
	section := e.Kind == config.KindSection || e.Kind == config.KindSections
	if !section {
		p.paragraph()
		p.line("Value: " + code(e.Values()) + ".")
		var words []string
		for _, w := range e.Words {
			if e.Meanings[w] != "" {
				words = append(words, "- `"+w+"`: "+e.Meanings[w])
			}
		}
		p.filled(words)
		p.paragraph()
		p.line("Default: " + code(e.Without()) + ".")
	}
	if e.Shared() {
		p.line("Also in defaults.")
	}
	if len(e.Needs) > 0 {
		p.line("Needs " + code(strings.Join(e.Needs, ", ")) + ".")
	}
	if e.Example != "" {
		p.asItIs(strings.Split(strings.TrimSuffix(e.Snippet(), "\n"), "\n"))
	}
}
