package delivery

import (
	"errors"
	"syscall"
)

// Fault is what an error of the file system concerns.
type Fault int

// The faults.
const (
	// NoFault: the error is none of the file system.
	NoFault Fault = iota
	// FileFault: one file, or where it is to go. The files of other messages may well be written.
	FileFault
	// DiskFault: the disk, the folder or the process, so that any message would fail. An error that
	// is not known counts as one: no message is blamed for it.
	DiskFault
)

// fileFaults are the errors that concern one file, with what to do. All others concern the disk:
// it is full (ENOSPC, EDQUOT), read-only (EROFS) or broken (EIO), the folder is gone (ENOENT) or
// closed to this user (EACCES, EPERM), or the system is short of something (EMFILE, ENOMEM).
var fileFaults = map[syscall.Errno]string{
	syscall.EFBIG:        "raise the limit (LimitFSIZE= of systemd, ulimit -f), or set output to a file system that takes larger files",
	syscall.ENAMETOOLONG: "the path is too long for the file system: shorten it by path",
	syscall.EINVAL:       "the file system refuses the name: change it by path, or set output to another file system",
	syscall.EILSEQ:       "the file system refuses the name: change it by path, or set output to another file system",
	syscall.EMLINK:       "the folder has as many folders in it as the file system allows: put fewer there by path",
	syscall.ENOTDIR:      "a file stands where a folder is to be made: move it away, or change path",
	syscall.EISDIR:       "a folder stands where a file is to be made: move it away, or change path",
	syscall.EEXIST:       "something stands where a file is to be made: move it away, or change path",
	syscall.ELOOP:        "a link stands in the way, and leads nowhere: remove it",
}

// FaultOf returns what an error concerns that came while the files of a message were staged, and
// for a [FileFault] what to do.
func FaultOf(err error) (fault Fault, advice string) {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return NoFault, ""
	}
	if advice, is := fileFaults[errno]; is {
		return FileFault, advice
	}
	return DiskFault, ""
}
