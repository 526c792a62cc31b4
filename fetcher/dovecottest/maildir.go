package dovecottest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// counter makes file names unique.
type counter struct{ n atomic.Int64 }

// Append adds messages to a user's mailbox, behind those that are there. They are
// served as they are given, except that a bare LF becomes CR LF.
func (s *Server) Append(user string, messages ...[]byte) error {
	for _, raw := range messages {
		err := s.AppendStream(user, func(w io.Writer) error {
			_, err := w.Write(raw)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// AppendStream is [Server.Append] for one message that is too big to hold in memory:
// write writes it.
func (s *Server) AppendStream(user string, write func(w io.Writer) error) error {
	dir := s.Maildir(user)
	n := s.messageNumber.n.Add(1)
	temporary := filepath.Join(dir, "tmp", fmt.Sprint(n))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	measured := &measurer{w: bufio.NewWriterSize(f, 64<<10)}
	if err := write(measured); err != nil {
		return err
	}
	if err := measured.w.Flush(); err != nil {
		return err
	}
	if err := s.own(temporary); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// Messages are served in the order of their names. The sizes on disk and on
	// the line save Dovecot from reading the message to answer STAT and LIST.
	name := fmt.Sprintf("%010d.test,S=%d,W=%d:2,", n, measured.size, measured.size+measured.bare)
	return os.Rename(temporary, filepath.Join(dir, "cur", name))
}

// measurer counts what is written and how many bytes CRLF line ends add to it.
type measurer struct {
	w          *bufio.Writer
	size, bare int64
	last       byte
}

func (m *measurer) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	for i := 0; ; i++ {
		next := bytes.IndexByte(p[i:], '\n')
		if next < 0 {
			break
		}
		i += next
		before := m.last
		if i > 0 {
			before = p[i-1]
		}
		if before != '\r' {
			m.bare++
		}
	}
	if len(p) > 0 {
		m.last = p[len(p)-1]
	}
	return m.w.Write(p)
}

// Mailbox returns the messages that are left in a user's mailbox, oldest first,
// as they lie on disk.
func (s *Server) Mailbox(user string) ([][]byte, error) {
	files, err := s.files(user)
	if err != nil {
		return nil, err
	}
	messages := make([][]byte, len(files))
	for i, path := range files {
		if messages[i], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

// Maildir returns the folder of a user's messages, for a test that does what an
// administrator or another mail program would. Dovecot's own files lie in it beside
// cur, new and tmp.
func (s *Server) Maildir(user string) string { return s.path("mail", user, "Maildir") }

// Count returns the number of messages that are left in a user's mailbox.
func (s *Server) Count(user string) (int, error) {
	files, err := s.files(user)
	return len(files), err
}

// Clear removes every message of a user. No session may be open.
func (s *Server) Clear(user string) error {
	files, err := s.files(user)
	if err != nil {
		return err
	}
	for _, path := range files {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) files(user string) ([]string, error) {
	var files []string
	for _, folder := range []string{"cur", "new"} {
		dir := filepath.Join(s.Maildir(user), folder)
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			files = append(files, filepath.Join(dir, entry.Name()))
		}
	}
	slices.SortFunc(files, func(a, b string) int {
		return strings.Compare(filepath.Base(a), filepath.Base(b))
	})
	return files, nil
}

func (s *Server) makeMaildir(user string) error {
	for _, c := range []byte(user) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(".-_@", c) >= 0) {
			return fmt.Errorf("user %q: only ASCII letters, digits and .-_@ can be in a name", user)
		}
	}
	if strings.Trim(user, ".") == "" {
		return fmt.Errorf("user %q: not a name for a folder", user)
	}
	home := s.path("mail", user)
	for _, folder := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(home, "Maildir", folder), 0o755); err != nil {
			return err
		}
	}
	return filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return s.own(path)
	})
}

// own gives a file to the user that Dovecot serves mail as.
func (s *Server) own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, s.owner.uid, s.owner.gid)
}
