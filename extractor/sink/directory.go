package sink

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
