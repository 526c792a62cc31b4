package sink

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/attachd/attachd/extractor"
)

// refusesName reports whether a file system may refuse a name itself: one with characters that its
// character set lacks (vfat, ntfs, ZFS with utf8only), or a longer one than it said.
func refusesName(err error) bool {
	return errors.Is(err, syscall.EILSEQ) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENAMETOOLONG)
}

// longestPlain is how many bytes of a name any file system takes.
const longestPlain = 100

// plainName is a name that any file system takes.
func plainName(name string) string {
	return extractor.CutName(strings.Map(func(r rune) rune {
		if r > 0x7e || strings.ContainsRune(` "*:<>?|`, r) {
			return '_'
		}
		return r
	}, name), longestPlain)
}

// move renames a file without overwriting: fs.ErrExist if the new name is taken.
func (s *folders) move(from *folder, oldName string, to *folder, newName string) error {
	if !s.noRename2.Load() {
		err := s.before(StepRename, newName)
		if err == nil {
			err = renameNoReplace(from.dir, oldName, to.dir, newName)
		}
		if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
			return err
		}
		s.noRename2.Store(true)
	}
	return s.moveByLink(from, oldName, to, newName)
}

// moveByLink gives the file its second name and takes the first away. In between it has both: after
// a crash, more than one link on a staging file tells that it has been published, whatever it is
// called.
func (s *folders) moveByLink(from *folder, oldName string, to *folder, newName string) error {
	info, err := from.root.Lstat(oldName)
	if err != nil {
		return err
	}
	if links(info) < 2 {
		err := s.before(StepLink, newName)
		if err == nil {
			err = s.top.root.Link(path.Join(from.name, oldName), path.Join(to.name, newName))
		}
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
			return s.moveIfFree(from, oldName, to, newName)
		}
		if errors.Is(err, fs.ErrExist) {
			// On a system that does not count links, the name itself tells.
			if other, statErr := to.root.Lstat(newName); statErr == nil && os.SameFile(info, other) {
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	announce(to, newName)
	if err := s.before(StepUnlink, oldName); err != nil {
		return err
	}
	return from.root.Remove(oldName)
}

// announce closes a file as if it had been written. To the watcher of a folder, a link is a new
// file that somebody will write to and close: most wait for that (IN_CLOSE_WRITE), or for a rename.
func announce(in *folder, name string) {
	// It is gone if a consumer does not wait, and may be read-only.
	if f, err := in.root.OpenFile(name, os.O_WRONLY, 0); err == nil {
		_ = f.Close()
	}
}

// moveIfFree is for file systems with neither RENAME_NOREPLACE nor hard links.
// Another process may take the name between the look and the rename.
func (s *folders) moveIfFree(from *folder, oldName string, to *folder, newName string) error {
	if _, err := to.root.Lstat(newName); err == nil {
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.before(StepPlainRename, newName); err != nil {
		return err
	}
	return s.top.root.Rename(path.Join(from.name, oldName), path.Join(to.name, newName))
}
