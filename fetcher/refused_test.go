package fetcher

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
)

// The errors of a file system, by what they concern. An unknown one blames no message.
var (
	fileFaults = []syscall.Errno{
		syscall.EFBIG, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EILSEQ, syscall.EMLINK,
		syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.ELOOP,
	}
	diskFaults = []syscall.Errno{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.ENXIO, syscall.ESTALE, syscall.ENODEV, syscall.ENOENT,
		syscall.EACCES, syscall.EPERM, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EXDEV, syscall.EBUSY, syscall.Errno(4095),
	}
)

// TestFaultOf sorts the errors of a file system. What concerns one file says what to do.
func TestFaultOf(t *testing.T) {
	t.Parallel()
	for _, errno := range fileFaults {
		if fault, advice := delivery.FaultOf(fmt.Errorf("write staging file: %w", &fs.PathError{Op: "write", Path: "x", Err: errno})); fault != delivery.FileFault || advice == "" {
			t.Errorf("%v: %d, %q", errno, fault, advice)
		}
	}
	for _, errno := range diskFaults {
		if fault, advice := delivery.FaultOf(fmt.Errorf("write staging file: %w", errno)); fault != delivery.DiskFault || advice != "" {
			t.Errorf("%v: %d, %q", errno, fault, advice)
		}
	}
	for _, err := range []error{nil, errors.New("template: no such field")} {
		if fault, _ := delivery.FaultOf(err); fault != delivery.NoFault {
			t.Errorf("%v: %d", err, fault)
		}
	}
}

// TestFileRefused: a message with a file that the file system refuses holds up no other message, in
// the same poll already. After its attempts it goes to quarantine. If that refuses it, too, it
// stays on the server, and the reason and what to do are recorded.
func TestFileRefused(t *testing.T) {
	t.Parallel()
	for _, errno := range fileFaults {
		for _, raw := range []error{nil, &fs.PathError{Op: "write", Path: "staging", Err: errno}} {
			t.Run(fmt.Sprint(errno, " ", raw != nil), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, "one", "poison", "three")
				w.account.Attempts, w.account.Delete = 3, true
				w.start(t)
				now := time.Now()
				w.supervisor.now = func() time.Time { return now }
				w.sink.noRaw = raw
				w.sink.fail = func(s string) error {
					if s == "stage poison" {
						return &fs.PathError{Op: "write", Path: "staging", Err: errno}
					}
					return nil
				}
				_, advice := delivery.FaultOf(errno)
				for i, want := range []string{"delivered failed/1 delivered", "deleted failed/2 deleted"} {
					// No QUIT follows what was retrieved and not kept: the next poll deletes.
					if err := w.once(t); !errors.Is(err, poll.ErrNotKept) || !errors.Is(err, errno) || !strings.Contains(err.Error(), advice) {
						t.Errorf("attempt %d: error %v", i+1, err)
					}
					if err := w.once(t); err != nil {
						t.Errorf("not due: error %v", err)
					}
					if want = strings.ReplaceAll(want, "delivered", "deleted"); w.states(t, "uid-1", "uid-2", "uid-3") != want {
						t.Errorf("attempt %d: states %q, want %q", i+1, w.states(t, "uid-1", "uid-2", "uid-3"), want)
					}
					now = now.Add(retryMax)
				}
				err := w.once(t)
				want := "deleted quarantined/2 deleted"
				if raw != nil {
					want = "deleted failed/3 deleted"
				}
				if got := w.states(t, "uid-1", "uid-2", "uid-3"); got != want || (raw != nil) != errors.Is(err, poll.ErrNotKept) {
					t.Errorf("states %q, want %q; error %v", got, want, err)
				}
				if left := w.server.Mailbox("u0"); len(left) != 1 {
					t.Errorf("%d messages are left on the server, want the one", len(left))
				}
				reasons := ""
				if failures, err := w.ledger.Failures(t.Context(), "lab"); err == nil && len(failures) == 1 {
					reasons = failures[0].Reason
				} else if kept, err := w.ledger.Quarantined(t.Context(), "lab"); err == nil && len(kept) == 1 {
					reasons = kept[0].Reason
				}
				if !strings.Contains(reasons, errno.Error()) || !strings.Contains(reasons, advice) {
					t.Errorf("recorded reason: %q", reasons)
				}
			})
		}
	}
}

// TestTooManyFiles: whoever finds too many files open, the error of the poll says what to do, once.
func TestTooManyFiles(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		for _, cause := range []error{&fs.PathError{Op: "open", Path: "x", Err: errno}, fmt.Errorf("state: %w: %w", errno, ledger.ErrFileLimit)} {
			w := newWorld(t, "one")
			w.start(t)
			w.sink.fail = func(string) error { return cause }
			if err := w.once(t); !errors.Is(err, errno) || strings.Count(err.Error(), "raise the limit (LimitNOFILE= of systemd") != 1 {
				t.Errorf("error %v", err)
			}
		}
	}
}

// TestAllRefused: where a template sends all messages to one place that can't be, the poll ends
// before it has read the whole mailbox in vain.
func TestAllRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, numbered(50)...)
	w.start(t)
	w.sink.fail = func(s string) error {
		if strings.HasPrefix(s, "stage ") {
			return &fs.PathError{Op: "mkdir", Path: "one", Err: syscall.ENOTDIR}
		}
		return nil
	}
	if err := w.once(t); !errors.Is(err, syscall.ENOTDIR) || errors.Is(err, poll.ErrNotKept) {
		t.Errorf("error %v", err)
	}
	if failures, err := w.ledger.Failures(t.Context(), "lab"); err != nil || len(failures) > 5 {
		t.Errorf("%d messages were tried, error %v", len(failures), err)
	}
}
