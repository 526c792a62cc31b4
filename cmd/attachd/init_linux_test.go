package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/cmd/attachd/apptest"
)

// terminal is a program with a terminal of its own.
type terminal struct {
	t     *testing.T
	cmd   *exec.Cmd
	side  *os.File // where the person sits
	shown chan string
	all   string // what was shown so far
	seen  int    // how much of that was looked at
}

// startOnTerminal starts a program on a new pseudo-terminal.
func startOnTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	side, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	var number uint32
	var unlock int32
	for request, value := range map[uintptr]unsafe.Pointer{unix.TIOCGPTN: unsafe.Pointer(&number), unix.TIOCSPTLCK: unsafe.Pointer(&unlock)} {
		if _, _, code := syscall.Syscall(syscall.SYS_IOCTL, side.Fd(), request, uintptr(value)); code != 0 {
			t.Fatal(code)
		}
	}
	other, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = other, other, other
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = other.Close()
	p := &terminal{t: t, cmd: cmd, side: side, shown: make(chan string)}
	go func() {
		defer close(p.shown)
		buffer := make([]byte, 4096)
		for {
			n, err := side.Read(buffer)
			if n > 0 {
				p.shown <- string(buffer[:n])
			}
			if err != nil { // EIO, once the program has ended
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range p.shown {
		}
		_ = side.Close()
	})
	return p
}

// expect waits until the terminal shows a text that it did not show before.
func (p *terminal) expect(text string) {
	p.t.Helper()
	patience := time.After(time.Minute)
	for {
		if at := strings.Index(p.all[p.seen:], text); at >= 0 {
			p.seen += at + len(text)
			return
		}
		select {
		case more, ok := <-p.shown:
			if !ok {
				p.t.Fatalf("the program ended without %q:\n%s", text, p.all)
			}
			p.all += more
		case <-patience:
			p.t.Fatalf("%q did not come in time:\n%s", text, p.all)
		}
	}
}

// enter types a text.
func (p *terminal) enter(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.side, keys); err != nil {
		p.t.Fatal(err)
	}
}

// end waits until the program has ended, and returns its exit code.
func (p *terminal) end() int {
	for more := range p.shown {
		p.all += more
	}
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// TestInitOnTerminal: on a terminal and against each server, from an empty folder to the first
// file. The password is not shown, with all the keys of a terminal.
func TestInitOnTerminal(t *testing.T) {
	t.Parallel()
	for name, start := range apptest.Servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, apptest.Notes(3))
			dir := t.TempDir()
			ca := filepath.Join(dir, "ca.pem")
			if err := os.WriteFile(ca, server.Certificate, 0o600); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "conf", "attachd.yaml")
			p := startOnTerminal(t, program(t, "init", "--config", file, "--host", server.Addr, "--ca-file", ca, "--username", "u0"))
			p.expect("Mail address: ")
			p.enter("u0@example.org\r")
			p.expect("Password of u0 (not shown): ")
			p.enter("pwx\x7f0\r") // a slip, taken back
			p.expect("The login works. 3 messages")
			p.expect("Folder for the files [attachments]: ")
			p.enter("\r")
			p.expect("[all]: ")
			p.enter("\r")
			p.expect("Keep or delete [keep]: ")
			p.enter("d\r")
			p.expect("[30d]: ")
			p.enter("0\r")
			p.expect("Fetch the mail that is there now [yes]: ")
			p.enter("y\r")
			p.expect("3 files came into ")
			if code := p.end(); code != exitOK {
				t.Errorf("exit code %d", code)
			}
			if regexp.MustCompile(`pw[x0]`).MatchString(p.all) {
				t.Errorf("the password was shown:\n%s", p.all)
			}
			apptest.CheckNotes(t, filepath.Join(dir, "conf", "attachments", "u0"), 3)
			if left := server.Left(); left != 0 {
				t.Errorf("%d messages were left, with after: delete", left)
			}
		})
	}
}

// TestInitInterrupted: Ctrl-C at any question ends it with a word, and leaves neither files nor a
// terminal that shows nothing.
func TestInitInterrupted(t *testing.T) {
	t.Parallel()
	server := apptest.StartPop3test(t, apptest.Notes(1))
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, server.Certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	answers := []struct{ question, answer string }{
		{"Mail address: ", "u0@example.org\r"},
		{"(not shown): ", "pw0\r"},
		{"Folder for the files", "\r"},
		{"[all]: ", "\r"},
		{"Keep or delete", "\r"},
	}
	for at := range answers {
		folder := filepath.Join(dir, fmt.Sprint(at))
		p := startOnTerminal(t, program(t, "init", "--config", filepath.Join(folder, "attachd.yaml"), "--host", server.Addr, "--ca-file", ca, "--username", "u0"))
		before := flags(t, p.side)
		for _, a := range answers[:at] {
			p.expect(a.question)
			p.enter(a.answer)
		}
		p.expect(answers[at].question)
		p.enter("\x03")
		p.expect("nothing was written")
		if after := flags(t, p.side); after != before {
			t.Errorf("question %d: the terminal's flags are %x, and were %x", at, after, before)
		}
		if code := p.end(); code != exitFailure {
			t.Errorf("question %d: exit code %d", at, code)
		}
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			t.Errorf("question %d: something stays: %v", at, err)
		}
	}
}

// TestInitInterruptedAtTheEnd: at the question for the first fetch all is set up, and Ctrl-C is no
// failure.
func TestInitInterruptedAtTheEnd(t *testing.T) {
	t.Parallel()
	server := apptest.StartPop3test(t, apptest.Notes(1))
	dir := filepath.Join(t.TempDir(), "with space")
	ca, file := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "attachd.yaml")
	for _, err := range []error{os.Mkdir(dir, 0o700), os.WriteFile(ca, server.Certificate, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := startOnTerminal(t, program(t, "init", "--config", file, "--host", server.Addr, "--ca-file", ca, "--username", "u0", "--address", "u0@example.org", "--start", "all", "--keep", "--output", "files"))
	p.expect("(not shown): ")
	p.enter("pw0\r")
	p.expect("Fetch the mail that is there now [yes]: ")
	p.enter("\x03")
	p.expect("Attachd is set up.")
	p.expect("Next: attachd run --config '" + file + "'")
	if code := p.end(); code != exitOK || strings.Contains(p.all, "canceled") {
		t.Errorf("exit code %d\n%s", code, p.all)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// TestInitKilledAtPassword: a signal that ends it while nothing is shown leaves a terminal that
// shows what is typed.
func TestInitKilledAtPassword(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			t.Logf("%v is ignored, as under nohup, and so by the programs that are started here", sig)
			continue
		}
		p := startOnTerminal(t, program(t, "init", "--config", filepath.Join(t.TempDir(), "attachd.yaml"), "--host", "localhost", "--address", "u0@example.org"))
		before := flags(t, p.side)
		p.expect("(not shown): ")
		if flags(t, p.side) == before {
			t.Error("the terminal shows the password")
		}
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		code := p.end()
		if after := flags(t, p.side); after != before || code == exitOK {
			t.Errorf("%v: exit code %d, the terminal's flags are %x, and were %x", sig, code, after, before)
		}
	}
}

// TestInitForAnotherUser: root does not fetch into the folders of another user.
func TestInitForAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can write for another user")
	}
	const nobody = 65534
	server := apptest.StartPop3test(t, apptest.Notes(1))
	dir := t.TempDir()
	data, ca, file := filepath.Join(dir, "data"), filepath.Join(dir, "ca.pem"), filepath.Join(dir, "attachd.yaml")
	for _, err := range []error{os.WriteFile(ca, server.Certificate, 0o644), os.Mkdir(data, 0o700), os.Chown(data, nobody, nobody)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	flags := []string{"--yes", "--config", file, "--host", server.Addr, "--ca-file", ca, "--password-stdin"}
	run := func(password string, args ...string) string {
		cmd := program(t, append(args, flags...)...)
		cmd.Stdin = strings.NewReader(password)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	out := run("pw0\n", "init", "--run", "--username", "u0", "--address", "u0@example.org", "--output", filepath.Join(data, "files"), "--state", filepath.Join(data, "state.db"))
	for _, want := range []string{"Before it runs: ", "The mail is not fetched now, in spite of --run: the folders are for ", "Next, as "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if entries, err := os.ReadDir(data); err != nil || len(entries) > 0 {
		t.Errorf("root made %v there, %v", entries, err)
	}
	out = run("pw1\n", "account", "add", "--no-login", "--address", "u1@example.org", "--username", "u1")
	if !strings.Contains(out, "Before it runs: ") {
		t.Errorf("nothing is said of secrets that the daemon's user can't read:\n%s", out)
	}
}

// flags are the terminal's local modes.
func flags(t *testing.T, terminal *os.File) uint32 {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return modes.Lflag
}

// TestInitAsUser: somebody who is not root gets a configuration of their own, and the other
// commands find it.
func TestInitAsUser(t *testing.T) {
	const nobody = 65534 // for root
	t.Parallel()
	server := apptest.StartPop3test(t, apptest.Notes(2))
	dir, err := os.MkdirTemp("", "attachd-user")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home := filepath.Join(dir, "home")
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip(err)
	}
	copied := filepath.Join(dir, "attachd")
	for _, err := range []error{
		os.Chmod(dir, 0o755), os.Mkdir(home, 0o700), os.WriteFile(copied, self, 0o755),
		os.WriteFile(filepath.Join(dir, "ca.pem"), server.Certificate, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(home, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	attachd := func(stdin string, args ...string) string {
		t.Helper()
		cmd := program(t, args...)
		cmd.Path, cmd.Args[0], cmd.Dir = copied, copied, home
		cmd.Env = append(cmd.Env, "HOME="+home, "XDG_CONFIG_HOME=", "XDG_STATE_HOME=")
		cmd.Stdin = strings.NewReader(stdin)
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			t.Fatalf("attachd %s: %v\n%s", strings.Join(args, " "), err, out.String())
		}
		return out.String()
	}
	attachd("pw0\n", "init", "--yes", "--address", "u0@example.org", "--username", "u0", "--host", server.Addr, "--ca-file", filepath.Join(dir, "ca.pem"), "--password-stdin")
	attachd("", "run", "--once")
	apptest.CheckNotes(t, filepath.Join(home, "attachd", "u0"), 2)
	own := filepath.Join(home, ".config", "attachd", "attachd.yaml")
	if text := attachd("", "check"); !strings.Contains(text, own+": ok, 1 account") {
		t.Error(text)
	}
	if text := attachd("", "account", "disable", "u0"); !strings.Contains(text, "account u0: disabled") {
		t.Error(text)
	}
	if _, err := os.Stat(filepath.Join(home, ".local", "state", "attachd", "state.db")); err != nil {
		t.Error(err)
	}
}

// TestInitForService: what root writes below a folder of another group is for that group to read,
// as the daemon of a package is in it, and for nobody else.
func TestInitForService(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can write for another group")
	}
	const group = 65534
	server := apptest.StartPop3test(t, apptest.Notes(1))
	dir := t.TempDir()
	folder, ca := filepath.Join(dir, "etc"), filepath.Join(dir, "ca.pem")
	for _, err := range []error{os.WriteFile(ca, server.Certificate, 0o644), os.Mkdir(folder, 0o750), os.Chown(folder, 0, group)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(folder, "attachd.yaml")
	cmd := program(t, "init", "--yes", "--config", file, "--address", "u0@example.org", "--username", "u0", "--host", server.Addr, "--ca-file", ca, "--password-stdin")
	cmd.Stdin = strings.NewReader("pw0\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for path, mode := range map[string]os.FileMode{file: 0o640, filepath.Join(folder, "secrets"): 0o750, filepath.Join(folder, "secrets", "u0"): 0o640} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != mode || owner.Gid != group || owner.Uid != 0 {
			t.Errorf("%s has mode %#o, owner %d, group %d; want %#o, 0, %d", path, info.Mode().Perm(), owner.Uid, owner.Gid, mode, group)
		}
	}
}
