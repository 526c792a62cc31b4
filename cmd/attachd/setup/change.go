package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/edit"
)

// SetEnabled switches an account of the configuration on or off, in the file where it stands and as
// the configuration is now. It reports whether that changed anything. The error wraps
// edit.ErrNoAccount if there is none of the name. A change that would reach other accounts too, as
// those that take their keys from this one by an anchor, is refused.
func (b *Base) SetEnabled(ctx context.Context, name string, on bool) (changed bool, err error) {
	unlock, err := edit.Lock(ctx, b.path)
	if err != nil {
		return false, err
	}
	defer unlock()
	if err := b.Open(); err != nil {
		return false, err
	}
	value := strconv.FormatBool(on)
	file := *b.file
	file.New, err = edit.SetAccount(b.file.New, name, "enabled", value)
	if errors.Is(err, edit.ErrNoAccount) {
		return b.setInFolder(name, value)
	}
	if err != nil {
		return false, b.placedIn(b.path, name, err)
	}
	return b.write(&file, b.file.New, name)
}

// setInFolder does this in a file of accounts_dir.
func (b *Base) setInFolder(name, value string) (changed bool, err error) {
	file, err := b.accountFile(name)
	if err != nil {
		return false, err
	}
	old := file.New
	if file.New, err = edit.SetKey(old, "enabled", value); err != nil {
		return false, b.placedIn(file.Path, name, err)
	}
	return b.write(file, old, name)
}

// accountFile opens the file of an account in accounts_dir. The error wraps edit.ErrNoAccount if
// there is none.
func (b *Base) accountFile(name string) (*edit.File, error) {
	if b.Config == nil || b.Config.AccountsDir == "" {
		return nil, edit.ErrNoAccount
	}
	entries, err := os.ReadDir(b.Config.AccountsDir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !config.IsAccountFile(e.Name()) {
			continue
		}
		path := filepath.Join(b.Config.AccountsDir, e.Name())
		file, err := edit.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, cause(err))
		}
		if edit.AccountName(file.New, path) == name {
			return file, nil
		}
	}
	return nil, edit.ErrNoAccount
}

// placeOf is where an account stands: "file:line:col", or the file alone.
func (b *Base) placeOf(name string) string {
	if line, col, ok := edit.Place(b.file.New, name); ok {
		return fmt.Sprintf("%s:%d:%d", b.path, line, col)
	}
	if file, err := b.accountFile(name); err == nil {
		return file.Path
	}
	return b.path
}

// write replaces a file whose content was old, if the configuration loads with it and says the same
// of all accounts but one.
func (b *Base) write(file *edit.File, old []byte, name string) (changed bool, err error) {
	if !file.Changed() {
		return false, nil
	}
	c, _, err := config.LoadDraft(b.path, edit.Drafts(file))
	if err != nil {
		return false, err
	}
	if others := differing(b.Config, c, name); len(others) > 0 {
		reason := fmt.Sprintf("that would change %s too, which has keys of this one", strings.Join(others, ", "))
		return false, b.placedIn(file.Path, name, edit.RefuseAccount(old, name, reason))
	}
	b.Config = c
	return true, edit.Write(file)
}

// differing are the accounts but one that two configurations do not have alike.
func differing(old, updated *config.Config, but string) (names []string) {
	before := make(map[string]config.Account)
	for _, a := range old.Accounts {
		before[a.Name] = a
	}
	for _, a := range updated.Accounts {
		if was, ok := before[a.Name]; a.Name != but && (!ok || was != a) {
			names = append(names, a.Name)
		}
		delete(before, a.Name)
	}
	return append(names, slices.Sorted(maps.Keys(before))...)
}

func (b *Base) placedIn(path, name string, err error) error {
	if at, ok := errors.AsType[*edit.PlaceError](err); ok {
		return fmt.Errorf("change account %s: %s:%w", name, path, at)
	}
	return fmt.Errorf("change account %s in %s: %w", name, path, err)
}
