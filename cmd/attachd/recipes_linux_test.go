package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/cmd/attachd/apptest"
)

// consumeMask is what a consumer waits for, and what would tell that it sees too much.
const consumeMask = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MODIFY | unix.IN_CREATE

// consumer takes files away as paperless does: it watches a folder by inotify, and takes a file
// when it is told that the file was closed or moved there.
type consumer struct {
	t         *testing.T
	recursive bool
	want      map[[32]byte]string

	folder string
	events *os.File
	fd     int
	over   chan struct{} // closed with the last event
	done   sync.WaitGroup

	folders map[uint32]string // owned by the goroutine, as is all that follows: by watch
	taken   map[[32]byte]int
}

// lastFolder is made last.
const lastFolder = "all is over"

// startConsumer watches a folder, and with recursive those below it.
func startConsumer(t *testing.T, folder string, recursive bool, want map[[32]byte]string) *consumer {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	c := &consumer{t: t, recursive: recursive, want: want, folder: folder, over: make(chan struct{}), fd: fd, events: os.NewFile(uintptr(fd), "inotify"), folders: make(map[uint32]string), taken: make(map[[32]byte]int)}
	c.watch(folder)
	c.done.Go(c.run)
	return c
}

func (c *consumer) watch(folder string) {
	wd, err := unix.InotifyAddWatch(c.fd, folder, consumeMask)
	if err != nil {
		c.t.Errorf("watch %s: %v", folder, err)
		return
	}
	c.folders[uint32(wd)] = folder
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if e.IsDir() && c.recursive {
			c.watch(filepath.Join(folder, e.Name()))
		}
	}
}

// run reads events until the file of them is closed.
func (c *consumer) run() {
	buf := make([]byte, 1<<16)
	for {
		n, err := c.events.Read(buf)
		if err != nil {
			return
		}
		for rest := buf[:n]; len(rest) > 0; {
			wd, mask, length := binary.NativeEndian.Uint32(rest), binary.NativeEndian.Uint32(rest[4:]), binary.NativeEndian.Uint32(rest[12:])
			name := strings.TrimRight(string(rest[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length]), "\x00")
			c.told(filepath.Join(c.folders[wd], name), mask)
			rest = rest[unix.SizeofInotifyEvent+length:]
		}
	}
}

// told takes a file, unless it is one that paperless was told to leave out.
func (c *consumer) told(path string, mask uint32) {
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0:
		c.t.Error("events were lost")
	case filepath.Base(path) == lastFolder:
		close(c.over)
	case mask&unix.IN_ISDIR != 0:
		if c.recursive && mask&unix.IN_CREATE != 0 {
			c.watch(path)
		}
	case strings.Contains(path, "/.staging/"), strings.Contains(path, "/.quarantine/"), mask&unix.IN_IGNORED != 0:
	case mask&(unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO) == 0:
		c.t.Errorf("%s was made or written to in sight of the consumer (event %#x)", path, mask)
	default:
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.Remove(path)
		}
		if err != nil {
			c.t.Errorf("told of %s: %v", path, err)
		}
		sum := sha256.Sum256(content)
		if c.taken[sum]++; c.want[sum] == "" {
			c.t.Errorf("%s is no whole file: %d bytes", path, len(content))
		}
	}
}

// stop waits until the consumer has had time for all events, and compares.
func (c *consumer) stop() {
	c.t.Helper()
	if err := os.Mkdir(filepath.Join(c.folder, lastFolder), 0o700); err != nil { // events come in order
		c.t.Fatal(err)
	}
	select {
	case <-c.over:
	case <-time.After(time.Minute):
		c.t.Error("the consumer has not read all events")
	}
	c.events.Close()
	c.done.Wait()
	for sum, name := range c.want {
		if n := c.taken[sum]; n != 1 {
			c.t.Errorf("the consumer was told of %s %d times, want once", name, n)
		}
	}
}

// TestConsumeFolder kills the program again and again while a consumer takes the files away: it is
// told of each file once, when that is whole, and of nothing else, whatever it watches.
func TestConsumeFolder(t *testing.T) {
	for _, recursive := range []bool{false, true} {
		t.Run(fmt.Sprintf("recursive %t", recursive), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("random seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			messages, want := killMailbox(random)
			server := apptest.StartPop3test(t, messages)
			dir := t.TempDir()
			config := server.Config(t, dir, "output: consume", "after: delete")
			watched := filepath.Join(dir, "consume", "lab")
			if err := os.MkdirAll(watched, 0o755); err != nil {
				t.Fatal(err)
			}
			if recursive {
				watched = filepath.Dir(watched)
			}
			c := startConsumer(t, watched, recursive, want)
			full := 500 * time.Millisecond
			for kills := 0; ; kills++ {
				cmd := program(t, "run", "--once", "--config", config)
				started := time.Now()
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				timer := time.AfterFunc(time.Duration(random.Int64N(int64(full))), func() { cmd.Process.Kill() })
				err := cmd.Wait()
				timer.Stop()
				if err == nil && server.Left() == 0 {
					t.Logf("%d kills", kills)
					break
				}
				full = max(full, time.Since(started)) + full/4
			}
			c.stop()
		})
	}
}

// The users and the group of the recipes' tests. They need no names.
const (
	attachdUser  = 4301
	consumerUser = 4302
	scansGroup   = 4303
)

// TestRecipes follows each page of deploy/recipes with the real program as one user, and another
// one who reads and removes what came: with the folders, the configuration and the umask of the
// page and the unit.
func TestRecipes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be two other users")
	}
	pages, err := filepath.Glob("../../deploy/recipes/*.md")
	if err != nil || len(pages) < 4 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		if filepath.Base(page) == "README.md" {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			follow(t, string(text))
		})
	}
}

// follow does what a page says.
func follow(t *testing.T, page string) {
	t.Helper()
	root := t.TempDir()
	for at := root; strings.HasPrefix(at, filepath.Clean(os.TempDir())+"/"); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error, said []byte) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	must(os.Mkdir(filepath.Join(root, "srv"), 0o755), nil)
	here := strings.NewReplacer("/srv/", root+"/srv/", "-o attachd", fmt.Sprint("-o ", attachdUser), "-g scans", fmt.Sprint("-g ", scansGroup))
	installs := regexp.MustCompile(`(?m)^ *\$ sudo (install -d .*)$`).FindAllStringSubmatch(page, -1)
	if len(installs) == 0 {
		t.Fatal("the page makes no folder")
	}
	for _, line := range installs {
		argv := strings.Fields(here.Replace(line[1]))
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		must(err, out)
	}
	server := apptest.StartPop3test(t, apptest.Notes(3))
	config, account := recipeConfig(t, page, here, server)
	for path, content := range map[string][]byte{"attachd.yaml": []byte(config), "ca.pem": server.Certificate} {
		must(os.WriteFile(filepath.Join(root, path), content, 0o600), nil)
		must(os.Chown(filepath.Join(root, path), attachdUser, attachdUser), nil)
	}
	must(os.Mkdir(filepath.Join(root, "state"), 0o700), nil)
	must(os.Chown(filepath.Join(root, "state"), attachdUser, attachdUser), nil)
	self, err := os.Executable()
	must(err, nil)
	must(os.Link(self, filepath.Join(root, "attachd")), nil)
	as := func(user uint32, script string) ([]byte, error) {
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0", "HOME=/")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user, Groups: []uint32{scansGroup}}}
		return cmd.CombinedOutput()
	}
	out, err := as(attachdUser, "umask 027; ./attachd check --config attachd.yaml; ./attachd run --once --config attachd.yaml")
	must(err, out)
	if strings.Contains(string(out), "warning:") {
		t.Errorf("check warns: %s", out)
	}
	folder := filepath.Join(root, "srv", account)
	names, err := filepath.Glob(filepath.Join(folder, "[^.]*"))
	if len(names) != 3 || err != nil {
		t.Fatalf("%d files in %s, %v:\n%s", len(names), folder, err, out)
	}
	out, err = as(consumerUser, "cd '"+folder+"'; cat -- * >/dev/null; rm -- *; ! ls .staging 2>/dev/null")
	must(err, out)
	if left, _ := filepath.Glob(filepath.Join(folder, "[^.]*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// recipeConfig makes the page's piece of configuration a whole one, with the server of the test. It
// returns it, and the account's folder below /srv.
func recipeConfig(t *testing.T, page string, here *strings.Replacer, server apptest.Server) (config, account string) {
	t.Helper()
	m := regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindStringSubmatch(page)
	if m == nil {
		t.Fatal("the page has no configuration")
	}
	piece := here.Replace(regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], ""))
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprintf("    host: %s\n    port: %s\n    tls: {ca_file: ca.pem, server_name: localhost}\n    username: u0\n    password: pw0\n", host, port)
	if strings.HasPrefix(piece, "  - name: ") {
		lines := slices.DeleteFunc(strings.SplitAfter(piece, "\n"), func(line string) bool {
			key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			return slices.Contains([]string{"host", "username", "password_file", "include"}, key) // what the test's mail is not of
		})
		name := strings.TrimSpace(strings.TrimPrefix(lines[0], "  - name: "))
		return "output: elsewhere\nstate: state/state.db\naccounts:\n" + strings.Join(lines, "") + own, filepath.Join("scans", name)
	}
	return piece + "state: state/state.db\naccounts:\n  - name: hans\n" + own, filepath.Join("mail", "hans")
}
