package config

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/config/testsize"
)

// within is how soon each edit has to be noticed: the 30 seconds of a poll and what comes behind.
const within = 35 * time.Second

// way is a way to edit a file of the configuration, with the program that people use for it.
type way struct {
	name  string
	needs string // a program; "mount" also needs root
	setup string // for a shell: makes conf/$NAME of the file "first"
	edit  string // for a shell: makes it what the file "next" holds. $OLD and $NEW are where the two differ, $N counts
}

const (
	plainSetup = `mkdir conf; cp first conf/$NAME`
	vim        = `vim -u NONE -n -es -c 'set backupskip= writebackup backupcopy=%s' -c "%%s/$OLD/$NEW/" -c wq conf/$NAME </dev/null`
)

// ways are the rows of the field notes, in their order. One is missing: a single file in a bind
// mount that is replaced outside. The old file stays in the mount, and nobody can see the new one.
var ways = []way{
	{"echo", "", plainSetup, `cat next >conf/$NAME`},
	{"temporary file and rename", "", plainSetup, `cp next conf/.$NAME.new; mv conf/.$NAME.new conf/$NAME`},
	{"sed -i", "sed", plainSetup, `sed -i "s/$OLD/$NEW/" conf/$NAME`},
	{"vim", "vim", plainSetup, fmt.Sprintf(vim, "auto")},
	{"vim, backupcopy=no", "vim", plainSetup, fmt.Sprintf(vim, "no")},
	{"vim, backupcopy=yes", "vim", plainSetup, fmt.Sprintf(vim, "yes")},
	{"as vim does, by its system calls", "", plainSetup, `mv conf/$NAME conf/$NAME~; cat next >conf/$NAME; rm conf/$NAME~`},
	{"rm and made anew", "", plainSetup, `rm conf/$NAME; cat next >conf/$NAME`},
	{
		"kubernetes swaps ..data", "", `mkdir -p conf/..v1; cp first conf/..v1/$NAME; ln -s ..v1 conf/..data; ln -s ..data/$NAME conf/$NAME`,
		`mkdir conf/..v$N; cp next conf/..v$N/$NAME; ln -s ..v$N conf/..tmp; mv -T conf/..tmp conf/..data; rm -r conf/..v$((N-1))`,
	},
	{
		"symbolic link pointed elsewhere", "", `mkdir conf store; cp first store/1; ln -s ../store/1 conf/$NAME`,
		`cp next store/$N; ln -s ../store/$N conf/.new; mv -T conf/.new conf/$NAME`,
	},
	{"target of the symbolic link edited", "", `mkdir conf store; cp first store/real; ln -s ../store/real conf/$NAME`, `cat next >store/real`},
	{"whole folder replaced", "", plainSetup, `mkdir new; cp next new/$NAME; mv conf old$N; mv new conf`},
	{"bind mount of the file, edited in place outside", "mount", `mkdir conf; cp first outside; touch conf/$NAME; mount --bind outside conf/$NAME`, `cat next >outside`},
	{
		"bind mount of the folder, replaced outside", "mount", `mkdir conf outside; cp first outside/$NAME; mount --bind outside conf`,
		`cp next outside/.new; mv outside/.new outside/$NAME`,
	},
}

// watched are the kinds of files that a configuration consists of: what the main one holds, the
// name of the file that is edited, and what that one holds the n-th time.
var watched = map[string]struct {
	main, name string
	text       func(n int) string
	token      string
}{
	"the file itself": {"", "attachd.yaml", version, "u%d"},
	"account file": {
		"output: out\nstate: db\naccounts_dir: ../conf\n", "a.yaml",
		func(n int) string { return fmt.Sprintf("{host: h, username: u%d, password: x}\n", n) }, "u%d",
	},
	"secret": {
		"output: out\nstate: db\naccounts: [{name: a, host: h, username: u, password_file: ../conf/secret}]\n", "secret",
		func(n int) string { return fmt.Sprintf("version%d\n", n) }, "version%d",
	},
}

// TestWatchMatrix edits each kind of file twice in each of the ways, and each edit has to be
// noticed. With ATTACHD_TESTS=all the watcher has its real times.
func TestWatchMatrix(t *testing.T) {
	t.Parallel()
	options := testsize.Of(WatchOptions{Debounce: 5 * time.Millisecond, MaxDelay: 50 * time.Millisecond, Poll: 100 * time.Millisecond}, WatchOptions{})
	for kind, file := range watched {
		for _, w := range ways {
			t.Run(kind+"/"+w.name, func(t *testing.T) {
				t.Parallel()
				if _, err := exec.LookPath(w.needs); w.needs != "" && err != nil {
					t.Skipf("there is no %s here", w.needs)
				}
				if w.needs == "mount" && os.Geteuid() != 0 {
					t.Skip("only root can mount")
				}
				dir := t.TempDir()
				run := func(script string, n int) error {
					cmd := exec.Command("sh", "-ec", script)
					cmd.Dir = dir
					cmd.Env = append(os.Environ(), "NAME="+file.name, fmt.Sprintf("N=%d", n), fmt.Sprintf("OLD="+file.token, n-1), fmt.Sprintf("NEW="+file.token, n))
					out, err := cmd.CombinedOutput()
					if err != nil {
						return fmt.Errorf("%w: %s", err, out)
					}
					return nil
				}
				write(t, filepath.Join(dir, "first"), file.text(1))
				if w.needs == "mount" {
					t.Cleanup(func() { _ = run("umount conf/$NAME || umount conf", 0) })
				}
				if err := run(w.setup, 1); err != nil {
					if w.needs == "mount" {
						t.Skipf("mounts are not allowed here: %v", err)
					}
					t.Fatal(err)
				}
				path := filepath.Join(dir, "conf", file.name)
				if file.main != "" {
					path = filepath.Join(dir, "main", "attachd.yaml")
					write(t, path, file.main)
				}
				if got := seen(path); got != 1 {
					t.Fatalf("Load sees edit %d before the first", got)
				}
				changed, _ := watch(t, path, options)
				for n := 2; n <= 3; n++ {
					write(t, filepath.Join(dir, "next"), file.text(n))
					try(t, run(w.edit, n))
					began := time.Now()
					await(t, path, changed, n)
					if took := time.Since(began); took > within {
						t.Errorf("edit %d was noticed after %s, want %s", n, took.Round(time.Second), within)
					}
				}
			})
		}
	}
}

// TestWatchIgnoresTouches: none of the files is taken for changed when its times or its mode are.
func TestWatchIgnoresTouches(t *testing.T) {
	t.Parallel()
	for kind, file := range watched {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			target := filepath.Join(dir, "conf", file.name)
			write(t, target, file.text(1))
			path := target
			if file.main != "" {
				path = filepath.Join(dir, "main", "attachd.yaml")
				write(t, path, file.main)
			}
			changed, looked := watch(t, path, quick)
			for _, touch := range []string{"touch", "chmod 400", "chmod 600"} {
				argv := append(strings.Fields(touch), target)
				try(t, exec.CommandContext(context.Background(), argv[0], argv[1:]...).Run())
				if <-looked {
					t.Errorf("%s: the watcher takes the content for changed", touch)
				}
			}
			if len(changed) > 0 {
				t.Error("a change was signalled")
			}
			write(t, target, file.text(2)) // it is not deaf since
			await(t, path, changed, 2)
		})
	}
}
