package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/extractor"
)

// The users and groups of the tests: attachd's, which is a member of the consumer's group, that
// consumer's, and a group that attachd does not belong to. None needs a name.
const (
	attachdID  = 4201
	consumerID = 4202
	strangerID = 4203
)

// roleEnv holds the child's task, as JSON.
const roleEnv = "ATTACHD_SINK_ROLE"

// role is what a child of a test does, as another user.
type role struct {
	Dir     string
	Options Options
	Umask   int
	Path    string // of each file, "" for its name
	Files   int    // to deliver; 0: read and remove all that is there
	Strict  bool   // the system refuses the setgid bit (RestrictSUIDSGID=yes)
	Kill    Step   // the process is killed before it
}

// run is the child.
func (r *role) run() error {
	unix.Umask(r.Umask)
	if r.Strict {
		if err := refuseSetgid(); err != nil {
			return err
		}
	}
	if r.Files == 0 {
		return readAndRemove(r.Dir)
	}
	if r.Kill != "" {
		r.Options.Hook = hookFunc(func(s Step, name string) error {
			if s == r.Kill && !hidden(name) && !isStagingID(name) && name != folderIDFile {
				_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			}
			return nil
		})
	}
	d, err := Open(r.Dir, r.Options)
	if err != nil {
		return err
	}
	defer d.Close()
	plan := Plan{Raw: RawAlways, Sidecar: func(*extractor.Message, *Staged) ([]byte, error) { return []byte("{}"), nil }}
	if r.Path != "" {
		plan.Path = func(_ *extractor.Message, a *extractor.Attachment) string { return r.Path + "/" + a.Name }
	}
	var files []attached
	for i := range r.Files {
		files = append(files, attached{fmt.Sprintf("%d.pdf", i), []byte("%PDF")})
	}
	ctx := context.Background()
	_, group, err := d.Stage(ctx, bytes.NewReader(mail(files...)), plan)
	if err != nil {
		return err
	}
	aside, err := d.StageRaw(ctx, strings.NewReader("raw"), ".quarantine", "m.eml")
	if err != nil {
		return err
	}
	group = append(group, aside)
	return errors.Join(d.Sync(ctx, group), d.Publish(ctx, group))
}

// readAndRemove does what a consumer does, and looks whether it gets into what is private.
func readAndRemove(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case strings.HasPrefix(e.Name(), "."):
			if _, err := os.ReadDir(path); err == nil {
				return fmt.Errorf("%s can be read", path)
			}
			return fs.SkipDir
		case err != nil:
			return err
		case e.IsDir():
			return nil
		}
		if _, err := os.ReadFile(path); err != nil {
			return err
		}
		return os.Remove(path)
	})
}

// refuseSetgid has the kernel refuse calls that set the bit, as systemd does.
func refuseSetgid() error {
	const setgid = unix.S_ISUID | unix.S_ISGID
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the call's number
	for _, call := range []struct{ number, mode uint32 }{{unix.SYS_FCHMOD, 1}, {unix.SYS_FCHMODAT, 2}, {unix.SYS_MKDIRAT, 2}} {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call.number, Jf: 3},
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16 + 8*call.mode}, // little-endian
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: setgid, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // the second call hands both on to the other threads
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	own, err := os.MkdirTemp("", "attachd-sink")
	if err != nil {
		return err
	}
	defer os.Remove(own)
	if err := os.Chmod(own, 0o700|fs.ModeSetgid); !errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("the filter lets the bit be set: %v", err)
	}
	return nil
}

// as runs a child as another user, in these groups, and returns what it said.
func as(t *testing.T, user int, r role, groups ...uint32) (string, error) {
	t.Helper()
	text, err := json.Marshal(r)
	check(t, err)
	child := exec.Command(binary(t))
	child.Env = append(os.Environ(), roleEnv+"="+string(text))
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user), Groups: groups}}
	out, err := child.CombinedOutput()
	return string(out), err
}

// binary is this program, where other users may run it.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(open755(t), "child")
	check(t, os.Link(os.Args[0], path)) // both are below the folder for temporary files
	return path
}

// open755 makes a folder that other users may enter.
func open755(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; strings.HasPrefix(at, filepath.Clean(os.TempDir())+"/"); at = filepath.Dir(at) {
		check(t, os.Chmod(at, 0o755))
	}
	return dir
}

// shared makes a folder for the users of the tests, which only root can.
func shared(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be two other users")
	}
	dir := open755(t)
	check(t, os.Chown(dir, attachdID, attachdID))
	return dir
}

// permissionsOf lists all that is below a folder, with mode and group.
func permissionsOf(t *testing.T, dir string) (all []string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		check(t, err)
		info, err := e.Info()
		check(t, err)
		name, _ := filepath.Rel(dir, path)
		if filepath.Dir(name) != defaultStaging {
			mode := fmt.Sprintf("%04o", info.Mode().Perm())
			if info.Mode()&fs.ModeSetgid != 0 {
				mode = "2" + mode[1:]
			}
			all = append(all, fmt.Sprintf("%s %s %d", name, mode, groupOf(info)))
		}
		return nil
	}))
	return all
}

// TestShared: whatever the umask is, and whatever calls a service is kept from, a consumer of the
// group reads and removes what is delivered, and gets into nothing that is private.
func TestShared(t *testing.T) {
	t.Parallel()
	files := func(mode string, group int, in string) (all []string) {
		for _, name := range []string{"0.pdf", "0.pdf.json", "files.eml", "files.eml.json"} {
			all = append(all, fmt.Sprintf("%s%s %s %d", in, name, mode, group))
		}
		return all
	}
	for name, c := range map[string]struct {
		above  fs.FileMode // of the folder that is there, 0 for none
		group  int         // of that
		role   role
		groups []uint32
		want   []string
		err    string
	}{
		"group": {
			role: role{Options: Options{FileMode: 0o660, DirMode: 0o770, Group: "4202"}, Path: "a/b", Umask: 0o77},
			want: slices.Concat([]string{". 0770 4202", ".quarantine 0700 4201", ".quarantine/m.eml 0660 4202", ".staging 0700 4201", "a 0770 4202", "a/b 0770 4202"}, files("0660", 4202, "a/b/")),
		},
		"group with setgid": {
			role: role{Options: Options{FileMode: 0o640, DirMode: 0o770 | fs.ModeSetgid, Group: "4202"}, Path: "a", Umask: 0o27},
			want: slices.Concat([]string{". 2770 4202", ".quarantine 2700 4202", ".quarantine/m.eml 0640 4202", ".staging 2700 4202", "a 2770 4202"}, files("0640", 4202, "a/")),
		},
		"setgid above": {
			above: 0o770 | fs.ModeSetgid, group: consumerID,
			role: role{Options: Options{FileMode: 0o660, DirMode: 0o770}, Path: "a/b", Umask: 0o77, Strict: true},
			want: slices.Concat([]string{". 2770 4202", ".quarantine 2700 4202", ".quarantine/m.eml 0660 4202", ".staging 2700 4202", "a 2770 4202", "a/b 2770 4202"}, files("0660", 4202, "a/b/")),
		},
		"setgid above, a stranger's group": { // which attachd may not give, and the kernel does
			above: 0o777 | fs.ModeSetgid, group: strangerID,
			role: role{Options: Options{FileMode: 0o664, DirMode: 0o775}, Path: "a", Umask: 0o77, Strict: true},
			want: slices.Concat([]string{". 2777 4203", ".quarantine 2700 4203", ".quarantine/m.eml 0664 4203", ".staging 2700 4203", "a 2775 4203"}, files("0664", 4203, "a/")),
		},
		"group and setgid above": {
			above: 0o770 | fs.ModeSetgid, group: consumerID,
			role: role{Options: Options{FileMode: 0o660, DirMode: 0o770 | fs.ModeSetgid, Group: "4202"}, Path: "a", Umask: 0o77, Strict: true},
			want: slices.Concat([]string{". 2770 4202", ".quarantine 2700 4202", ".quarantine/m.eml 0660 4202", ".staging 2700 4202", "a 2770 4202"}, files("0660", 4202, "a/")),
		},
		"setgid refused": {
			above: 0o770, group: consumerID,
			role: role{Options: Options{FileMode: 0o660, DirMode: 0o770 | fs.ModeSetgid, Group: "4202"}, Path: "a", Umask: 0o77, Strict: true},
			err:  "RestrictSUIDSGID=yes): set it on the folder above (chmod g+s '",
		},
		"no member": {
			role: role{Options: Options{FileMode: 0o660, DirMode: 0o770, Group: "4203"}, Umask: 0o77},
			err:  "operation not permitted: make this user a member of the group (usermod -aG 4203 USER)",
		},
		"folder of an operator": { // which stays as it is
			above: 0o750, group: attachdID,
			role: role{Options: Options{FileMode: 0o660, DirMode: 0o770, Group: "4202"}, Umask: 0o77},
			want: slices.Concat([]string{". 0750 4201", ".quarantine 0700 4201", ".quarantine/m.eml 0660 4202", ".staging 0700 4201"}, files("0660", 4202, "")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(shared(t), "hans")
			if c.above != 0 {
				check(t, os.Mkdir(dir, 0o700))
				check(t, os.Chown(dir, attachdID, c.group))
				check(t, os.Chmod(dir, c.above))
			}
			c.role.Dir, c.role.Files = dir, 1
			out, err := as(t, attachdID, c.role, consumerID)
			if c.err != "" {
				if err == nil || !strings.Contains(out, c.err) {
					t.Fatalf("%v: %s, want %q", err, out, c.err)
				}
				if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a folder is left: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			slices.Sort(c.want)
			got := permissionsOf(t, dir)
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("permissions differ (-want +got):\n%s", diff)
			}
			if strings.HasPrefix(name, "folder of") || strings.Contains(name, "stranger") {
				return
			}
			if out, err := as(t, consumerID, role{Dir: dir}); err != nil {
				t.Errorf("the consumer: %v: %s", err, out)
			}
			if left := names(t, dir); slices.ContainsFunc(left, func(name string) bool { return strings.Contains(name, "pdf") }) {
				t.Errorf("the consumer left %q", left)
			}
		})
	}
}

// TestInheritLate: the folder was given to others when attachd had been there before.
func TestInheritLate(t *testing.T) {
	t.Parallel()
	dir := shared(t)
	r := role{Dir: dir, Options: Options{FileMode: 0o660}, Files: 1, Umask: 0o27}
	if out, err := as(t, attachdID, r, consumerID); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	check(t, os.Chown(dir, attachdID, consumerID))
	check(t, os.Chmod(dir, 0o770|fs.ModeSetgid))
	check(t, os.Chmod(filepath.Join(dir, ".quarantine"), 0o750)) // as earlier versions made it
	r.Files = 2
	if out, err := as(t, attachdID, r, consumerID); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := permissionsOf(t, dir)
	for _, want := range []string{"0.pdf 0660 4201", "1.pdf 0660 4202", "1.pdf.json 0660 4202", ".quarantine 0700 4201", ".quarantine/m.eml 0660 4201", ".quarantine/m-2.eml 0660 4201"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// TestKilledFolder kills the process between the making of a folder and its permissions: the next
// run finishes it. What an operator made stays.
func TestKilledFolder(t *testing.T) {
	t.Parallel()
	for _, step := range []Step{StepChown, StepChmod} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			dir := shared(t)
			check(t, os.Mkdir(filepath.Join(dir, "mine"), 0o700))
			check(t, os.Chown(filepath.Join(dir, "mine"), attachdID, attachdID))
			r := role{Dir: dir, Options: Options{FileMode: 0o660, DirMode: 0o770, Group: "4202"}, Files: 1, Path: "a/b", Umask: 0o27}
			r.Kill = step
			for n := range 3 { // above, and below
				out, err := as(t, attachdID, r, consumerID)
				if err == nil || !strings.Contains(err.Error(), "killed") {
					t.Fatalf("%d: %v: %s", n, err, out)
				}
				if n == 0 {
					if got := permissionsOf(t, dir); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "a 0700") }) {
						t.Fatalf("no folder is unfinished: %q", got)
					}
				}
			}
			r.Kill = ""
			if out, err := as(t, attachdID, r, consumerID); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r.Path = "mine"
			if out, err := as(t, attachdID, r, consumerID); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got := permissionsOf(t, dir)
			for _, want := range []string{"a 0770 4202", "a/b 0770 4202", "a/b/0.pdf 0660 4202", "mine 0700 4201", "mine/0.pdf 0660 4202"} {
				if !slices.Contains(got, want) {
					t.Errorf("%s is missing in\n%s", want, strings.Join(got, "\n"))
				}
			}
		})
	}
}

// TestHiddenUsers: in a user namespace that knows attachd alone (PrivateUsers=yes), a folder with
// setgid hands its group on, and a group that is asked for is refused with the reason.
func TestHiddenUsers(t *testing.T) {
	t.Parallel()
	dir := shared(t)
	check(t, os.Chown(dir, attachdID, consumerID))
	check(t, os.Chmod(dir, 0o770|fs.ModeSetgid))
	r := role{Dir: dir, Options: Options{FileMode: 0o660, DirMode: 0o770}, Files: 1, Path: "a", Umask: 0o27, Strict: true}
	if out, err := hiddenUsers(t, r); err != nil {
		if strings.Contains(out, "unshare") || strings.Contains(out, "fork/exec") {
			t.Skipf("no user namespace: %v: %s", err, out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	got := permissionsOf(t, dir)
	for _, want := range []string{"a 2770 4202", "a/0.pdf 0660 4202"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if out, err := as(t, consumerID, role{Dir: dir}); err != nil {
		t.Errorf("the consumer: %v: %s", err, out)
	}
	check(t, os.Chmod(dir, 0o770))
	r.Options.Group = "4202"
	if out, err := hiddenUsers(t, r); err == nil || !strings.Contains(out, "the unit needs PrivateUsers=no") {
		t.Errorf("%v: %s", err, out)
	}
}

// hiddenUsers is as for attachd's user, in a namespace that knows no other one.
func hiddenUsers(t *testing.T, r role) (string, error) {
	t.Helper()
	text, err := json.Marshal(r)
	check(t, err)
	child := exec.Command("unshare", "--user", fmt.Sprintf("--map-user=%d", attachdID), fmt.Sprintf("--map-group=%d", attachdID), binary(t))
	child.Env = append(os.Environ(), roleEnv+"="+string(text))
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: attachdID, Gid: attachdID, Groups: []uint32{consumerID}}}
	out, err := child.CombinedOutput()
	return string(out), err
}

// TestPermissionFaults fails each step that gives permissions: the error comes out and names the
// folder, nothing half stands, and another attempt succeeds.
func TestPermissionFaults(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give any group")
	}
	for _, step := range []Step{StepMkdir, StepChown, StepChmod} {
		for nth := 1; nth <= 3; nth++ {
			t.Run(fmt.Sprintf("%s/%d", step, nth), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				ops := &operations{}
				d := open1(t, dir, Options{Hook: ops, Group: "4202", FileMode: 0o666, DirMode: 0o707})
				seen := 0
				ops.fail = func(got Step, _ string) error {
					if got == step {
						if seen++; seen == nth {
							return syscall.EIO
						}
					}
					return nil
				}
				plan := Plan{Path: func(_ *extractor.Message, a *extractor.Attachment) string { return "x/y/" + a.Name }}
				message := mail(attached{"a", []byte("1")}, attached{"b", []byte("2")})
				_, _, err := d.Stage(t.Context(), bytes.NewReader(message), plan)
				if seen < nth {
					t.Skipf("the step is done %d times", seen)
				}
				if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), dir) && step != StepMkdir {
					t.Fatalf("error %v, want EIO and the path", err)
				}
				if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
					t.Errorf("left in the staging folder: %v", got)
				}
				_, group, err := d.Stage(t.Context(), bytes.NewReader(message), plan)
				check(t, err)
				deliver(t, d, group)
				want := []string{". 0", ".staging 0700 0", "x 0707 4202", "x/y 0707 4202", "x/y/a 0666 4202", "x/y/b 0666 4202"}
				got := permissionsOf(t, dir)
				got[0] = ". 0"
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("permissions differ (-want +got):\n%s", diff)
				}
			})
		}
	}
}
