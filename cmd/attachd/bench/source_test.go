package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/relaytest"
	"github.com/attachd/attachd/fetcher/dovecottest"
)

// password is that of every account.
const password = "pw0"

func accountName(i int) string { return fmt.Sprintf("u%d", i) }

// A server holds the mailboxes of a row.
type server interface {
	addr() string
	certFile() string // the authority to trust
	// add puts a message into a mailbox, in its turn.
	add(account int, write func(io.Writer) error) error
	// fill makes all mailboxes full again, after a run that deleted.
	fill() error
	count(account int) (int, error)
}

// A source is a server with the mail of a row, and what is to become of it.
type source struct {
	server
	mail  [][]mail       // of each account
	files []map[sum]mail // of each account
	sizes []int64        // of all messages of each account on the line
	reach string         // the address for clients; a relay's where the row has one
}

// newSource fills the mailboxes of a row.
func newSource(tb testing.TB, r row) *source {
	tb.Helper()
	s := &source{}
	switch {
	case r.extract:
		s.server = &messageFile{path: filepath.Join(tb.TempDir(), "mail.eml")}
	case r.memory:
		s.server = newMemoryServer(tb, r)
	default:
		s.server = newDovecot(tb, r.accounts)
	}
	s.reach = s.addr()
	if r.oneWay > 0 {
		s.reach = relaytest.Start(tb, s.addr(), r.oneWay, nil)
	}
	for account := range r.accounts {
		all := mailFor(account, r.messages, r.size)
		if r.exact {
			all[0].size = r.size
		}
		files := make(map[sum]mail, len(all))
		s.sizes = append(s.sizes, 0)
		for _, m := range all {
			err := s.add(account, func(w io.Writer) error {
				counted := &countWriter{w: w}
				digest, err := m.write(counted)
				files[digest] = m
				s.sizes[account] += counted.n
				return err
			})
			if err != nil {
				tb.Fatal(err)
			}
		}
		s.mail, s.files = append(s.mail, all), append(s.files, files)
	}
	return s
}

// octets are those of all messages of all accounts.
func (s *source) octets() (all int64) {
	for _, size := range s.sizes {
		all += size
	}
	return all
}

// isLeft says whether the mailboxes are as they should be after a run.
func (s *source) isLeft(deleted bool) error {
	for account, all := range s.mail {
		want := len(all)
		if deleted {
			want = 0
		}
		if n, err := s.count(account); err != nil {
			return err
		} else if n != want {
			return fmt.Errorf("%d messages are left in the mailbox of %s, want %d", n, accountName(account), want)
		}
	}
	return nil
}

type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// dovecot is a real server.
type dovecot struct {
	*dovecottest.Server
	accounts int
	kept     [][][]byte // messages of each account, read when they are first filled again
}

func newDovecot(tb testing.TB, accounts int) *dovecot {
	tb.Helper()
	users := make(map[string]string)
	for i := range accounts {
		users[accountName(i)] = password
	}
	return &dovecot{accounts: accounts, Server: dovecottest.Start(tb, dovecottest.Options{
		Users: users,
		// Or the server would rename each file that was fetched, as being seen.
		Settings: []string{"pop3_no_flag_updates = yes"},
	})}
}

func (d *dovecot) addr() string     { return d.Addr() }
func (d *dovecot) certFile() string { return d.CertFile() }

func (d *dovecot) add(account int, write func(io.Writer) error) error {
	return d.AppendStream(accountName(account), write)
}

func (d *dovecot) count(account int) (int, error) { return d.Count(accountName(account)) }

func (d *dovecot) fill() error {
	for account := range d.accounts {
		user := accountName(account)
		if len(d.kept) <= account {
			all, err := d.Mailbox(user)
			if err != nil {
				return err
			}
			d.kept = append(d.kept, all)
		}
		if err := d.Clear(user); err != nil {
			return err
		}
		if err := d.Append(user, d.kept[account]...); err != nil {
			return err
		}
	}
	return nil
}

// memoryServer is a [memory] that listens.
type memoryServer struct {
	*memory
	file string
}

func newMemoryServer(tb testing.TB, r row) *memoryServer {
	tb.Helper()
	dir, err := runFolder.sub("")
	if err == nil {
		err = os.Chmod(dir, 0o755) // for programs that do not work as root
	}
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(dir, "cert.pem")
	m, err := listenMemory(r, file)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.close)
	return &memoryServer{m, file}
}

func (m *memoryServer) addr() string     { return m.listener.Addr().String() }
func (m *memoryServer) certFile() string { return m.file }

func (m *memoryServer) add(account int, write func(io.Writer) error) error {
	var raw bytes.Buffer
	if err := write(&raw); err != nil {
		return err
	}
	m.put(account, raw.Bytes())
	return nil
}

// messageFile is no server: it has one message, in a file.
type messageFile struct{ path string }

func (m *messageFile) addr() string           { return "" }
func (m *messageFile) certFile() string       { return "" }
func (m *messageFile) fill() error            { return nil }
func (m *messageFile) count(int) (int, error) { return 1, nil }

func (m *messageFile) add(_ int, write func(io.Writer) error) error {
	f, err := os.Create(m.path)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(write(out), out.Flush())
}
