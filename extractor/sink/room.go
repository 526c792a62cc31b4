package sink

import (
	"context"
	"fmt"
	"math"
	"sync"
	"syscall"
)

const (
	// roomStep is how many bytes may be written before the disk is asked again. Other folders are
	// written to meanwhile: each may go beyond the limit by as much.
	roomStep = 1 << 20
	// fileCost is what even the smallest file takes.
	fileCost = 4 << 10
	// keptFiles is how many more files the file system is to have room for, besides the bytes of
	// Options.MinFree. For a small file system it is a hundredth of all files that it can hold.
	keptFiles = 1000
)

// RoomError says that writing on would leave less room on the disk than [Options].MinFree. It wraps
// [syscall.ENOSPC].
type RoomError struct {
	Path       string // of the folder
	Free, Keep int64  // bytes; with Files, how many files can still be made
	Files      bool   // the file system takes too few more files (inodes)
}

// Error says how much room there is.
func (e *RoomError) Error() string {
	if e.Files {
		return fmt.Sprintf("no room in %s: its file system takes %d more files, and %d are to stay free (inodes)", e.Path, e.Free, e.Keep)
	}
	return fmt.Sprintf("no room in %s: %d bytes are free, and %d are to stay so (min_free)", e.Path, e.Free, e.Keep)
}

// Unwrap returns what the system says of a full disk.
func (e *RoomError) Unwrap() error { return syscall.ENOSPC }

// space is what a file system has room for. files is the most that it can hold, 0 for no limit.
type space struct{ bytes, filesFree, files int64 }

func (s space) keptFiles() int64 { return min(s.files/100, keptFiles) }

// room keeps Options.MinFree while files are written.
type room struct {
	keep int64 // bytes; 0: as little as there is

	mu   sync.Mutex
	left int64 // guarded by mu: bytes that may be written before the disk is asked again
	more int64 // guarded by mu: files that may be made before that
}

// take asks for room for n more bytes, which may be the first of a new file.
func (r *room) take(f *folders, n int, newFile bool) error {
	if r.keep <= 0 {
		return nil
	}
	cost := max(int64(n), fileCost)
	r.mu.Lock()
	defer r.mu.Unlock()
	if newFile {
		r.more--
	}
	if r.left < cost || r.more < 0 {
		s, err := f.space()
		if err != nil {
			return err
		}
		left := s.bytes - r.keep
		if left < cost {
			return &RoomError{Path: f.path, Free: s.bytes, Keep: r.keep}
		}
		r.left, r.more = min(left, roomStep), math.MaxInt64
		if s.files > 0 {
			r.more = min(s.filesFree-s.keptFiles(), roomStep/fileCost) - 1
		}
	}
	r.left -= cost
	return nil
}

// space asks the file system. It is an error if that takes no more files.
func (f *folders) space() (space, error) {
	s, err := askSpace(f.top.dir)
	if err != nil {
		return s, fmt.Errorf("ask for the free bytes of %s: %w", f.path, err)
	}
	if keep := s.keptFiles(); s.files > 0 && s.filesFree <= keep {
		return s, &RoomError{Path: f.path, Free: s.filesFree, Keep: keep, Files: true}
	}
	return s, nil
}

// Free returns how many bytes can still be written to the file system of the folder. A [*RoomError]
// says that it takes no more files.
func (d *Directory) Free(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ask for the free bytes of %s: %w", d.folders.path, err)
	}
	s, err := d.folders.space()
	return s.bytes, err
}
