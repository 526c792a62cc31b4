package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/attachd/attachd/extractor/digest"
)

const (
	defaultStaging     = ".staging"
	defaultFileMode    = fs.FileMode(0o640)
	defaultDirMode     = fs.FileMode(0o750)
	defaultSyncWorkers = 16
)

// Options says how a [Directory] writes. The zero value takes the defaults. Options are comparable
// if their Hook is.
type Options struct {
	// FileMode is the permissions of the files, whatever the umask is. Zero: 0640 less the umask.
	FileMode fs.FileMode
	// DirMode is the permissions of folders that are made, whatever the umask is, and may have
	// [fs.ModeSetgid]. That bit of the folder above stays in any case. Zero: 0750, less the umask
	// unless there is a Group. Folders that are there stay as they are, and hidden ones are private.
	DirMode fs.FileMode
	// Group is the name or the number of the group of files and folders that are made. "": that of
	// the folder above, if it hands its group on (setgid), else the system's choice.
	Group string
	// Staging is the name of the staging folder, which begins with a dot. Any name but the default
	// ".staging" makes the folder private: no later Directory is meant to find its files, and Close
	// removes it if it is empty.
	Staging string
	// SyncWorkers is how many files are fsynced at a time. Zero: 16.
	SyncWorkers int
	// MinFree is how many bytes are to stay free on the disk. A file that would not leave them
	// fails with a [*RoomError]. So does every file once the file system takes few more (inodes).
	// Zero: the disk may be filled.
	MinFree int64
	// Digest is the kind of digest of every file, which [Staged] has. Zero: none but what a [Plan]
	// asks for.
	Digest digest.Kind
	// Hook, unless nil, is asked before each file operation. Tests of what stands upon a Directory
	// use it to fail an operation, or to end the process before it.
	Hook Hook
}

// Directory is an open folder for attachments. Its methods may be called from several goroutines at
// once, as long as no two calls concern the same staging file. Close comes last.
//
// A context that ends keeps the next file operation from being begun. One that is under way runs to
// its end, however long the disk takes.
type Directory struct {
	hooks
	fileMode fs.FileMode // 0: the default less the umask
	digest   digest.Kind // of every file, 0 for none
	private  bool        // the staging folder is removed by Close
	folderID string      // of the staging folder
	unnamed  atomic.Bool // the ID's file may not have its name after a power cut, until Sync
	folders  folders
	names    reservations
	syncer   syncer
	waiting  waitingPieces
	room     room
	modes    modes
	buffers  buffers

	mu     sync.Mutex
	closed bool             // guarded by mu
	files  map[string]*file // guarded by mu: staged here and not yet published, by ID
}

// Open opens a folder and its staging folder. It makes what is missing of them and of the folders
// above. Any number of Directories may use the same dir, but only one at a time a staging folder:
// Sweep would take the files of the other.
func Open(dir string, o Options) (*Directory, error) {
	d, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open attachment folder %s: %w", dir, err)
	}
	return d, nil
}

func open(dir string, o Options) (*Directory, error) {
	if o.Staging == "" {
		o.Staging = defaultStaging
	}
	if o.SyncWorkers <= 0 {
		o.SyncWorkers = defaultSyncWorkers
	}
	if !strings.HasPrefix(o.Staging, ".") || strings.Trim(o.Staging, ".") == "" || strings.ContainsAny(o.Staging, `/\`+"\x00") {
		return nil, fmt.Errorf("staging folder %q: must be a single name with a leading dot", o.Staging)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	group, err := findGroup(dir, o.Group)
	if err != nil {
		return nil, err
	}
	h := hooks{o.Hook}
	d := &Directory{
		hooks: h, fileMode: o.FileMode, digest: o.Digest, private: o.Staging != defaultStaging,
		folders: folders{hooks: h, path: dir, share: permissions{o.DirMode, group}, groupName: o.Group},
		names:   reservations{hooks: h, path: dir, given: make(map[string]string), last: make(map[string]int)},
		syncer:  newSyncer(h, o.SyncWorkers),
		room:    room{keep: o.MinFree},
		buffers: newBuffers(),
		files:   make(map[string]*file),
	}
	if err = d.folders.open(o.Staging); err == nil {
		d.folderID, err = d.identify()
	}
	if err == nil {
		err = d.tryGroup()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close waits for the fsyncs under way and closes the folder. Staging files that were neither
// published nor discarded stay, for a ledger that knows them. A second Close does nothing.
func (d *Directory) Close() error {
	d.mu.Lock()
	closed := d.closed
	d.closed = true
	d.mu.Unlock()
	if closed {
		return nil
	}
	d.syncer.close()
	if err := d.folders.close(d.private); err != nil {
		return fmt.Errorf("close attachment folder %s: %w", d.folders.path, err)
	}
	return nil
}
