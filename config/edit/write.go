package edit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/attachd/attachd/config"
)

// Keep leaves an owner or a group as it is.
const Keep = -1

// File is a file that is to be written.
type File struct {
	Path string // absolute
	New  []byte

	// What follows is of new files alone.
	Mode  fs.FileMode
	Group int // gid of the file and of folders that have to be made; Keep for the usual one
	// FolderMode is that of folders that have to be made.
	FolderMode fs.FileMode

	old    []byte // nil for a new file
	target string // where Path leads to
	info   fs.FileInfo
	made   []string // files and folders, for undo

	link func(from, to string) error // of a file system; nil is os.Link
}

// Open returns a file to be changed. New is its content.
func Open(path string) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	target, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, dangling(abs, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("change %s: it is not a regular file", path)
	}
	data, err := os.ReadFile(target)
	if err != nil {
		return nil, err
	}
	return &File{Path: abs, New: bytes.Clone(data), Group: Keep, old: data, target: target, info: info}, nil
}

// Drafts are the files as config.LoadDraft takes them.
func Drafts(files ...*File) config.Drafts {
	drafts := make(config.Drafts)
	for _, f := range files {
		drafts[f.Path] = f.New
	}
	return drafts
}

// Write writes the files in their order, each by one step. If one can't be written, those before
// it that were new are removed again, with the folders that were made for them.
func Write(files ...*File) error {
	for i, f := range files {
		write := f.create
		if f.old != nil {
			write = f.replace
		}
		if err := write(); err != nil {
			for ; i >= 0; i-- {
				files[i].undo()
			}
			return err
		}
	}
	return nil
}

// undo removes what was made for a new file.
func (f *File) undo() {
	for i := len(f.made) - 1; i >= 0; i-- {
		_ = os.Remove(f.made[i]) // a folder that somebody else uses by now stays
	}
	f.made = nil
}

// create writes a file that must not be there.
func (f *File) create() error {
	folder := filepath.Dir(f.Path)
	if err := f.makeFolder(folder); err != nil {
		return err
	}
	temporary, err := f.temporary(folder, f.Mode)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := f.claim(temporary); err != nil {
		return fmt.Errorf("make %s: %w", f.Path, cause(err))
	}
	f.made = append(f.made, f.Path)
	return syncFolder(folder)
}

// claim gives a temporary file its name, if that is free. A link, unlike a rename, takes no other
// file's place. Where a file system has no links, an empty file holds the place for a rename.
func (f *File) claim(temporary string) error {
	link := f.link
	if link == nil {
		link = os.Link
	}
	err := link(temporary, f.Path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	held, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode)
	if err != nil {
		return err
	}
	if err = errors.Join(held.Close(), os.Rename(temporary, f.Path)); err != nil {
		_ = os.Remove(f.Path) // it is ours
	}
	return err
}

// makeFolder makes a folder, and those above it that are missing.
func (f *File) makeFolder(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("make %s: %s is no folder", f.Path, path)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := f.makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, f.FolderMode); err != nil {
		return fmt.Errorf("make %s: %w", path, cause(dangling(path, err)))
	}
	f.made = append(f.made, path)
	if f.Group != Keep {
		if err := os.Chown(path, Keep, f.Group); err != nil {
			return fmt.Errorf("make %s: %w", path, cause(err))
		}
	}
	// The mode of Mkdir went through the umask.
	if err := os.Chmod(path, f.FolderMode); err != nil {
		return fmt.Errorf("make %s: %w", path, cause(err))
	}
	return nil
}

// replace puts the new content in the place of the old one.
func (f *File) replace() error {
	if bytes.Equal(f.old, f.New) {
		return nil
	}
	folder := filepath.Dir(f.target)
	temporary, err := f.temporary(folder, f.info.Mode().Perm())
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if now, err := os.ReadFile(f.target); err != nil || !bytes.Equal(now, f.old) {
		return fmt.Errorf("change %s: somebody else has changed it in the meantime: try again", f.Path)
	}
	if err := os.Rename(temporary, f.target); err != nil {
		if errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("change %s: the file itself is mounted there, as in a container, and can't be replaced: mount its folder, or change it outside", f.Path)
		}
		return fmt.Errorf("change %s: %w", f.Path, cause(err))
	}
	return syncFolder(folder)
}

// temporary writes the new content into a hidden file of the folder, durably.
func (f *File) temporary(folder string, mode fs.FileMode) (name string, err error) {
	file, err := os.CreateTemp(folder, "."+filepath.Base(f.Path)+".*")
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return "", fmt.Errorf("write %s: %w: a new file is put in its place, so that the folder %s must be writable", f.Path, cause(err), folder)
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", f.Path, cause(err))
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = fmt.Errorf("write %s: %w", f.Path, cause(err))
			_ = os.Remove(file.Name())
		}
	}()
	if err := f.own(file); err != nil {
		return "", err
	}
	if err := file.Chmod(mode); err != nil {
		return "", err
	}
	if _, err := file.Write(f.New); err != nil {
		return "", err
	}
	return file.Name(), file.Sync()
}

// own gives a file the owner and group of the one whose place it takes, or the group of a new one.
func (f *File) own(file *os.File) error {
	uid, gid := Keep, f.Group
	if f.info != nil {
		old, ok := f.info.Sys().(*syscall.Stat_t)
		mine, err := file.Stat()
		if !ok || err != nil {
			return err
		}
		if now, ok := mine.Sys().(*syscall.Stat_t); ok {
			if now.Uid != old.Uid {
				uid = int(old.Uid)
			}
			if now.Gid != old.Gid {
				gid = int(old.Gid)
			}
		}
	}
	if uid == Keep && gid == Keep {
		return nil
	}
	if err := file.Chown(uid, gid); err != nil {
		return fmt.Errorf("keep its owner and group: %w: run this as its owner, or as root", cause(err))
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// dangling names a link to nothing, which the system calls a file that is missing or is there.
func dangling(path string, err error) error {
	to, linkErr := os.Readlink(path)
	if _, statErr := os.Stat(path); linkErr != nil || !errors.Is(statErr, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("it is a link to %s, which is missing: make that, or remove the link", to)
}

// cause takes from an error of the system the names of files, which the caller gives.
func cause(err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	return err
}

// Changed reports whether a file that was opened is to say something else.
func (f *File) Changed() bool { return !bytes.Equal(f.old, f.New) }
