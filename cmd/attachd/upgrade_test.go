package main

import (
	"archive/tar"
	"compress/gzip"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// makeState is the environment variable with the path of an attachd that [TestMakeState] has a
// state made by.
const makeState = "ATTACHD_MAKE_STATE"

// oldMailboxes are what an old attachd found. The account lab has notes 0 to 2, note 3, which the
// server does not hand out, and a message with more attachments than are allowed. The account gone
// has two notes and deletes its mail, and its QUIT gets no answer.
type oldMailboxes struct {
	*pop3test.Server
	refuses atomic.Bool // note 3 and QUIT of the account gone
}

func startOldMailboxes(t *testing.T) *oldMailboxes {
	t.Helper()
	many := "Subject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		strings.Repeat("--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-\r\n", 3) + "--b--\r\n"
	s := &oldMailboxes{Server: pop3test.NewServer()}
	s.Users = map[string]string{"u0": "pw0", "u1": "pw1"}
	s.Mailboxes = map[string][]pop3test.Message{
		"u0": append(apptest.Notes(4), pop3test.Message{UIDL: "many", Raw: []byte(many)}),
		"u1": apptest.Notes(2),
	}
	s.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		switch {
		case !s.refuses.Load():
		case cmd == "RETR" && c.User() == "u0" && c.UIDL(args) == "note-3":
			c.Reply("-ERR [SYS/TEMP] not now")
			return true
		case cmd == "QUIT" && c.User() == "u1":
			c.Cut()
			return true
		}
		return false
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// config writes the configuration that the state in dir belongs to.
func (s *oldMailboxes) config(t *testing.T, dir string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`output: out
state: state.db
limits: {attachments: 2}
accounts:
  - {name: lab, host: %[1]s, port: %[2]s, username: u0, password: pw0, tls: {ca_file: ca.pem}}
  - {name: gone, host: %[1]s, port: %[2]s, username: u1, password: pw1, tls: {ca_file: ca.pem}, after: delete}
`, host, port)
	path := filepath.Join(dir, "attachd.yaml")
	err = errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "ca.pem"), s.CertPEM(), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func schemaOf(t *testing.T, state string) (version int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+state+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

func oldState(version int) string {
	return filepath.Join("testdata", "state", fmt.Sprintf("v%d.tar.gz", version))
}

// TestMakeState has the attachd at $ATTACHD_MAKE_STATE make the state that [TestUpgrade] upgrades.
// It is run once for each schema, with the last attachd of that schema, before the next one comes.
func TestMakeState(t *testing.T) {
	old := os.Getenv(makeState)
	if old == "" {
		t.Skip("run with " + makeState + "=PATH to make the state of another schema")
	}
	s, dir := startOldMailboxes(t), t.TempDir()
	s.refuses.Store(true)
	out, err := exec.Command(old, "run", "--once", "--config", s.config(t, dir)).CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != exitTemporary {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	version := schemaOf(t, filepath.Join(dir, "state.db"))
	if err := pack(dir, oldState(version)); err != nil {
		t.Fatal(err)
	}
	t.Logf("made %s", oldState(version))
}

// TestUpgrade goes on with the state, and the folders, of an attachd of each schema that there was.
// Nothing may be lost, and nothing may come a second time.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	newest := newestSchema(t)
	for version := 1; version < newest; version++ {
		t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
			t.Parallel()
			s, dir := startOldMailboxes(t), t.TempDir()
			if err := unpack(oldState(version), dir); errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("there is no state of schema %d: make one with its last attachd, see TestMakeState", version)
			} else if err != nil {
				t.Fatal(err)
			}
			state := filepath.Join(dir, "state.db")
			if got := schemaOf(t, state); got != version {
				t.Fatalf("the state is of schema %d", got)
			}
			goesOn(t, s, dir)
			if got := schemaOf(t, state); got != newest {
				t.Errorf("the state stayed at schema %d, want %d", got, newest)
			}
		})
	}
}

// goesOn checks that attachd fetches what the earlier one could not, and nothing else.
func goesOn(t *testing.T, s *oldMailboxes, dir string) {
	t.Helper()
	lab, gone, config := filepath.Join(dir, "out", "lab"), filepath.Join(dir, "out", "gone"), s.config(t, dir)
	apptest.CheckNotes(t, lab, 3)
	apptest.CheckNotes(t, gone, 2)
	apptest.TakeAll(t, lab)
	apptest.TakeAll(t, gone)
	if shown, code := attachd(t, "state", "check", "--config", config); code != exitTemporary {
		t.Errorf("state check: exit code %d, want %d as a message is in quarantine\n%s", code, exitTemporary, shown)
	}
	code, log := once(t, config)
	if code != exitTemporary {
		t.Errorf("run --once: exit code %d, want %d as a message is in quarantine\n%s", code, exitTemporary, log)
	}
	if found := apptest.NotesIn(t, lab); len(found) != 1 || found["3"] != 1 {
		t.Errorf("the account lab got %v, want note 3 alone\n%s", found, log)
	}
	if found := apptest.NotesIn(t, gone); len(found) != 0 {
		t.Errorf("the account gone got %v again\n%s", found, log)
	}
	s.Wait()
	if left := len(s.Mailbox("u1")); left != 0 {
		t.Errorf("%d messages were not deleted\n%s", left, log)
	}
	if left := len(s.Mailbox("u0")); left != 5 {
		t.Errorf("%d messages are left, want 5\n%s", left, log)
	}
	if shown, code := attachd(t, "quarantine", "list", "--config", config); code != exitOK || !strings.Contains(shown, "attachments") {
		t.Errorf("quarantine list: exit code %d\n%s", code, shown)
	}
}

func newestSchema(t *testing.T) int {
	t.Helper()
	server := apptest.StartPop3test(t, apptest.Notes(1))
	dir := t.TempDir()
	if code, log := once(t, server.Config(t, dir)); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	return schemaOf(t, filepath.Join(dir, "state.db"))
}

// pack writes the state and the folders in dir to a tar file.
func pack(dir, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || !d.Type().IsRegular() || name != "state.db" && !strings.HasPrefix(name, "out/") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	return errors.Join(err, w.Close(), z.Close(), f.Close())
}

// unpack is the reverse of pack.
func unpack(from, dir string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		path := filepath.Join(dir, h.Name)
		content, err := io.ReadAll(r)
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, content, 0o600)); err != nil {
			return err
		}
	}
}
