package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/attachd/attachd/fetcher/dovecottest"
)

// mailbox is a mailbox on a server, with one attachment in each message.
type mailbox struct {
	server *dovecottest.Server
	sizes  []int64 // of the attachments
	users  []string
	// emptied says that a run deletes what it fetches, messages what is there before each.
	emptied  bool
	messages [][]byte
}

// newMailboxes makes as many mailboxes, alike, that each run empties.
func newMailboxes(b *testing.B, users, n int, size int64) *mailbox {
	b.Helper()
	m := newMailbox(b, n, size)
	m.emptied = true
	for i := 1; i < users; i++ {
		m.users = append(m.users, fmt.Sprintf("u%d", i))
	}
	var err error
	if m.messages, err = m.server.Mailbox("u0"); err != nil {
		b.Fatal(err)
	}
	return m
}

// fill makes the mailboxes full again.
func (m *mailbox) fill() error {
	if !m.emptied {
		return nil
	}
	for _, user := range m.users {
		if err := errors.Join(m.server.Clear(user), m.server.Append(user, m.messages...)); err != nil {
			return err
		}
	}
	return nil
}

// isLeft says whether the mailboxes are as they should be after a run.
func (m *mailbox) isLeft(users ...string) error {
	want := len(m.sizes)
	if m.emptied {
		want = 0
	}
	for _, user := range users {
		if n, err := m.server.Count(user); err != nil || n != want {
			return fmt.Errorf("%d messages are left in the mailbox of %s, want %d: %w", n, user, want, err)
		}
	}
	return nil
}

// newMailbox makes a mailbox of n messages of about that size, from half to one
// and a half of it, the same in every run.
func newMailbox(b *testing.B, n int, size int64) *mailbox {
	b.Helper()
	users := make(map[string]string)
	for i := range 50 {
		users[fmt.Sprintf("u%d", i)] = "pw0"
	}
	box := &mailbox{users: []string{"u0"}, server: dovecottest.Start(b, dovecottest.Options{
		Users: users,
		// Or the server would rename each file that was fetched, as being seen.
		Settings: []string{"pop3_no_flag_updates = yes"},
	})}
	random := rand.New(rand.NewPCG(uint64(n), uint64(size)))
	for i := range n {
		// Base64 with its line ends makes 78 bytes of 57.
		attachment := (size/2 + random.Int64N(size)) * 57 / 78
		err := box.server.AppendStream("u0", func(w io.Writer) error {
			return box.write(w, nil, i, attachment)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return box
}

// write writes message i, with an attachment of that size, and its content to sum
// unless that is nil.
func (m *mailbox) write(w io.Writer, sum hash.Hash, i int, size int64) error {
	m.sizes = append(m.sizes, size)
	_, err := fmt.Fprintf(w, "From: Bench <bench@example.org>\r\nTo: u0@example.org\r\n"+
		"Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nSubject: Report %d\r\nMessage-ID: <%d@example.org>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b%d\"\r\n\r\n"+
		"--=_b%d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlease find the report attached.\r\n\r\n"+
		"--=_b%d\r\nContent-Type: application/octet-stream; name=\"%s\"\r\n"+
		"Content-Disposition: attachment; filename=\"%s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		i, i, i, i, i, attachmentName(i), attachmentName(i))
	if err != nil {
		return err
	}
	encoder := base64.NewEncoder(base64.StdEncoding, &lineWriter{w: w})
	content := io.Writer(encoder)
	if sum != nil {
		content = io.MultiWriter(encoder, sum)
	}
	if _, err := io.CopyN(content, rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}), size); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\r\n--=_b%d--\r\n", i)
	return err
}

func attachmentName(i int) string { return fmt.Sprintf("report-%d.bin", i) }

// lineWriter breaks what is written into lines of 76 characters.
type lineWriter struct {
	w   io.Writer
	len int
}

func (l *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if l.len == 76 {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return 0, err
			}
			l.len = 0
		}
		n := min(76-l.len, len(rest))
		if _, err := l.w.Write(rest[:n]); err != nil {
			return 0, err
		}
		l.len, rest = l.len+n, rest[n:]
	}
	return len(p), nil
}

func (m *mailbox) attachments() (sum int64) {
	for _, size := range m.sizes {
		sum += size
	}
	return sum
}

// drain logs in, asks for every message at once, and lets what comes go by: the
// least that any client has to wait for.
func (m *mailbox) drain() error {
	conn, err := tls.Dial("tcp", m.server.Addr(), &tls.Config{RootCAs: m.server.CertPool()})
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	for _, command := range []string{"", "USER u0\r\n", "PASS pw0\r\n", "STAT\r\n"} {
		if _, err := io.WriteString(conn, command); err != nil {
			return err
		}
		reply, err := in.ReadString('\n')
		if err != nil || reply[0] != '+' {
			return fmt.Errorf("%q: reply %q, %w", command, reply, err)
		}
	}
	go func() {
		out := bufio.NewWriter(conn)
		for n := range m.sizes {
			fmt.Fprintf(out, "RETR %d\r\n", n+1)
		}
		fmt.Fprint(out, "QUIT\r\n")
		out.Flush() // an error shows in what is read
	}()
	n, err := io.Copy(io.Discard, in)
	if least := m.attachments() * 4 / 3; n < least {
		return fmt.Errorf("got %d bytes, want more than %d: %w", n, least, err)
	}
	return nil
}

// writeFiles writes as many files as there are attachments, of the same sizes, and
// makes each durable before the next.
func (m *mailbox) writeFiles(dir string) error {
	content := make([]byte, slices.Max(m.sizes))
	for i, size := range m.sizes {
		temporary := filepath.Join(dir, fmt.Sprintf(".%d", i))
		f, err := os.Create(temporary)
		if err != nil {
			return err
		}
		_, err = f.Write(content[:size])
		if err == nil {
			err = f.Sync()
		}
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err == nil {
			err = os.Rename(temporary, filepath.Join(dir, attachmentName(i)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func fileSum(b *testing.B, path string) []byte {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		b.Fatal(err)
	}
	return sum.Sum(nil)
}
