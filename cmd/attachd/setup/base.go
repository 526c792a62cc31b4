package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/edit"
	"github.com/attachd/attachd/config/manual"
)

// Base is the configuration that an account is added to: one that is there, or one that is to be
// made.
type Base struct {
	place
	// Config is what the file says, nil for a file that is to be made. It may have no accounts yet.
	Config      *config.Config
	file        *edit.File // nil for a file that is to be made
	outputGiven bool
	known       []string // what was doubtful already
}

// NewBase is a configuration that is to be made at path, "" for the usual place. Exists tells if
// there is one already.
func NewBase(path string) (*Base, error) {
	p, err := newPlace(path)
	if err != nil {
		return nil, err
	}
	return &Base{place: p}, nil
}

// Path is where the configuration is or will be.
func (b *Base) Path() string { return b.path }

// Service reports whether the configuration is that of the daemon of a package.
func (b *Base) Service() bool { return b.service }

// Exists reports whether there is something at the configuration's path.
func (b *Base) Exists() bool { return exists(b.path) }

// SetFolders gives a new configuration another output folder or state file; "" leaves one as it
// is.
func (b *Base) SetFolders(output, state string) {
	if output != "" {
		b.output, b.outputGiven = output, true
	}
	if state != "" {
		b.state = state
	}
}

// Open reads the configuration that is there. Its error is a config.Problems if that does not
// load; only its accounts may be missing.
func (b *Base) Open() error {
	file, err := edit.Open(b.path)
	if err != nil {
		return fmt.Errorf("open %s: %w", b.path, cause(err))
	}
	c, warnings, err := config.Load(b.path)
	b.known = nil
	for _, w := range warnings {
		b.known = append(b.known, w.Path+w.Text)
	}
	if problems, ok := errors.AsType[config.Problems](err); ok && lacksAccounts(problems) {
		c, err = withoutAccounts(b.path, file.New)
	}
	if err != nil {
		return err
	}
	b.Config, b.file = c, file
	return nil
}

// withoutAccounts is what a file says that has no account yet.
func withoutAccounts(path string, text []byte) (*config.Config, error) {
	some, err := edit.AddAccount(text, []string{"{name: some, host: localhost, username: some, password: some}"})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	c, _, err := config.LoadDraft(path, config.Drafts{path: some})
	if err != nil {
		return nil, err
	}
	c.Accounts = nil
	return c, nil
}

func cause(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}

// lacksAccounts reports whether a file would do if it had an account.
func lacksAccounts(problems config.Problems) bool {
	return len(problems) == 1 && problems[0].Path == "accounts"
}

// has reports whether an account has this name, in any case of letters.
func (b *Base) has(name string) bool {
	return b.Config != nil && slices.ContainsFunc(b.Config.Accounts, func(a config.Account) bool { return strings.EqualFold(a.Name, name) })
}

// freeName is a name for the account of an address that no other one has.
func (b *Base) freeName(address string) string {
	short, long := accountName(address), cleanName(address)
	for i, name := 2, short; ; i++ {
		if !b.has(name) {
			return name
		}
		if name = fmt.Sprintf("%s-%d", short, i); i == 2 && !b.has(long) {
			return long
		}
	}
}

// outputOf is where the files of an account go, to be shown.
func (b *Base) outputOf(a *Account) string {
	output := b.output
	switch {
	case a.Output != "":
		output = a.Output
	case b.Config != nil:
		output = b.Config.Output
	}
	if !filepath.IsAbs(output) {
		output = filepath.Join(filepath.Dir(b.path), output)
	}
	return filepath.Join(output, a.Name)
}

// files are what an account adds: its secrets, and the configuration, or a file of its own in
// accounts_dir.
func (b *Base) files(a *Account) ([]*edit.File, error) {
	files := b.secretFiles(a)
	switch {
	case b.file == nil:
		return append(files, b.place.file(b.path, b.text(a))), nil
	case b.Config != nil && b.Config.AccountsDir != "":
		dir := b.Config.AccountsDir
		secrets, err := filepath.Rel(dir, filepath.Dir(b.secret("x")))
		if err != nil {
			return nil, err
		}
		f := b.place.file(filepath.Join(dir, a.Name+".yaml"), strings.Join(a.lines(secrets), "\n")+"\n")
		return append(files, f), nil
	}
	text, err := edit.AddAccount(b.file.New, a.lines("secrets"))
	if err != nil {
		return nil, b.placed(err)
	}
	changed := *b.file
	changed.New = text
	return append(files, &changed), nil
}

// placed adds the file to the place of an error.
func (b *Base) placed(err error) error {
	if at, ok := errors.AsType[*edit.PlaceError](err); ok {
		return fmt.Errorf("add the account: %s:%w", b.path, at)
	}
	return fmt.Errorf("add the account to %s: %w", b.path, err)
}

// text is a new configuration with one account.
func (b *Base) text(a *Account) string {
	lines := []string{
		manual.Modeline,
		"#",
		"# The configuration of attachd, which turns mail into files.",
		"# attachd help config KEY explains a key; attachd check says whether all is right. A running attachd",
		"# notices changes by itself.",
		"",
		"# Attachments go to OUTPUT/ACCOUNT/.",
		"output: " + edit.Text(b.output),
		"",
		"# What was fetched and delivered. Keep it on a local disk.",
		"state: " + edit.Text(b.state),
		"",
		"# More accounts: attachd account add",
		"accounts:",
	}
	for i, line := range a.lines("secrets") {
		if i == 0 {
			lines = append(lines, "  - "+line)
			continue
		}
		lines = append(lines, "    "+line)
	}
	return strings.Join(lines, "\n") + "\n"
}

// draft is the configuration with the account in it, as it would be. Nothing is written.
func (b *Base) draft(a *Account) (c *config.Config, warnings []config.Warning, files []*edit.File, err error) {
	if files, err = b.files(a); err != nil {
		return nil, nil, nil, err
	}
	c, warnings, err = config.LoadDraft(b.path, edit.Drafts(files...))
	return c, warnings, files, err
}

// Written says what became of an account that was written.
type Written struct {
	Config   *config.Config
	Path     string           // the file with the account
	Warnings []config.Warning // what is doubtful about the account
	Notes    []string         // what was found in the way, and what was done about it
}

// Write adds the account, for good, to the configuration as it is now.
func (b *Base) Write(ctx context.Context, a *Account) (*Written, error) {
	unlock, err := edit.Lock(ctx, b.path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if b.file != nil {
		if err := b.Open(); err != nil {
			return nil, err
		}
	}
	c, warnings, files, err := b.draft(a)
	if err != nil {
		return nil, err
	}
	warnings = slices.DeleteFunc(warnings, func(w config.Warning) bool { return slices.Contains(b.known, w.Path+w.Text) })
	if err := edit.Write(files...); err != nil {
		return nil, err
	}
	return &Written{c, files[len(files)-1].Path, warnings, a.notes}, nil
}
