package sink

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	defaultStaging     = ".staging"
	defaultFileMode    = fs.FileMode(0o640)
	defaultDirMode     = fs.FileMode(0o750)
	defaultSyncWorkers = 16
)

// Options says how a [Directory] writes. The zero value takes the defaults, and
// options are comparable.
type Options struct {
	// FileMode is the permissions of the files, exactly. Zero: 0640 less the umask.
	FileMode fs.FileMode
	// DirMode is the permissions of folders that are made, less the umask. Zero: 0750.
	DirMode fs.FileMode
	// Staging is the name of the staging folder, beginning with a dot. A name
	// other than the default ".staging" makes it private: Close removes it if it
	// is empty, and its files are not meant to be found by a later Directory.
	Staging string
	// SyncWorkers is how many files are fsynced at a time. Zero: 16.
	SyncWorkers int

	// MinFree is how many bytes are to stay free on the disk: a file that would not leave them fails with a [*RoomError], and
	// so does every file when its file system takes few more (inodes). Zero: the disk may be filled.
	MinFree int64

	// Hook, if any, is asked before each file operation. It is how tests of what
	// stands upon a Directory fail an operation, or end the process before it.
	Hook Hook
}

// Hook is told which file operation comes next, on which name. What it returns is
// that operation's error, and nil lets it happen. It is called from many goroutines.
type Hook interface {
	Before(step Step, name string) error
}

// Step names a file operation for a [Hook].
type Step string

// The file operations that change something, and the look whether a name is taken.
const (
	StepOpen        Step = "open folder"
	StepMkdir       Step = "mkdir"
	StepCreate      Step = "create"
	StepWrite       Step = "write"
	StepFsync       Step = "fsync"
	StepLook        Step = "look"
	StepRename      Step = "rename"
	StepLink        Step = "link"         // where renameat2 can't keep from overwriting
	StepPlainRename Step = "plain rename" // where there are no links either
	StepUnlink      Step = "unlink"
	StepFsyncFolder Step = "fsync folder"
	StepMark        Step = "mark"
)

// Directory is an open folder for attachments. Its methods may be called from several goroutines at once, if no two
// calls concern the same staging file. Close comes last.
//
// Each operation of a disk runs to its end, however long it takes; a context that ends keeps the next one from being begun.
type Directory struct {
	// set at construction
	path      string // absolute
	options   Options
	private   bool   // the staging folder is removed by Close
	folderID  string // of the staging folder
	maxName   int    // bytes
	staging   *folder
	top       *folder
	blocks    sync.Pool
	hashes    sync.Pool
	checkMode sync.Once
	room      room
	needChmod atomic.Bool // umask takes bits of FileMode away
	noRename2 atomic.Bool // the file system lacks RENAME_NOREPLACE

	// foldersInUse is held for reading while a folder of the map is used, and for
	// writing while those that are too many are closed.
	foldersInUse sync.RWMutex

	jobs    chan *file
	workers sync.WaitGroup

	mu       sync.Mutex
	closed   bool               // guarded by mu, as is all below
	running  int                // workers
	files    map[string]*file   // staged here and not yet published, by ID
	reserved map[string]string  // final paths of these, to IDs
	last     map[string]int     // highest number given, by path without number
	folders  map[string]*folder // below the top, opened so far
	touched  map[*folder]bool   // got or lost a name since they were fsynced last
	broken   error              // the fsync of a folder failed

	waiting waitingPieces
}

// folder is an open folder: root for names in it, dir for its own fsync.
type folder struct {
	name string
	root *os.Root
	dir  *os.File
}

func openFolder(name string, root *os.Root) (*folder, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &folder{name: name, root: root, dir: dir}, nil
}

func (f *folder) close() error { return errors.Join(f.dir.Close(), f.root.Close()) }

// Open opens dir, which is made together with its parents if it is missing, and
// its staging folder. One Directory at a time should use a staging folder: Sweep
// of one would take the files of the other. Any number may use the same dir.
func Open(dir string, o Options) (*Directory, error) {
	d, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open attachment folder %s: %w", dir, err)
	}
	return d, nil
}

func open(dir string, o Options) (_ *Directory, err error) {
	if o.DirMode == 0 {
		o.DirMode = defaultDirMode
	}
	if o.Staging == "" {
		o.Staging = defaultStaging
	}
	if o.SyncWorkers <= 0 {
		o.SyncWorkers = defaultSyncWorkers
	}
	if !strings.HasPrefix(o.Staging, ".") || strings.Trim(o.Staging, ".") == "" || strings.ContainsAny(o.Staging, `/\`+"\x00") {
		return nil, fmt.Errorf("staging folder %q: must be a single name with a leading dot", o.Staging)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	d := &Directory{
		path: dir, options: o, private: o.Staging != defaultStaging,
		blocks: sync.Pool{New: func() any { return newBlock() }},
		hashes: sync.Pool{New: func() any { return sha256.New() }},
		jobs:   make(chan *file, 4*o.SyncWorkers),
		files:  make(map[string]*file), reserved: make(map[string]string), last: make(map[string]int),
		folders: make(map[string]*folder), touched: make(map[*folder]bool),
	}
	if err := d.makeTop(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if err := d.before(StepOpen, dir); err != nil {
		return nil, err
	}
	// An operator may put the folder elsewhere by a link. Who else can write beside it may not.
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 && madeByOther(info) {
		return nil, errors.New("it is a link that another user has made: remove it, or have it made by this user or root")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if d.top, err = openFolder("", root); err != nil {
		return nil, err
	}
	d.maxName = longestName(d.top.dir)
	// Nobody but this user has business with half-written files.
	if d.staging, err = d.openIn(d.top, o.Staging, 0o700); err != nil {
		return nil, err
	}
	if d.private {
		d.folderID = newFolderID()
		return d, nil
	}
	d.folderID, err = d.readFolderID()
	return d, err
}

// makeTop makes a folder and its missing parents, each durable before the next:
// what is delivered below must not vanish with a power cut.
func (d *Directory) makeTop(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := d.makeTop(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, d.options.DirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		// A parent that may be entered and not read can't be fsynced either; it
		// was not made here, so it is the owner's to make durable.
		return nil
	}
	defer f.Close()
	return d.fsyncFolder(&folder{name: parent, dir: f})
}

// openIn opens a folder directly below another, making it if it is missing.
func (d *Directory) openIn(above *folder, name string, mode fs.FileMode) (*folder, error) {
	err := d.before(StepMkdir, path.Join(above.name, name))
	if err == nil {
		err = above.root.Mkdir(name, mode)
	}
	if err == nil {
		err = d.fsyncFolder(above)
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	// os.Root keeps a symbolic link from leading out, but one within would still mix
	// staging files with delivered ones.
	info, err := above.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no folder: %w: move it away", filepath.Join(d.path, above.name, name), errTaken)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder: move it away", filepath.Join(d.path, above.name, name))
	}
	root, err := above.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return openFolder(path.Join(above.name, name), root)
}

// The ID of a staging folder is a file in it.
const (
	folderIDFile   = "folder-id"
	folderIDLength = 8
)

func newFolderID() string { return rand.Text()[:folderIDLength] }

// The mark is a number that the caller leaves behind the ID, in decimal.
const (
	markOffset = folderIDLength + 1
	markLength = 20
)

// Mark returns the number that SetMark left in the staging folder, 0 without any.
func (d *Directory) Mark(ctx context.Context) (int64, error) {
	err := ctx.Err()
	var n int64
	if err == nil {
		n, err = readMark(d.staging.root)
	}
	if err != nil {
		return 0, fmt.Errorf("read mark of %s: %w", d.stagingPath(), err)
	}
	return n, nil
}

func readMark(staging *os.Root) (int64, error) {
	f, err := staging.Open(folderIDFile)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, markLength)
	n, err := f.ReadAt(b, markOffset)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	mark, err := strconv.ParseInt(strings.TrimSpace(string(b[:n])), 10, 64)
	if err != nil {
		return 0, nil // none, or not written by this package
	}
	return mark, nil
}

// SetMark leaves a number in the staging folder, which tells a later user how far
// this one came. It is not fsynced: after a power cut it may be an earlier one.
func (d *Directory) SetMark(ctx context.Context, n int64) error {
	err := ctx.Err()
	if err == nil {
		err = d.before(StepMark, folderIDFile)
	}
	var f *os.File
	if err == nil {
		f, err = d.staging.root.OpenFile(folderIDFile, os.O_WRONLY, 0)
	}
	if err == nil {
		// One write of one length: a reader sees the one number or the other.
		_, err = f.WriteAt(fmt.Appendf(nil, "%0*d\n", markLength, n), markOffset)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("leave mark in %s: %w", d.stagingPath(), err)
	}
	return nil
}

func (d *Directory) readFolderID() (string, error) {
	for range 2 {
		if f, err := d.staging.root.Open(folderIDFile); err == nil {
			b := make([]byte, folderIDLength)
			_, err := io.ReadFull(f, b)
			f.Close()
			if err == nil && isID(string(b)) {
				return string(b), nil
			}
			// Not written by this package. What was staged under another ID then
			// counts as staged elsewhere, which stops loudly.
			if err := d.staging.root.Remove(folderIDFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err := d.writeFolderID(); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s can't be read back", filepath.Join(d.path, d.staging.name, folderIDFile))
}

// writeFolderID makes the file durable, and whole when it appears. A second
// process that makes it at the same time wins or loses as a whole.
func (d *Directory) writeFolderID() error {
	id := newFolderID()
	temporary := folderIDFile + "-" + rand.Text()
	f, err := d.staging.root.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer d.staging.root.Remove(temporary)
	_, err = io.WriteString(f, id+"\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := d.move(d.staging, temporary, d.staging, folderIDFile); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.fsyncFolder(d.staging)
}

// newID returns the name of a new staging file.
func (d *Directory) newID() string { return d.folderID + "-" + rand.Text() }

// ofThisFolder reports whether an ID was given in this staging folder.
func (d *Directory) ofThisFolder(id string) bool { return strings.HasPrefix(id, d.folderID+"-") }

// isStagingID keeps what a ledger says from naming anything else in the folder.
func isStagingID(id string) bool {
	folder, file, ok := strings.Cut(id, "-")
	return ok && len(folder) == folderIDLength && isID(folder) && len(file) >= 16 && isID(file)
}

// isID reports whether s has only the letters of [rand.Text].
func isID(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// before asks the hook.
func (d *Directory) before(s Step, name string) error {
	if d.options.Hook == nil {
		return nil
	}
	return d.options.Hook.Before(s, name)
}

// Close ends the workers and closes the folder. Staging files that were neither
// published nor discarded stay, for a ledger that knows them.
func (d *Directory) Close() error {
	d.mu.Lock()
	closed := d.closed
	d.closed = true
	d.mu.Unlock()
	if closed {
		return nil
	}
	close(d.jobs)
	d.workers.Wait()
	var errs []error
	for _, f := range d.folders {
		errs = append(errs, f.close())
	}
	if d.staging != nil {
		errs = append(errs, d.staging.close())
		if d.private {
			// It fails where files are left, and those are to stay.
			d.top.root.Remove(d.staging.name)
		}
	}
	if d.top != nil {
		errs = append(errs, d.top.close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close attachment folder %s: %w", d.path, err)
	}
	return nil
}
