package main

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// deliveredTo is an account that two notes were delivered to, with a third waiting.
type deliveredTo struct {
	*testing.T
	dir, config, output string
	server              *pop3test.Server
}

func newDelivered(t *testing.T) *deliveredTo {
	t.Helper()
	s := pop3test.NewServer()
	s.Users = map[string]string{"u0": "pw0"}
	s.Mailboxes = map[string][]pop3test.Message{"u0": apptest.Notes(2)}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir := t.TempDir()
	d := &deliveredTo{t, dir, apptest.Server{Addr: s.Addr(), Certificate: s.CertPEM()}.Config(t, dir), filepath.Join(dir, "out", "lab"), s}
	d.once(exitOK, "attachment delivered")
	s.Append("u0", apptest.Notes(3)[2])
	s.Wait()
	return d
}

func (d *deliveredTo) once(want int, log string) {
	d.Helper()
	if code, got := once(d.T, d.config); code != want || !strings.Contains(got, log) {
		d.Errorf("exit code %d, want %d and %q in\n%s", code, want, log, got)
	}
}

// stopped checks that the account is not polled, and that every command says why.
func (d *deliveredTo) stopped(why string) {
	d.Helper()
	asked := len(d.server.Log())
	d.once(exitTemporary, why)
	if now := len(d.server.Log()); now != asked {
		d.Errorf("the server was asked %d times", now-asked)
	}
	for want, args := range map[int][]string{exitTemporary: {"check"}, exitFailure: {"state", "check"}} {
		if shown, code := attachd(d.T, append(args, "--config", d.config)...); code != want || !strings.Contains(shown, why) || !strings.Contains(shown, ": is its disk mounted? Mount it") || !strings.Contains(shown, "attachd state accept lab") {
			d.Errorf("%q: exit code %d, want %d\n%s", args, code, want, shown)
		}
	}
}

// goesOn checks that the account is polled, and that what is new is delivered, and nothing else.
func (d *deliveredTo) goesOn(output string) {
	d.Helper()
	apptest.TakeAll(d.T, output)
	d.once(exitOK, "attachment delivered")
	if found := apptest.NotesIn(d.T, output); len(found) != 1 || found["2"] != 1 {
		d.Errorf("delivered: %v", found)
	}
	for _, args := range [][]string{{"check"}, {"state", "check"}} {
		if shown, code := attachd(d.T, append(args, "--config", d.config)...); code != exitOK {
			d.Errorf("%q: exit code %d\n%s", args, code, shown)
		}
	}
}

func (d *deliveredTo) do(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *deliveredTo) aside() string { return filepath.Join(d.dir, "aside") }

// destinationCases are what may become of a folder.
var destinationCases = map[string]func(d *deliveredTo){
	"gone and back": func(d *deliveredTo) {
		d.do(os.Rename(d.output, d.aside()))
		d.stopped(d.output + " is gone")
		if _, err := os.Stat(d.output); err == nil {
			d.Error("the folder was made")
		}
		d.do(os.Rename(d.aside(), d.output))
		d.goesOn(d.output)
	},
	"an empty mount point": func(d *deliveredTo) {
		d.do(os.Rename(d.output, d.aside()))
		d.do(os.Mkdir(d.output, 0o750))
		d.stopped(d.output + " is not the folder that files were delivered to before")
		d.do(os.Remove(d.output))
		d.do(os.Rename(d.aside(), d.output))
		d.goesOn(d.output)
	},
	"all above it gone": func(d *deliveredTo) {
		d.do(os.RemoveAll(filepath.Dir(d.output)))
		d.stopped(d.output + " is gone")
	},
	"another folder that was used": func(d *deliveredTo) {
		d.do(os.WriteFile(filepath.Join(d.output, ".staging", "folder-id"), []byte("ABCDEFGH\n00000000000000000009\n"), 0o600))
		d.stopped(d.output + " is not the folder")
	},
	"accepted when gone": func(d *deliveredTo) {
		d.do(os.RemoveAll(d.output))
		if shown, code := attachd(d.T, "state", "accept", "lab", "--config", d.config); code != exitOK || shown != "account lab: goes on with "+d.output+"\n" {
			d.Errorf("exit code %d\n%s", code, shown)
		}
		d.goesOn(d.output)
	},
	"accepted when emptied": func(d *deliveredTo) {
		d.do(os.RemoveAll(filepath.Join(d.output, ".staging")))
		d.stopped(d.output + " is not the folder")
		if shown, code := attachd(d.T, "state", "accept", "lab", "--config", d.config); code != exitOK {
			d.Errorf("exit code %d\n%s", code, shown)
		}
		d.goesOn(d.output)
	},
	"all files taken": func(d *deliveredTo) { d.goesOn(d.output) },
	"output moved in the configuration": func(d *deliveredTo) {
		apptest.Rewrite(d.T, d.config, "output: out\n", "output: elsewhere\n")
		d.once(exitOK, "account's files go to another folder than before")
		if found := apptest.NotesIn(d.T, filepath.Join(d.dir, "elsewhere", "lab")); len(found) != 1 || found["2"] != 1 {
			d.Errorf("delivered: %v", found)
		}
		d.do(os.Rename(filepath.Join(d.dir, "elsewhere"), d.aside()))
		d.stopped(filepath.Join(d.dir, "elsewhere", "lab") + " is gone")
	},
	"output moved with what is in it": func(d *deliveredTo) {
		d.do(os.Rename(filepath.Dir(d.output), filepath.Join(d.dir, "elsewhere")))
		apptest.Rewrite(d.T, d.config, "output: out\n", "output: elsewhere\n")
		d.goesOn(filepath.Join(d.dir, "elsewhere", "lab"))
	},
	"account renamed": func(d *deliveredTo) {
		apptest.Rewrite(d.T, d.config, "name: lab", "name: new")
		if shown, code := attachd(d.T, "state", "rename", "lab", "new", "--config", d.config); code != exitOK {
			d.Errorf("exit code %d\n%s", code, shown)
		}
		output := filepath.Join(d.dir, "out", "new")
		d.once(exitOK, "attachment delivered")
		if found := apptest.NotesIn(d.T, output); len(found) != 1 || found["2"] != 1 {
			d.Errorf("delivered: %v", found)
		}
	},
	"known from before": func(d *deliveredTo) {
		d.forget()
		d.goesOn(d.output)
		d.do(os.RemoveAll(d.output)) // now it is known
		d.stopped(d.output + " is gone")
	},
	"gone and known from before": func(d *deliveredTo) {
		d.forget()
		d.do(os.RemoveAll(filepath.Join(d.output, ".staging")))
		d.stopped(d.output + " is not the folder")
	},
	"state lost and rebuilt": func(d *deliveredTo) {
		d.do(os.Remove(filepath.Join(d.dir, "state.db")))
		d.once(exitTemporary, "attachd state rebuild")
		if shown, code := attachd(d.T, "state", "rebuild", "--config", d.config); code != exitOK {
			d.Errorf("exit code %d\n%s", code, shown)
		}
		d.server.Append("u0", apptest.Notes(4)[3])
		d.once(exitOK, "attachment delivered")
	},
	"a disk": func(d *deliveredTo) { // as root this would fill the disk below
		if os.Geteuid() != 0 {
			d.Skip("only root may mount")
		}
		d.do(os.RemoveAll(d.output))
		d.do(os.Remove(filepath.Join(d.dir, "state.db")))
		d.do(os.Mkdir(d.output, 0o750))
		if out, err := exec.Command("mount", "-t", "tmpfs", "none", d.output).CombinedOutput(); err != nil {
			d.Skipf("%v: %s", err, out)
		}
		d.Cleanup(func() { _ = exec.Command("umount", d.output).Run() })
		d.once(exitOK, "attachment delivered")
		apptest.CheckNotes(d.T, d.output, 3)
		d.do(exec.Command("umount", d.output).Run())
		d.stopped(d.output + " is not the folder")
	},
}

// TestDestination: an account whose folder is not the one that it delivered to stops before it asks
// its server.
func TestDestination(t *testing.T) {
	t.Parallel()
	for name, test := range destinationCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newDelivered(t))
		})
	}
}

// forget leaves the state as it was before it knew where files went.
func (d *deliveredTo) forget() {
	d.Helper()
	db, err := sql.Open("sqlite", filepath.Join(d.dir, "state.db"))
	d.do(err)
	_, err = db.Exec("UPDATE account SET place = NULL, folder = NULL")
	d.do(err)
	d.do(db.Close())
}

// TestDestinationOfNothing: an account that has delivered nothing is bound to no folder.
func TestDestinationOfNothing(t *testing.T) {
	t.Parallel()
	server := apptest.StartPop3test(t, nil)
	dir := t.TempDir()
	config := server.Config(t, dir)
	for range 2 {
		if code, log := once(t, config); code != exitOK {
			t.Errorf("exit code %d\n%s", code, log)
		}
		if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
	}
}
