package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/blake3"
)

// A result is what a contender did on a row.
type result struct {
	contender
	wall, cpu []time.Duration // of each round; cpu is user and system time with all children
	peak      int64           // bytes resident in its largest process; 0: unknown
	calls     int             // to the system; 0: unknown
	fsyncs    int
	wrong     string // what it lost or broke
	once      bool   // it is so slow that its only run counts
	failed    error  // it took part no longer
}

// slow is how long a run of a peer may take to be repeated.
const slow = 4 * time.Second

// patience is how long a run may take at all. A peer that takes longer has no figures.
const patience = 3 * time.Minute

var errTooSlow = fmt.Errorf("not done after %v", patience)

// compare lets the contenders do a task in turns, once to warm up and then in rounds. One that
// fails is left out from then on.
func compare(tb testing.TB, t task, all []contender, rounds int) []*result {
	tb.Helper()
	results := make([]*result, len(all))
	for i, c := range all {
		results[i] = &result{contender: c}
	}
	for round := range 1 + rounds {
		for i := range results {
			// Another one comes first each time.
			r := results[(round+i)%len(results)]
			if r.once || r.failed != nil {
				continue
			}
			var measured measurement
			measured, r.failed = r.run(t, "")
			if errors.Is(r.failed, errTooSlow) && r.needs != nil {
				tb.Logf("%s: %v", r.name, r.failed)
				continue
			}
			if r.failed != nil {
				tb.Errorf("%s: %v", r.name, r.failed)
				continue
			}
			r.once = round == 0 && !r.limit && r.needs != nil && measured.wall > slow
			if round > 0 || rounds == 0 || r.once {
				r.wall, r.cpu = append(r.wall, measured.wall), append(r.cpu, measured.cpu)
				r.peak = max(r.peak, measured.peak)
			}
		}
	}
	return results
}

// measurement is what one run cost.
type measurement struct {
	wall, cpu     time.Duration
	peak          int64
	calls, fsyncs int // under strace
}

// timed runs a command whose output goes to a file.
func timed(cmd *exec.Cmd, file string) (time.Duration, error) {
	output, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	syscall.Sync() // what the one before left to the disk is not this one's
	start := time.Now()
	err = cmd.Run()
	took := time.Since(start)
	if err != nil {
		said, _ := os.ReadFile(file)
		err = fmt.Errorf("%w\n%.4000s", err, said)
	}
	return took, err
}

// run is one run of a contender, under strace if that is given.
func (r *result) run(t task, strace string) (m measurement, err error) {
	dir, err := folderFor(t.row)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, empty(dir)) }()
	if t.remove && !r.offline {
		if err := t.fill(); err != nil {
			return m, err
		}
	}
	args, err := r.command(t, dir)
	if err != nil {
		return m, err
	}
	if t.memoryLimit > 0 {
		group, err := newMemoryGroup(t.memoryLimit)
		if err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, os.Remove(group)) }()
		args = inGroup(group, args)
	}
	memory, summary := filepath.Join(dir, "peak"), filepath.Join(dir, "calls")
	if strace != "" {
		args = slices.Concat([]string{strace, "-f", "-c", "-o", summary}, args)
	} else if gnuTime, err := exec.LookPath("time"); err == nil {
		args = slices.Concat([]string{gnuTime, "-q", "-o", memory, "-f", "%M"}, args)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with its children
	cmd.Dir, cmd.Env = dir, append(os.Environ(), r.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if r.notRoot && os.Geteuid() == 0 {
		if cmd.SysProcAttr.Credential, err = asNobody(dir); err != nil {
			return m, err
		}
	}
	if m.wall, err = timed(cmd, filepath.Join(dir, "output")); ctx.Err() != nil {
		return m, errTooSlow
	}
	if err != nil {
		return m, err
	}
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	m.peak = peak(memory, cmd.ProcessState.SysUsage().(*syscall.Rusage))
	wrong, err := r.faults(t, dir)
	if err == nil && strace != "" {
		m.calls, m.fsyncs, err = readSummary(summary)
	}
	r.wrong = cmp.Or(r.wrong, wrong) // of any run
	return m, err
}

// peak returns the memory of the largest process. A process counts what its parent had when it
// started it, which is much of ours and little of time(1)'s.
func peak(file string, usage *syscall.Rusage) int64 {
	if text, err := os.ReadFile(file); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			return n << 10
		}
	}
	return usage.Maxrss << 10
}

// asNobody gives a folder to a user without rights.
func asNobody(dir string) (*syscall.Credential, error) {
	const nobody = 65534
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, nobody, nobody))
	})
	return &syscall.Credential{Uid: nobody, Gid: nobody}, err
}

// faults says which attachments a run lost or broke, and whether it left on the server what it
// should. It fails if a contender that is exact left anything else.
func (r *result) faults(t task, dir string) (string, error) {
	var lost, sent, more int
	if r.files != "" {
		for account, want := range t.files {
			folder := filepath.Join(dir, strings.Replace(r.files, "%d", strconv.Itoa(account), 1))
			found, files, err := digests(folder)
			if err != nil {
				return "", err
			}
			for digest := range want {
				if found[digest] == 0 {
					lost++
				}
			}
			sent, more = sent+len(want), more+files-len(want)
		}
	}
	if lost > 0 {
		return fmt.Sprintf("%d of %d not as they were sent", lost, sent), nil
	}
	if r.exactly && more != 0 {
		return "", fmt.Errorf("%d files more than were sent", more)
	}
	if r.offline {
		return "", nil
	}
	return "", t.isLeft(t.remove)
}

// digests returns how often each content is in a folder. Hidden folders do not count.
func digests(dir string) (found map[sum]int, files int, err error) {
	found = make(map[sum]int)
	digest := blake3.New()
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != dir && entry.Name()[0] == '.':
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		digest.Reset()
		if _, err := io.Copy(digest, f); err != nil {
			return err
		}
		found[sum(digest.Sum(nil))]++
		files++
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // nothing was extracted
	}
	return found, files, err
}

// runFolder is where the runs leave their files. They are emptied after each run and removed when
// all benchmarks have ended: for minutes, ext4 passes over the inodes of removed files one by one
// whenever it makes another, so that each run would be slower than the one before.
var runFolder, ramFolder folderToTheEnd

const ramDisk = "/dev/shm"

// folderToTheEnd is a folder that is there from its first use to the end of the process.
type folderToTheEnd struct{ path string }

func folderFor(r row) (string, error) {
	if r.ramDisk {
		return ramFolder.sub(ramDisk)
	}
	return runFolder.sub("")
}

func (f *folderToTheEnd) sub(in string) (string, error) {
	if f.path == "" {
		path, err := os.MkdirTemp(in, "attachd-bench-")
		if err != nil {
			return "", err
		}
		if err := os.Chmod(path, 0o755); err != nil { // for programs that do not work as root
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
