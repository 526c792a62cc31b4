package trouble

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/poll"
)

// states are the errors of the ledger.
var states = []struct {
	err   error
	class Class
}{
	{ledger.ErrLeased, AccountLeased},
	{ledger.ErrFenced, AccountLeased},
	{ledger.ErrDamaged, StateDamaged},
	{ledger.ErrForeign, StateForeign},
	{ledger.ErrNewer, StateNewer},
	{ledger.ErrReadOnly, StateReadOnly},
	{ledger.ErrUnopenable, StateUnopenable},
	{ledger.ErrGone, StateGone},
	{ledger.ErrBusy, StateLocked},
	{ledger.ErrDisk, DiskFailed},
	{ledger.ErrKnown, AccountKnown},
	{sqlite.ErrOwned, StateInUse},
	{sqlite.ErrInUse, StateInUse},
}

// stateClass knows the errors of the state.
func stateClass(err error) Class {
	if tooManyFiles(err) {
		return TooManyFiles // which the ledger reports as a file that can't be opened
	}
	for _, s := range states {
		if errors.Is(err, s.err) {
			return s.class
		}
	}
	if _, ok := errors.AsType[*delivery.StaleError](err); ok {
		return StateOlder
	}
	if _, ok := errors.AsType[*ledger.TransitionError](err); ok {
		return Internal
	}
	return ""
}

// deliveryClass knows the errors of the folder that files go to.
func deliveryClass(err error) Class {
	if elsewhere, ok := errors.AsType[*delivery.DestinationError](err); ok {
		if elsewhere.Gone {
			return FolderGone
		}
		return OtherFolder
	}
	_, planned := errors.AsType[*poll.NoRoomError](err)
	_, written := errors.AsType[*sink.RoomError](err)
	_, group := errors.AsType[*sink.GroupError](err)
	switch {
	case group && diskFault(err) == "":
		return GroupRefused
	case planned, written:
		return DiskReserved
	case errors.Is(err, sink.ErrOtherFolder):
		return StagedElsewhere
	case errors.Is(err, sink.ErrNotSynced):
		return Internal
	case errors.Is(err, poll.ErrNoMemory):
		return MemoryShort
	case errors.Is(err, poll.ErrNotKept):
		if fault, _ := delivery.FaultOf(err); fault == delivery.FileFault {
			return diskClass(err)
		}
		return MessagesNotKept
	}
	return ""
}

// identityClass knows the questions that only a person can decide, and what the configuration says.
func identityClass(err error) Class {
	if _, ok := errors.AsType[*identity.UIDLsChangedError](err); ok {
		return UIDLsChanged
	}
	if _, ok := errors.AsType[*identity.RenamedError](err); ok {
		return AccountRenamed
	}
	_, one := errors.AsType[config.Problem](err)
	if _, all := errors.AsType[config.Problems](err); one || all {
		return ConfigFaulty
	}
	return ""
}

// messageClass knows what concerns messages, while the visit went well.
func messageClass(err error) Class {
	if left, ok := errors.AsType[*poll.IncompleteError](err); ok {
		switch {
		case left.NoRoom > 0:
			return QuarantineFull
		case left.Unfetchable != "":
			return Unfetchable
		}
		return MessagesFailed
	}
	if errors.Is(err, ledger.ErrQuarantineFull) {
		return QuarantineFull
	}
	_, unread := errors.AsType[extractor.MessageError](err)
	_, pieces := errors.AsType[*sink.PiecesError](err)
	if _, ok := errors.AsType[*delivery.UnprocessableError](err); ok || unread || pieces || errors.Is(err, delivery.ErrStillDoubtful) {
		return MessageUnread
	}
	return ""
}

// diskClass knows what the system says of files and disks.
func diskClass(err error) Class {
	if c := diskFault(err); c != "" {
		return c
	}
	if !onDisk(err) {
		return ""
	}
	switch {
	case errors.Is(err, syscall.EFBIG):
		return FileTooLarge
	case errors.Is(err, fs.ErrPermission):
		return OutputForbidden
	case errors.Is(err, fs.ErrNotExist):
		return OutputDisturbed
	}
	return OutputName
}

// diskFault knows what fails with any file of a disk.
func diskFault(err error) Class {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return DiskFull
	case errors.Is(err, syscall.EROFS):
		return DiskReadOnly
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.ENODEV):
		return DiskFailed
	}
	return ""
}

// onDisk reports whether an error is about a file.
func onDisk(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	_, bare := errors.AsType[syscall.Errno](err)
	return path || link || bare
}
