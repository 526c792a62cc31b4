package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
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
