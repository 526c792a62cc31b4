package bench

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A contender is one of those that are compared on a row.
type contender struct {
	name string
	// command writes what the program needs into dir and returns how it is started there.
	command func(t task, dir string) ([]string, error)
	program string // of attachd
	// needs are the programs that must be installed.
	needs []string
	env   []string
	// files is the folder below a run's that the attachments of account 0 end up in, with %d in
	// place of 0 if each account has its own. "" means that it leaves none.
	files string
	// exactly says that nothing but the attachments may be in that folder.
	exactly bool
	// offline says that it asks no server.
	offline bool
	// notRoot says that it refuses to work as root.
	notRoot bool
	// limit says that it is no program that anyone would use.
	limit bool
}

// A task is a row with its mail.
type task struct {
	row
	*source
}

func (t task) host() string {
	host, _, _ := net.SplitHostPort(t.reach)
	return host
}

func (t task) port() string {
	_, port, _ := net.SplitHostPort(t.reach)
	return port
}

// newLimit is a limit, run by this binary.
func newLimit(name string, offline bool) contender {
	return contender{
		name: name, limit: true, offline: offline,
		env: []string{asLimit + "=" + name},
		command: func(t task, dir string) ([]string, error) {
			work := limitWork{Addr: t.reach, CertFile: t.certFile(), Octets: t.sizes, Delete: t.remove, Dir: dir}
			for _, all := range t.mail {
				work.Messages = append(work.Messages, len(all))
				for _, m := range all {
					work.Sizes = append(work.Sizes, m.size)
				}
			}
			text, err := json.Marshal(work)
			if err != nil {
				return nil, err
			}
			file := filepath.Join(dir, "work.json")
			return []string{self(), file}, os.WriteFile(file, text, 0o600)
		},
	}
}

func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// newAttachd is a binary of attachd.
func newAttachd(path string) contender {
	return contender{
		name: filepath.Base(path), program: path, files: "out/u%d", exactly: true,
		command: func(t task, dir string) ([]string, error) {
			file := filepath.Join(dir, "attachd.yaml")
			err := os.WriteFile(file, []byte(attachdConfig(t)), 0o600)
			return []string{path, "run", "--once", "--log-level", "warn", "--config", file}, err
		},
	}
}

// extracting lets binaries of attachd work on a file.
func extracting(binaries []contender) (all []contender) {
	for _, c := range binaries {
		c.files, c.offline = "out", true
		c.command = func(t task, _ string) ([]string, error) {
			return []string{c.program, "extract", "-o", "out", t.server.(*messageFile).path}, nil
		}
		all = append(all, c)
	}
	return all
}

func attachdConfig(t task) string {
	var config strings.Builder
	after := "keep"
	if t.remove {
		after = "delete"
	}
	fmt.Fprintf(&config, "output: out\nstate: state.db\ndefaults: {host: %s, port: %s, after: %s, tls: {ca_file: %s}}\naccounts:\n",
		t.host(), t.port(), after, t.certFile())
	for account := range t.mail {
		fmt.Fprintf(&config, "  - {name: %[1]s, username: %[1]s, password: %[2]s}\n", accountName(account), password)
	}
	return config.String()
}

// attachds returns the binaries that ATTACHD_BINARIES names, or one that it builds.
func attachds(tb testing.TB) (all []contender) {
	tb.Helper()
	if named := os.Getenv("ATTACHD_BINARIES"); named != "" {
		for _, path := range strings.Split(named, ",") {
			if _, err := os.Stat(path); err != nil {
				tb.Fatal(err)
			}
			all = append(all, newAttachd(path))
		}
		return all
	}
	path := filepath.Join(tb.TempDir(), "attachd")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "github.com/attachd/attachd/cmd/attachd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return []contender{newAttachd(path)}
}

// contenders are those that meet on a row, as ATTACHD_TOOLS and what is installed allow. The first
// one is the drain.
func contenders(tb testing.TB, r row) (all []contender) {
	tb.Helper()
	decode := newLimit("drain+decode", false)
	decode.files, decode.exactly = "u%d", true // what it leaves is what was sent
	all = []contender{
		newLimit("drain", false), newLimit("files", true), newLimit("files-parallel", true),
		newLimit("drain+files", false), newLimit("drain+records", false), decode,
	}
	binaries, others := attachds(tb), peers()
	if r.extract {
		all, binaries, others = all[1:3], extracting(binaries), extractors()
	}
	all = append(append(all, binaries...), others...)
	var only []string
	switch named := os.Getenv("ATTACHD_TOOLS"); {
	case named != "":
		only = strings.Split(named, ",")
	case os.Getenv("ATTACHD_BINARIES") != "":
		only = []string{"drain", "files-parallel"}
	}
	if os.Getenv("ATTACHD_BINARIES") != "" && only != nil {
		for _, each := range binaries {
			only = append(only, each.name)
		}
	}
	return slices.DeleteFunc(all, func(c contender) bool {
		for _, program := range c.needs {
			if _, err := exec.LookPath(program); err != nil {
				tb.Logf("%s is left out: %v (make bench installs it on Debian and Ubuntu)", c.name, err)
				return true
			}
		}
		if only != nil {
			return !slices.Contains(only, c.name)
		}
		return slices.Contains(r.without, c.name)
	})
}
