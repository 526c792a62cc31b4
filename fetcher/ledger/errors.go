package ledger

import "errors"

// Errors of a ledger that is kept in a file. They are wrapped in a text that says what to do. A
// full disk is [syscall.ENOSPC].
var (
	// ErrDamaged: the file is not whole any more.
	ErrDamaged = errors.New("damaged")
	// ErrForeign: the file is a database, and no ledger.
	ErrForeign = errors.New("a database of another program")
	// ErrNewer: the file was written by a later version of attachd.
	ErrNewer = errors.New("newer schema")
	// ErrReadOnly: the file or its folder can't be written.
	ErrReadOnly = errors.New("read-only")
	// ErrUnopenable: the file or its folder is missing, or this user may not open it.
	ErrUnopenable = errors.New("can't be opened")
	// ErrGone: the file was removed while it was open, or another one took its place.
	ErrGone = errors.New("not the file any more that this process has open")
	// ErrBusy: another process holds a lock on the file, for longer than a change takes.
	ErrBusy = errors.New("locked by another process")
	// ErrDisk: the disk failed.
	ErrDisk = errors.New("disk error")
)

// ErrKnown refuses to give messages to an account that has messages of its own.
var ErrKnown = errors.New("it has messages of its own")

// ErrFileLimit says what to do about too many open files ([syscall.EMFILE], [syscall.ENFILE]), in
// an error that says what could not be opened.
var ErrFileLimit = errors.New("raise the limit (LimitNOFILE= of systemd, ulimit -n)")
