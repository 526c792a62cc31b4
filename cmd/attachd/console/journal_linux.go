package console

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// journalPatience is how long an entry waits for room in journald's queue.
const journalPatience = 2 * time.Second

// isJournal reports whether what is written to w ends in the journal. systemd says in
// JOURNAL_STREAM which stream of a service does (systemd.exec(5)); a child inherits the variable
// and may have other streams.
func isJournal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	var stat unix.Stat_t
	return unix.Fstat(int(f.Fd()), &stat) == nil && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// openJournal returns what sends entries to the journald at a socket, or an error if there is none.
func openJournal(socket string) (send func(entry []byte) error, err error) {
	if _, err := os.Stat(socket); err != nil {
		return nil, err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	to := &net.UnixAddr{Name: socket, Net: "unixgram"}
	return func(entry []byte) error {
		if err := conn.SetWriteDeadline(time.Now().Add(journalPatience)); err != nil {
			return err
		}
		_, _, err := conn.WriteMsgUnix(entry, nil, to)
		if errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS) {
			return sendFile(conn, to, entry)
		}
		return err
	}, nil
}

// sendFile sends an entry that is too long for a datagram: as a file in memory that nobody can
// change any more.
func sendFile(conn *net.UnixConn, to *net.UnixAddr, entry []byte) error {
	fd, err := unix.MemfdCreate("attachd-log", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), "attachd-log")
	defer file.Close()
	if _, err := file.Write(entry); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE); err != nil {
		return err
	}
	_, _, err = conn.WriteMsgUnix(nil, unix.UnixRights(fd), to)
	return err
}
