package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/dovecottest"
)

// The benchmarks of the whole program: `attachd run --once` as a user starts it,
// process start, login and durable delivery included, against a real Dovecot. Each
// is measured beside peers or limits in turns, round by round, so that what the
// machine does meanwhile hits all of them, and reported as a ratio of medians.

const benchRounds = 5

// BenchmarkLargeMessages fetches and extracts 400 messages of about 1.4 MB.
func BenchmarkLargeMessages(b *testing.B) { benchmarkMailbox(b, 400, 1_400_000) }

// BenchmarkSmallMessages fetches and extracts 5,000 messages of about 8 KB.
func BenchmarkSmallMessages(b *testing.B) { benchmarkMailbox(b, 5_000, 8_000) }

// benchmarkMailbox works through a mailbox beside mpop, which fetches the messages
// and syncs each too, without extracting; and beside two limits, draining the same
// mailbox over TLS and writing, syncing and renaming as many files of the
// attachments' sizes one by one.
func benchmarkMailbox(b *testing.B, n int, size int64) {
	box := newMailbox(b, n, size)
	attachd, mpop := newAttachd(b, box), newMpop(b, box)
	drain := &runner{name: "draining", run: func(string) error { return box.drain() }}
	files := &runner{name: "writing files", run: box.writeFiles}
	for b.Loop() {
		times := measure(b, attachd, drain, files, mpop)
		report(b, times, "x-mpop", attachd, mpop)
		limit := drain
		if median(times[files]) > median(times[drain]) {
			limit = files
		}
		report(b, times, "of-longer-limit", attachd, limit)
	}
}

// BenchmarkHugeAttachment extracts one attachment of 1 GiB, and reports the most
// memory that the program had resident.
func BenchmarkHugeAttachment(b *testing.B) {
	const size, limit = 1 << 30, 64
	box := newMailbox(b, 0, 0)
	sum := sha256.New()
	err := box.server.AppendStream("u0", func(w io.Writer) error {
		return box.write(w, sum, 0, size)
	})
	if err != nil {
		b.Fatal(err)
	}
	attachd := newAttachd(b, box)
	b.SetBytes(size)
	for b.Loop() {
		dir := b.TempDir()
		if err := attachd.run(dir); err != nil {
			b.Fatal(err)
		}
		if got := fileSum(b, filepath.Join(dir, "out", "u0", attachmentName(0))); !bytes.Equal(got, sum.Sum(nil)) {
			b.Fatalf("attachment came out with digest %x, want %x", got, sum.Sum(nil))
		}
		// Linux counts in KiB. What a process had in memory when it started the
		// program counts too, so this is an upper bound.
		resident := float64(attachd.usage.Maxrss) / 1024
		if runtime.GOOS == "darwin" {
			resident /= 1024
		}
		b.Logf("resident at most %.1f MiB, allowed %d", resident, limit)
		b.ReportMetric(resident, "peak-MiB")
		b.ReportMetric(resident/limit, "of-allowed-memory")
	}
}

// runner is one of those whose times are compared.
type runner struct {
	name string
	// prepare, unless it is nil, is called before each run, whose time it is not part of.
	prepare func() error
	run     func(dir string) error // does it all, leaving its files in dir
	check   func(dir string) error // says whether it has done its work; nil: nothing to see
	usage   *syscall.Rusage        // of the last run, where it is a program
}

// measure lets the runners run in turns, once to warm up and then benchRounds
// times, and returns their times.
func measure(b *testing.B, runners ...*runner) map[*runner][]time.Duration {
	b.Helper()
	times := make(map[*runner][]time.Duration)
	for round := range 1 + benchRounds {
		for i := range runners {
			// Another one comes first each time.
			r := runners[(round+i)%len(runners)]
			dir, err := benchFolder.sub()
			if err != nil {
				b.Fatal(err)
			}
			if r.prepare != nil {
				if err := r.prepare(); err != nil {
					b.Fatal(err)
				}
			}
			syscall.Sync() // what the one before left to the disk is not this one's
			start := time.Now()
			if err := r.run(dir); err != nil {
				b.Fatalf("%s: %v", r.name, err)
			}
			took := time.Since(start)
			if r.check != nil {
				if err := r.check(dir); err != nil {
					b.Fatalf("%s: %v", r.name, err)
				}
			}
			if round > 0 {
				times[r] = append(times[r], took)
			}
			if err := empty(dir); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, r := range runners {
		b.Logf("%-14s median %v of %v", r.name, round(median(times[r])), times[r])
	}
	return times
}

// benchFolder is where the runs leave their files. They are emptied after each run and removed
// when all benchmarks have ended: for minutes, ext4 passes over the inodes of removed files one
// by one whenever it makes another, so that each run would be slower than the one before.
var benchFolder folderToTheEnd

// folderToTheEnd is a folder that is there from its first use to the end of the process.
type folderToTheEnd struct{ path string }

func (f *folderToTheEnd) sub() (string, error) {
	if f.path == "" {
		path, err := os.MkdirTemp("", "attachd-bench-")
		if err != nil {
			return "", err
		}
		f.path = path
	}
	return os.MkdirTemp(f.path, "")
}

func (f *folderToTheEnd) remove() error { return os.RemoveAll(f.path) }

// empty takes from the files in a folder what they hold.
func empty(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			err = os.Truncate(path, 0)
		}
		return err
	})
}

func report(b *testing.B, times map[*runner][]time.Duration, unit string, r, peer *runner) {
	b.Helper()
	ours, theirs := median(times[r]), median(times[peer])
	b.Logf("%s takes %.2f of the time of %s", r.name, float64(ours)/float64(theirs), peer.name)
	b.ReportMetric(float64(ours)/float64(theirs), unit)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// newAttachd is the program as a user has it, built for the purpose.
func newAttachd(b *testing.B, box *mailbox) *runner {
	b.Helper()
	return newAttachdAt(b, box, box.server.Addr())
}

// newAttachdAt reaches the server by another address.
func newAttachdAt(b *testing.B, box *mailbox, addr string) *runner {
	b.Helper()
	path := filepath.Join(b.TempDir(), "attachd")
	build := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		b.Fatal(err)
	}
	after := "keep"
	if box.emptied {
		after = "delete"
	}
	config := fmt.Sprintf("output: out\nstate: state.db\ndefaults: {host: %s, port: %s, after: %s, tls: {ca_file: %s}}\naccounts:\n", host, port, after, box.server.CertFile())
	for _, user := range box.users {
		config += fmt.Sprintf("  - {name: %[1]s, username: %[1]s, password: pw0}\n", user)
	}
	r := &runner{name: "attachd", prepare: box.fill}
	r.run = func(dir string) error {
		file := filepath.Join(dir, "attachd.yaml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			return err
		}
		cmd := exec.Command(path, "run", "--once", "--log-level", "warn", "--config", file)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		r.usage = cmd.ProcessState.SysUsage().(*syscall.Rusage)
		return nil
	}
	r.check = func(dir string) error {
		for _, user := range box.users {
			if err := holds(filepath.Join(dir, "out", user), len(box.sizes), box.attachments()); err != nil {
				return err
			}
		}
		return box.isLeft(box.users...)
	}
	return r
}

// newMpop is Debian's mpop, with the settings that it is fastest with. Without it
// the benchmark is skipped.
func newMpop(b *testing.B, box *mailbox) *runner {
	b.Helper()
	return newMpopAt(b, box, box.server.Addr())
}

// newMpopAt reaches the server by another address.
func newMpopAt(b *testing.B, box *mailbox, addr string) *runner {
	b.Helper()
	path, err := exec.LookPath("mpop")
	if err != nil {
		b.Skip("mpop is not installed; on Debian and Ubuntu: apt-get install mpop (make bench does it)")
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		b.Fatal(err)
	}
	keep := "on"
	if box.emptied {
		keep = "off"
	}
	return &runner{
		name:    "mpop",
		prepare: box.fill,
		run: func(dir string) error {
			maildir := filepath.Join(dir, "Maildir")
			for _, sub := range []string{"cur", "new", "tmp"} {
				if err := os.MkdirAll(filepath.Join(maildir, sub), 0o700); err != nil {
					return err
				}
			}
			// APOP is not for Dovecot: mpop refuses a timestamp with a slash in it.
			config := fmt.Sprintf(`account bench
host 127.0.0.1
port %s
tls on
tls_starttls off
tls_trust_file %s
auth user
user u0
password pw0
keep %s
received_header off
delivery maildir %s
uidls_file %s
`, port, box.server.CertFile(), keep, maildir, filepath.Join(dir, "uidls"))
			file := filepath.Join(dir, "mpoprc")
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				return err
			}
			out, err := exec.Command(path, "--quiet", "--file="+file, "bench").CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			return nil
		},
		check: func(dir string) error {
			if err := holds(filepath.Join(dir, "Maildir", "new"), len(box.sizes), -1); err != nil {
				return err
			}
			return box.isLeft("u0")
		},
	}
}

// holds says whether a folder has that many files, of that many bytes altogether
// unless that is negative. Hidden folders do not count.
func holds(dir string, files int, size int64) error {
	var n int
	var sum int64
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if path != dir && entry.Name()[0] == '.' {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		n, sum = n+1, sum+info.Size()
		return nil
	})
	if err == nil && (n != files || size >= 0 && sum != size) {
		err = fmt.Errorf("%d files of %d bytes in %s, want %d of %d", n, sum, dir, files, size)
	}
	return err
}

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
