package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// folders are the open folders of a Directory: the target, its staging folder, and those below that
// were used last.
type folders struct {
	hooks
	path      string      // of the target, absolute
	share     permissions // of folders that are made, unless they are hidden
	groupName string      // of share, as the operator gives it
	maxName   int         // bytes of a file's name
	top       *folder
	staging   *folder
	noRename2 atomic.Bool // the file system lacks RENAME_NOREPLACE
	grown     []*folder   // those that open made a folder in, until settle

	// inUse is held for reading while a folder of below is used, and for writing while one is
	// closed.
	inUse sync.RWMutex

	mu      sync.Mutex
	below   map[string]*folder // guarded by mu, as is all that follows: by path
	touched map[*folder]bool   // got or lost a name since they were fsynced last
	broken  error              // the fsync of a folder failed
}

// folder is an open folder: root for names in it, dir for its own fsync.
type folder struct {
	name  string // its path below the target, "" for that
	root  *os.Root
	dir   *os.File
	hands int // the group that it hands on to what is made in it (setgid), or noGroup
}

func openFolder(name string, root *os.Root) (*folder, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	info, err := dir.Stat()
	if err != nil {
		return nil, errors.Join(err, dir.Close(), root.Close())
	}
	return &folder{name: name, root: root, dir: dir, hands: handsOn(info)}, nil
}

func (f *folder) close() error { return errors.Join(f.dir.Close(), f.root.Close()) }

// open opens the target and its staging folder, and makes what is missing. What it makes is durable
// after settle.
func (s *folders) open(staging string) error {
	s.below, s.touched = make(map[string]*folder), make(map[*folder]bool)
	if err := s.makeTop(s.path); err != nil {
		return err
	}
	if err := s.before(StepOpen, s.path); err != nil {
		return err
	}
	// An operator may put the folder elsewhere by a link. Others who can write beside it may not.
	if info, err := os.Lstat(s.path); err == nil && info.Mode()&fs.ModeSymlink != 0 && madeByOther(info) {
		return errors.New("it is a link that another user has made: remove it, or have it made by this user or root")
	}
	root, err := os.OpenRoot(s.path)
	if err != nil {
		return err
	}
	if s.top, err = openFolder("", root); err != nil {
		return err
	}
	s.maxName = longestName(s.top.dir)
	var made bool
	if s.staging, made, err = s.openIn(s.top, staging); made {
		s.grown = append(s.grown, s.top)
	}
	return err
}

// settle makes durable what open has made.
func (s *folders) settle() error {
	for len(s.grown) > 0 {
		f := s.grown[0]
		err := s.fsync(f)
		if s.grown = s.grown[1:]; f != s.top {
			err = errors.Join(err, f.dir.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settleAll is settle where an earlier Open may have been killed before it came to that.
func (s *folders) settleAll() error {
	isGrown := func(name string) bool {
		return slices.ContainsFunc(s.grown, func(f *folder) bool { return f.name == name })
	}
	if parent := filepath.Dir(s.path); !isGrown(parent) {
		s.grow(parent)
	}
	if !isGrown(s.top.name) {
		s.grown = append(s.grown, s.top)
	}
	return s.settle()
}

// close closes all of them. It removes a private staging folder if that is empty.
func (s *folders) close(private bool) error {
	var errs []error
	for _, f := range s.grown { // open has failed
		if f != s.top {
			errs = append(errs, f.dir.Close())
		}
	}
	for _, f := range s.below {
		errs = append(errs, f.close())
	}
	if s.staging != nil {
		errs = append(errs, s.staging.close())
		if private {
			// It fails where files are left, and those are to stay.
			s.top.root.Remove(s.staging.name)
		}
	}
	if s.top != nil {
		errs = append(errs, s.top.close())
	}
	return errors.Join(errs...)
}

// stagingPath is where the staging folder is in the file system.
func (s *folders) stagingPath() string { return filepath.Join(s.path, s.staging.name) }

// makeTop makes a folder and its missing parents. They are durable after settle: what is delivered
// below must not vanish with a power cut.
func (s *folders) makeTop(dir string) error {
	parent := filepath.Dir(dir)
	if info, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		if err == nil && isUnfinished(info) {
			err = s.finish(nil, dir, s.share)
		}
		return err
	}
	if err := s.makeTop(parent); err != nil {
		return err
	}
	if err := s.mkdir(nil, dir, s.share); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	s.grow(parent)
	return nil
}

// grow notes that a folder above the target is to be fsynced.
func (s *folders) grow(parent string) {
	// One that may be entered and not read can't be fsynced. It was not made here: its owner has to
	// make it durable.
	if f, err := os.Open(parent); err == nil {
		s.grown = append(s.grown, &folder{name: parent, dir: f})
	}
}

// openIn opens a folder directly below another, making it if it is missing. If it made it, the
// folder above is to be fsynced.
func (s *folders) openIn(above *folder, name string) (f *folder, made bool, err error) {
	private := hidden(path.Join(above.name, name))
	err = s.before(StepMkdir, path.Join(above.name, name))
	switch {
	case err != nil:
	case private:
		err = above.root.Mkdir(name, 0o700)
	default:
		err = s.mkdir(above, name, s.share)
	}
	if made = err == nil; !made && !errors.Is(err, fs.ErrExist) {
		return nil, false, err
	}
	// os.Root keeps a symbolic link from leading out. One within would still mix staging files with
	// delivered ones.
	info, err := above.root.Lstat(name)
	if err != nil {
		return nil, made, err
	}
	switch {
	case info.IsDir():
	case private:
		return nil, made, fmt.Errorf("%s is no folder: move it away", filepath.Join(s.path, above.name, name))
	default:
		return nil, made, fmt.Errorf("%s: %w: move it away", filepath.Join(s.path, above.name, name), errTaken)
	}
	switch {
	case private && info.Mode().Perm()&0o077 != 0 && !madeByOther(info):
		// An earlier version made it so. A file system without modes does not take it.
		_ = above.root.Chmod(name, 0o700)
	case !private && isUnfinished(info):
		if err := s.finish(above, name, s.share); err != nil {
			return nil, made, err
		}
	}
	root, err := above.root.OpenRoot(name)
	if err != nil {
		return nil, made, err
	}
	f, err = openFolder(path.Join(above.name, name), root)
	return f, made, err
}

// hidden reports whether a path below the target is for attachd alone: half-written files, what
// could not be taken apart, and pieces of messages.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// get returns the open folder of a path below the target, "" for the target itself. It makes the
// folder if it is missing. s.inUse is held for reading while the folder is used.
func (s *folders) get(name string) (*folder, error) {
	if name == "" {
		return s.top, nil
	}
	s.mu.Lock()
	f := s.below[name]
	s.mu.Unlock()
	if f != nil {
		return f, nil
	}
	if path.Clean(name) != name || !filepath.IsLocal(name) || name == "." || strings.Contains(name, `\`) || name == s.staging.name || strings.HasPrefix(name, s.staging.name+"/") {
		return nil, fmt.Errorf("%q is no folder for attachments", name)
	}
	above, err := s.get(strings.TrimSuffix(path.Dir(name), "."))
	if err != nil {
		return nil, err
	}
	f, made, err := s.openIn(above, path.Base(name))
	if err != nil {
		return nil, err
	}
	if made {
		if err := s.fsync(above); err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.below[name]; other != nil {
		return other, f.close()
	}
	s.below[name] = f
	return f, nil
}

// errTaken says that a file, a link or the like has the name of a folder for attachments.
var errTaken = errors.New("is no folder")

// getFree is get for a path that is chosen here: if a file or a link has the name of one of its
// folders, the folder gets a number, as files do. No link is followed, and none stops an account.
func (s *folders) getFree(name string) (*folder, error) {
	f, err := s.get(name)
	if !errors.Is(err, errTaken) {
		return f, err
	}
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		for n := 1; ; n++ {
			try := part
			if n > 1 {
				try = numbered(part, n, s.maxName)
			}
			f, err = s.get(path.Join(at, try))
			if errors.Is(err, errTaken) && n < maxRetries {
				continue
			}
			if err != nil {
				return nil, err
			}
			at = f.name
			break
		}
	}
	return f, nil
}

// forget closes a folder that was removed. s.inUse is held for writing.
func (s *folders) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.below[name]; f != nil {
		delete(s.below, name)
		delete(s.touched, f)
		f.close()
	}
}

// touch notes that a folder got a name, which is durable after sync.
func (s *folders) touch(f *folder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched[f] = true
}

// sync makes durable the names that folders got since the last time, and the removal of the staging
// names.
func (s *folders) sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sync folders in %s: %w", s.path, err)
	}
	s.mu.Lock()
	touched := s.touched
	s.touched = make(map[*folder]bool)
	s.mu.Unlock()
	if len(touched) == 0 {
		return s.failure()
	}
	defer s.closeSome()
	s.inUse.RLock()
	defer s.inUse.RUnlock()
	// The new names first: a power cut in between leaves a file with both names or with the new
	// one, never without any.
	for f := range touched {
		if err := s.fsync(f); err != nil {
			return err
		}
	}
	return s.fsync(s.staging)
}

// maxFolders is how many folders are kept open for the next files.
const maxFolders = 64

// closeSome closes the folders below if there are many: paths made of senders or days lead to that.
func (s *folders) closeSome() {
	s.inUse.Lock()
	defer s.inUse.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.below) <= maxFolders {
		return
	}
	for name, f := range s.below {
		if !s.touched[f] {
			delete(s.below, name)
			f.close()
		}
	}
}

func (s *folders) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// fsync makes the names in a folder durable. After one failure it fails for good.
func (s *folders) fsync(f *folder) error {
	if err := s.failure(); err != nil {
		return err
	}
	err := s.before(StepFsyncFolder, f.name)
	if err == nil {
		err = f.dir.Sync()
	}
	if err == nil || unsyncable(err) {
		return nil
	}
	name := f.name // of a parent of the target
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.path, name)
	}
	err = fmt.Errorf("sync folder %s: %w", name, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
	return err
}
