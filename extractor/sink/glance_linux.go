package sink

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// glance reads the ID and the mark, and looks whether the folder is tidy. Each poll does, so it
// makes no more system calls than that takes: [os.File] would ask for flags and try to poll.
func (i Inspector) glance(is *Identity) error {
	name := i.PlaceOf(defaultStaging)
	staging, err := openFor(unix.AT_FDCWD, name, unix.O_DIRECTORY)
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(staging)
	b, err := readBeginning(staging, folderIDFile, markOffset+markLength)
	if err != nil {
		return &fs.PathError{Op: "read", Path: i.PlaceOf(defaultStaging + "/" + folderIDFile), Err: err}
	}
	if len(b) < folderIDLength || !isID(string(b[:folderIDLength])) {
		return nil // Open would give it another one
	}
	is.ID, is.Mark = string(b[:folderIDLength]), parseMark(b[min(markOffset, len(b)):])
	is.Tidy = !holdsLeftovers(staging) && errors.Is(unix.Access(i.PlaceOf(PartialFolder), unix.F_OK), unix.ENOENT)
	return nil
}

// openFor opens a file for reading. It does not wait for one that is no file.
func openFor(at int, name string, flags int) (fd int, err error) {
	err = retried(func() (err error) {
		fd, err = unix.Openat(at, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|flags, 0)
		return err
	})
	return fd, err
}

// readBeginning reads the first bytes of a file in an open folder, and fewer if it has fewer.
func readBeginning(in int, name string, length int) ([]byte, error) {
	fd, err := openFor(in, name, unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	b := make([]byte, length)
	n := 0
	err = retried(func() (err error) {
		n, err = unix.Pread(fd, b, 0)
		return err
	})
	return b[:max(n, 0)], err
}

// holdsLeftovers reports whether an open staging folder has more than its ID, or can't be read.
func holdsLeftovers(staging int) bool {
	buffer := make([]byte, 1<<10)
	for {
		n := 0
		err := retried(func() (err error) {
			n, err = unix.ReadDirent(staging, buffer)
			return err
		})
		if err != nil {
			return true
		}
		if n <= 0 {
			return false
		}
		_, _, names := unix.ParseDirent(buffer[:n], -1, nil)
		for _, name := range names {
			if name != folderIDFile {
				return true
			}
		}
	}
}
