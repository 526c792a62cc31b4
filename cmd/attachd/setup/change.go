package setup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/edit"
)

// SetEnabled switches an account of the configuration on or off, in the file where it stands. It
// reports whether that changed anything. The error wraps edit.ErrNoAccount if there is none of the
// name.
func (b *Base) SetEnabled(name string, on bool) (changed bool, err error) {
	value := strconv.FormatBool(on)
	file := *b.file
	file.New, err = edit.SetAccount(b.file.New, name, "enabled", value)
	if errors.Is(err, edit.ErrNoAccount) {
		return b.setInFolder(name, value)
	}
	if err != nil {
		return false, b.placedIn(b.path, name, err)
	}
	return b.write(&file)
}

// setInFolder does this in a file of accounts_dir.
func (b *Base) setInFolder(name, value string) (changed bool, err error) {
	if b.Config == nil || b.Config.AccountsDir == "" {
		return false, edit.ErrNoAccount
	}
	entries, err := os.ReadDir(b.Config.AccountsDir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if !config.IsAccountFile(e.Name()) {
			continue
		}
		path := filepath.Join(b.Config.AccountsDir, e.Name())
		file, err := edit.Open(path)
		if err != nil {
			return false, fmt.Errorf("open %s: %w", path, cause(err))
		}
		if edit.AccountName(file.New, path) != name {
			continue
		}
		if file.New, err = edit.SetKey(file.New, "enabled", value); err != nil {
			return false, b.placedIn(path, name, err)
		}
		return b.write(file)
	}
	return false, edit.ErrNoAccount
}

// write replaces a file, if the configuration loads with it.
func (b *Base) write(file *edit.File) (changed bool, err error) {
	if !file.Changed() {
		return false, nil
	}
	c, _, err := config.LoadDraft(b.path, edit.Drafts(file))
	if err != nil {
		return false, err
	}
	b.Config = c
	return true, edit.Write(file)
}

func (b *Base) placedIn(path, name string, err error) error {
	if at, ok := errors.AsType[*edit.PlaceError](err); ok {
		return fmt.Errorf("change account %s: %s:%w", name, path, at)
	}
	return fmt.Errorf("change account %s in %s: %w", name, path, err)
}
