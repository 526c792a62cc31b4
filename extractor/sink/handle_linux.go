package sink

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// handle is an open staging file. [os.File] would ask the runtime's poller to watch it, which
// refuses regular files: five system calls for each file that do nothing.
//
// It is for one goroutine at a time, and does not close itself when it is forgotten.
type handle struct {
	fd   int // -1 once it is closed
	in   *os.File
	name string
}

// createIn makes a file of a single name in an open folder. Nothing of that name may be there, not
// even a link.
func createIn(in *folder, name string, mode fs.FileMode) (*handle, error) {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	h := &handle{in: in.dir, name: name}
	err := retried(func() (err error) {
		h.fd, err = unix.Openat(int(in.dir.Fd()), name, flags, uint32(mode.Perm()))
		return err
	})
	if err != nil {
		return nil, h.failed("open", err)
	}
	return h, nil
}

// isThere reports whether an open folder has a single name, be it a link. [os.Root] would take the
// name apart first.
func isThere(in *folder, name string) (bool, error) {
	var st unix.Stat_t
	err := retried(func() error { return unix.Fstatat(int(in.dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "lstat", Path: filepath.Join(in.dir.Name(), name), Err: err}
	}
	return true, nil
}

// Write implements io.Writer.
func (h *handle) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := 0
		err := retried(func() (err error) {
			k, err = unix.Write(h.fd, p[n:])
			return err
		})
		if err != nil {
			return n, h.failed("write", err)
		}
		n += k
	}
	return n, nil
}

// Sync makes the contents durable, and what it takes to find them.
func (h *handle) Sync() error {
	return h.failed("sync", retried(func() error { return unix.Fsync(h.fd) }))
}

// Close closes the file. A second Close is an error and does nothing.
func (h *handle) Close() error {
	fd := h.fd
	h.fd = -1 // the system gives the number to another file
	if fd < 0 {
		return h.failed("close", fs.ErrClosed)
	}
	err := unix.Close(fd)
	if err == unix.EINTR {
		err = nil // it is closed all the same
	}
	return h.failed("close", err)
}

// perm returns the permissions that the file has.
func (h *handle) perm() (fs.FileMode, error) {
	var st unix.Stat_t
	if err := retried(func() error { return unix.Fstat(h.fd, &st) }); err != nil {
		return 0, h.failed("stat", err)
	}
	return fs.FileMode(st.Mode).Perm(), nil
}

// Chmod sets the permissions.
func (h *handle) Chmod(mode fs.FileMode) error {
	return h.failed("chmod", retried(func() error { return unix.Fchmod(h.fd, uint32(mode.Perm())) }))
}

// startWriteback has the kernel begin to write a part of the file to the disk, and all of it from
// the offset on if length is 0. It is a hint: the fsync that follows reports what fails.
func (h *handle) startWriteback(offset, length int64) {
	_ = unix.SyncFileRange(h.fd, offset, length, unix.SYNC_FILE_RANGE_WRITE)
}

// failed names the file in an error.
func (h *handle) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: filepath.Join(h.in.Name(), h.name), Err: err}
}

// retried repeats a system call that a signal interrupted.
func retried(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
