package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what should come at once.
const patience = 40 * time.Second

// edit is a row of the matrix: how a configuration is laid out, and how it is edited for the second
// and third time.
type edit struct {
	name  string
	setup func(t *testing.T, dir string) (path string)
	edit  func(t *testing.T, dir string, n int)
}

// version is a configuration that tells which edit it is from.
func version(n int) string {
	return fmt.Sprintf("output: out\nstate: db\naccounts:\n- {name: a, host: h, username: u%d, password_file: secret}\n", n)
}

// seen gives the number of the edit that Load sees at path, in the configuration or in a file it
// refers to.
func seen(path string) int {
	c, _, err := Load(path)
	if err != nil || len(c.Accounts) == 0 {
		return -1
	}
	n := -1
	_, _ = fmt.Sscanf(c.Accounts[0].Username, "u%d", &n)
	if s, err := c.Accounts[0].Password.Resolve(context.Background()); err == nil {
		_, _ = fmt.Sscanf(string(s), "version%d", &n)
	}
	return n
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func try(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// replace writes a file beside path and renames it to path.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".tmp", text)
	try(t, os.Rename(path+".tmp", path))
}

// relink points a symbolic link elsewhere in one step.
func relink(t *testing.T, target, link string) {
	t.Helper()
	try(t, os.Symlink(target, link+".tmp"))
	try(t, os.Rename(link+".tmp", link))
}

func plain(t *testing.T, dir string) string {
	path := filepath.Join(dir, "conf", "attachd.yaml")
	write(t, path, version(1))
	return path
}

var matrix = []edit{
	{"in place", plain, func(t *testing.T, dir string, n int) {
		write(t, filepath.Join(dir, "conf", "attachd.yaml"), version(n))
	}},
	{"temporary file and rename", plain, func(t *testing.T, dir string, n int) {
		replace(t, filepath.Join(dir, "conf", "attachd.yaml"), version(n))
	}},
	{"old one put aside, new one made, as vim does", plain, func(t *testing.T, dir string, n int) {
		path := filepath.Join(dir, "conf", "attachd.yaml")
		try(t, os.Rename(path, path+"~"))
		write(t, path, version(n))
		try(t, os.Remove(path+"~"))
	}},
	{"removed and made anew", plain, func(t *testing.T, dir string, n int) {
		path := filepath.Join(dir, "conf", "attachd.yaml")
		try(t, os.Remove(path))
		write(t, path, version(n))
	}},
	{"kubernetes swaps ..data", func(t *testing.T, dir string) string {
		write(t, filepath.Join(dir, "..v1", "attachd.yaml"), version(1))
		try(t, os.Symlink("..v1", filepath.Join(dir, "..data")))
		path := filepath.Join(dir, "attachd.yaml")
		try(t, os.Symlink("..data/attachd.yaml", path))
		return path
	}, func(t *testing.T, dir string, n int) {
		write(t, filepath.Join(dir, fmt.Sprintf("..v%d", n), "attachd.yaml"), version(n))
		relink(t, fmt.Sprintf("..v%d", n), filepath.Join(dir, "..data"))
		try(t, os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..v%d", n-1))))
	}},
	{"symbolic link pointed elsewhere", func(t *testing.T, dir string) string {
		write(t, filepath.Join(dir, "store", "1", "attachd.yaml"), version(1))
		path := filepath.Join(dir, "attachd.yaml")
		try(t, os.Symlink(filepath.Join(dir, "store", "1", "attachd.yaml"), path))
		return path
	}, func(t *testing.T, dir string, n int) {
		target := filepath.Join(dir, "store", fmt.Sprint(n), "attachd.yaml")
		write(t, target, version(n))
		relink(t, target, filepath.Join(dir, "attachd.yaml"))
	}},
	{"target of the symbolic link edited in place", linked, func(t *testing.T, dir string, n int) {
		write(t, filepath.Join(dir, "elsewhere", "real.yaml"), version(n))
	}},
	{"target of the symbolic link replaced", linked, func(t *testing.T, dir string, n int) {
		replace(t, filepath.Join(dir, "elsewhere", "real.yaml"), version(n))
	}},
	{"whole folder replaced", plain, func(t *testing.T, dir string, n int) {
		write(t, filepath.Join(dir, "new", "attachd.yaml"), version(n))
		try(t, os.Rename(filepath.Join(dir, "conf"), filepath.Join(dir, fmt.Sprintf("old%d", n))))
		try(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "conf")))
	}},
	{"whole folder replaced, then in place", plain, func(t *testing.T, dir string, n int) {
		if n%2 == 1 {
			write(t, filepath.Join(dir, "conf", "attachd.yaml"), version(n))
			return
		}
		write(t, filepath.Join(dir, "new", "attachd.yaml"), version(n))
		try(t, os.Rename(filepath.Join(dir, "conf"), filepath.Join(dir, fmt.Sprintf("old%d", n))))
		try(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "conf")))
	}},
	{"symbolic link pointed elsewhere, then its target edited", linked, func(t *testing.T, dir string, n int) {
		if n%2 == 1 {
			replace(t, filepath.Join(dir, fmt.Sprint(n-1), "real.yaml"), version(n))
			return
		}
		write(t, filepath.Join(dir, fmt.Sprint(n), "real.yaml"), version(n))
		relink(t, fmt.Sprintf("%d/real.yaml", n), filepath.Join(dir, "attachd.yaml"))
	}},
	{"whole folder removed and made anew", plain, func(t *testing.T, dir string, n int) {
		try(t, os.RemoveAll(filepath.Join(dir, "conf")))
		write(t, filepath.Join(dir, "conf", "attachd.yaml"), version(n))
	}},
	{"folder above replaced", func(t *testing.T, dir string) string {
		path := filepath.Join(dir, "top", "conf", "attachd.yaml")
		write(t, path, version(1))
		return path
	}, func(t *testing.T, dir string, n int) {
		write(t, filepath.Join(dir, "new", "conf", "attachd.yaml"), version(n))
		try(t, os.Rename(filepath.Join(dir, "top"), filepath.Join(dir, fmt.Sprintf("old%d", n))))
		try(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "top")))
	}},
	{"folder is a symbolic link pointed elsewhere", func(t *testing.T, dir string) string {
		write(t, filepath.Join(dir, "v1", "attachd.yaml"), version(1))
		try(t, os.Symlink("v1", filepath.Join(dir, "current")))
		return filepath.Join(dir, "current", "attachd.yaml")
	}, func(t *testing.T, dir string, n int) {
		write(t, filepath.Join(dir, fmt.Sprintf("v%d", n), "attachd.yaml"), version(n))
		relink(t, fmt.Sprintf("v%d", n), filepath.Join(dir, "current"))
	}},
	{"password file in place", plain, func(t *testing.T, dir string, n int) {
		write(t, filepath.Join(dir, "conf", "secret"), fmt.Sprintf("version%d\n", n))
	}},
	{"password file replaced", plain, func(t *testing.T, dir string, n int) {
		replace(t, filepath.Join(dir, "conf", "secret"), fmt.Sprintf("version%d\n", n))
	}},
	{"account file added and replaced", func(t *testing.T, dir string) string {
		try(t, os.Mkdir(filepath.Join(dir, "accounts.d"), 0o700))
		path := filepath.Join(dir, "attachd.yaml")
		write(t, path, "output: out\nstate: db\naccounts_dir: accounts.d\n")
		return path
	}, func(t *testing.T, dir string, n int) {
		replace(t, filepath.Join(dir, "accounts.d", "a.yaml"), fmt.Sprintf("{host: h, username: u%d, password: x}\n", n))
	}},
	{"account file in place", func(t *testing.T, dir string) string {
		write(t, filepath.Join(dir, "accounts.d", "a.yaml"), "{host: h, username: u1, password: x}\n")
		path := filepath.Join(dir, "attachd.yaml")
		write(t, path, "output: out\nstate: db\naccounts_dir: accounts.d\n")
		return path
	}, func(t *testing.T, dir string, n int) {
		write(t, filepath.Join(dir, "accounts.d", "a.yaml"), fmt.Sprintf("{host: h, username: u%d, password: x}\n", n))
	}},
	{"a bad file in between", plain, func(t *testing.T, dir string, n int) {
		path := filepath.Join(dir, "conf", "attachd.yaml")
		write(t, path, "accounts: [")
		write(t, path, version(n))
	}},
}

func linked(t *testing.T, dir string) string {
	write(t, filepath.Join(dir, "elsewhere", "real.yaml"), version(1))
	path := filepath.Join(dir, "attachd.yaml")
	try(t, os.Symlink("elsewhere/real.yaml", path))
	return path
}

// watch runs Watch until the test ends. Its channels tell of calls of changed and of looks.
func watch(t *testing.T, path string, o WatchOptions) (changed <-chan struct{}, looked <-chan bool) {
	t.Helper()
	c, l := make(chan struct{}, 1000), make(chan bool, 1000)
	o.looked = func(changed bool) {
		select {
		case l <- changed:
		default:
		}
	}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		Watch(ctx, path, o, func() { c <- struct{}{} })
	}()
	<-l // The first look is over and the watches are set.
	return c, l
}

// quick lets events alone be what an edit is noticed by.
var quick = WatchOptions{Debounce: 5 * time.Millisecond, MaxDelay: 50 * time.Millisecond, Poll: time.Hour}

func TestWatchNoticesEdits(t *testing.T) {
	t.Parallel()
	modes := map[string]WatchOptions{
		"events":  quick,
		"polling": {Debounce: time.Millisecond, MaxDelay: 10 * time.Millisecond, Poll: 5 * time.Millisecond, PollOnly: true},
	}
	for mode, options := range modes {
		for _, e := range matrix {
			t.Run(mode+"/"+e.name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				path := e.setup(t, dir)
				changed, _ := watch(t, path, options)
				for n := 2; n <= 4; n++ {
					e.edit(t, dir, n)
					await(t, path, changed, n)
				}
			})
		}
	}
}

// await waits for a signal after which Load sees the n-th edit. There may be earlier ones, from
// halfway through it.
func await(t *testing.T, path string, changed <-chan struct{}, n int) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case <-changed:
			if seen(path) == n {
				return
			}
		case <-deadline:
			t.Fatalf("edit %d was not noticed; Load sees %d", n, seen(path))
		}
	}
}

func TestWatchIgnoresWhatLeavesTheContent(t *testing.T) {
	t.Parallel()
	for name, touch := range map[string]func(t *testing.T, path string){
		"touch":       func(t *testing.T, path string) { try(t, os.Chtimes(path, time.Now(), time.Now())) },
		"chmod":       func(t *testing.T, path string) { try(t, os.Chmod(path, 0o400)) },
		"same again":  func(t *testing.T, path string) { write(t, path, version(1)) },
		"same rename": func(t *testing.T, path string) { replace(t, path, version(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := plain(t, t.TempDir())
			o := quick
			o.Debounce = 100 * time.Millisecond // an overwriting is empty for a moment
			o.MaxDelay = time.Second
			changed, looked := watch(t, path, o)
			touch(t, path)
			select {
			case did := <-looked:
				if did {
					t.Error("the watcher takes the content for changed")
				}
			case <-time.After(patience):
				t.Fatal("the event did not make the watcher look")
			}
			if len(changed) > 0 {
				t.Error("a change was signalled")
			}
			// It is not deaf since.
			replace(t, path, version(2))
			await(t, path, changed, 2)
		})
	}
}

func TestWatchIgnoresNeighbours(t *testing.T) {
	t.Parallel()
	path := plain(t, t.TempDir())
	changed, looked := watch(t, path, quick)
	for range 100 {
		write(t, filepath.Join(filepath.Dir(path), "state.db-wal"), "busy")
	}
	replace(t, path, version(2))
	await(t, path, changed, 2)
	if first := <-looked; !first {
		t.Error("a write to a file that takes no part made the watcher look")
	}
}

func TestWatchComparesWithWhatWasLoaded(t *testing.T) {
	t.Parallel()
	path := plain(t, t.TempDir())
	c, _, err := Load(path)
	try(t, err)
	same, edited := quick, quick
	same.Since, edited.Since = c.Inputs, c.Inputs
	if changed, _ := watch(t, path, same); len(changed) != 0 {
		t.Error("a change was signalled though there was none since Load")
	}
	write(t, path, version(2))
	changed, _ := watch(t, path, edited)
	await(t, path, changed, 2)
}

func TestWatchGathersABurst(t *testing.T) {
	t.Parallel()
	path := plain(t, t.TempDir())
	o := quick
	o.Debounce, o.MaxDelay = 200*time.Millisecond, time.Minute
	changed, looked := watch(t, path, o)
	for n := 2; n <= 50; n++ {
		write(t, path, version(n))
	}
	await(t, path, changed, 50)
	if got := len(looked); got > 1 {
		t.Errorf("the watcher looked %d times during one burst, want once", got)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path, done := plain(t, t.TempDir()), make(chan struct{})
	go func() {
		defer close(done)
		Watch(ctx, path, WatchOptions{}, func() { t.Error("changed was called") })
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("Watch goes on after its context has ended")
	}
}

func TestPlanSurvivesLinkLoops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	try(t, os.Symlink("b", filepath.Join(dir, "a")))
	try(t, os.Symlink("a", filepath.Join(dir, "b")))
	// Each link passes the next one many times: without a bound, 20^20 steps.
	for i := range 20 {
		try(t, os.Symlink(strings.Repeat(fmt.Sprintf("l%d/../", i+1), 20)+".", filepath.Join(dir, fmt.Sprintf("l%d", i))))
	}
	p := planFor(inputs{filepath.Join(dir, "a", "x"): {}, filepath.Join(dir, "l0", "x"): {}})
	if !p.concerns(filepath.Join(dir, "b")) || !p.concerns(filepath.Join(dir, "l1")) || p.concerns(filepath.Join(dir, "c")) {
		t.Errorf("the plan is %+v", p)
	}
}

func TestWatchFollowsNewInputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "conf", "attachd.yaml")
	write(t, path, "output: o\nstate: s\naccounts: [{name: a, host: h, username: u1, password: x}]\n")
	changed, _ := watch(t, path, quick)
	secret := filepath.Join(dir, "far", "away", "secret")
	write(t, path, "output: o\nstate: s\naccounts: [{name: a, host: h, username: u2, password_file: "+secret+"}]\n")
	await(t, path, changed, 2)
	// The folder of the password file is not even there yet.
	write(t, secret, "version3")
	await(t, path, changed, 3)
	replace(t, secret, "version4")
	await(t, path, changed, 4)
}

func TestWatchSaysWhenEventsCannotBeHad(t *testing.T) {
	t.Parallel()
	w := watcher{}
	var reasons []string
	w.Degraded = func(err error) { reasons = append(reasons, err.Error()) }
	for _, text := range []string{"limit", "limit", "other", "limit"} {
		w.degrade(errors.New(text))
	}
	if got := strings.Join(reasons, " "); got != "limit other limit" {
		t.Errorf("got the reasons %q, want each new one once", got)
	}
}
