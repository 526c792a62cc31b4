package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// shaState is a state with messages of each sort that is compared with new ones by the digests of
// its files. It was made by the last attachd that knew no digest but SHA-256.
var shaState = filepath.Join("testdata", "state", "sha256.tar.gz")

// kindCase is an account whose messages come a second time after the upgrade.
type kindCase struct {
	settings string // of the account
	before   []pop3test.Message
	after    []pop3test.Message
	noUIDL   string // "before", "after" or "always", "" for never
	lostQuit bool   // before: what was deleted is still there
	fresh    int    // files that come after the upgrade
	left     int    // messages on the server in the end
}

// invoice is a message that its header tells from others. The same file is in all that have the
// same text.
func invoice(uidl, id, text string) pop3test.Message {
	return pop3test.Message{UIDL: uidl, Raw: fmt.Appendf(nil, "Message-ID: <%[1]s@example.org>\r\nDate: Mon, 02 Nov 2026 10:00:%02[2]d +0000\r\nFrom: a@example.org\r\nSubject: %[1]s\r\n"+
		"Received: from a by b; %[1]s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; name=small.txt\r\n\r\nsmall\r\n"+
		"--b\r\nContent-Type: application/octet-stream; name=invoice.bin\r\n\r\n%[3]s\r\n--b--\r\n", id, len(id), strings.Repeat(text, 200))}
}

// bare is a message without any field that tells it from others.
func bare(uidl, text string) pop3test.Message {
	return pop3test.Message{UIDL: uidl, Raw: []byte("Content-Type: application/octet-stream; name=a.bin\r\n\r\n" + strings.Repeat(text, 200))}
}

// as gives messages other UIDLs.
func as(prefix string, messages ...pop3test.Message) []pop3test.Message {
	renamed := slices.Clone(messages)
	for i := range renamed {
		renamed[i].UIDL = fmt.Sprint(prefix, i)
	}
	return renamed
}

func kindCases() map[string]kindCase {
	one, two := invoice("a1", "one", "1"), invoice("a2", "two", "2")
	short := invoice("a3", "short", "3")
	short.Raw = short.Raw[:len(short.Raw)-len("--b--\r\n")] // cut by its sender
	many := invoice("a4", "many", "4")
	many.Raw = append(many.Raw[:len(many.Raw)-len("--b--\r\n")], "--b\r\nContent-Type: a/b; name=third\r\n\r\nthird\r\n--b--\r\n"...)
	nameless := []pop3test.Message{bare("x", "5"), bare("y", "5"), bare("z", "6")}
	return map[string]kindCase{
		// Messages under other UIDLs.
		"moved": {before: []pop3test.Message{one, two}, after: as("b", one, two, invoice("", "new", "1")), fresh: 2, left: 3},
		"twins": {before: []pop3test.Message{one, {UIDL: "a2", Raw: one.Raw}}, after: as("b", one, one, two), fresh: 2, left: 3},
		// Deleted ones that somebody put back stay there.
		"back": {settings: "after: delete", before: []pop3test.Message{one, two}, after: as("b", one, two), left: 2},
		// A UIDL that is listed again, of the same message and of another one, whose headers say nothing.
		"same":  {settings: "after: delete", before: []pop3test.Message{bare("a1", "1")}, after: []pop3test.Message{bare("a1", "1")}},
		"other": {settings: "after: delete", before: []pop3test.Message{bare("a1", "1")}, after: []pop3test.Message{bare("a1", "2")}, fresh: 1},
		// Messages without a UIDL.
		"nameless": {settings: "after: delete", before: nameless, after: append(nameless, bare("", "7")), noUIDL: "always", lostQuit: true, fresh: 1},
		"named":    {settings: "after: delete", before: nameless, after: nameless, noUIDL: "before", lostQuit: true},
		// Files that came before, and one of the same size that did not.
		"skip": {settings: "duplicates: skip", before: []pop3test.Message{one}, after: []pop3test.Message{one, invoice("c1", "again", "1"), invoice("c2", "differs", "2")}, fresh: 1, left: 3},
		// A message that was delivered in part and has a copy in quarantine, and one that is there
		// whole as it breaks a limit.
		"partly": {settings: "after: delete", before: []pop3test.Message{short}},
		"whole":  {settings: "after: delete", before: []pop3test.Message{many}, fresh: 3},
	}
}

// kindServer serves the mailboxes of all cases. Each has an account and a user of its name.
type kindServer struct {
	*pop3test.Server
	upgraded bool
}

func startKinds(t *testing.T, upgraded bool) *kindServer {
	t.Helper()
	cases := kindCases()
	s := &kindServer{pop3test.NewServer(), upgraded}
	s.Users, s.Mailboxes = make(map[string]string), make(map[string][]pop3test.Message)
	for name, c := range cases {
		s.Users[name], s.Mailboxes[name] = "pw", c.before
		if upgraded {
			s.Mailboxes[name] = c.after
		}
	}
	s.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		is := cases[c.User()]
		switch {
		case cmd == "UIDL" && (is.noUIDL == "always" || is.noUIDL == "before" && !upgraded):
			c.Reply("-ERR unknown command")
			return true
		case cmd == "QUIT" && is.lostQuit && !upgraded:
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

func (s *kindServer) config(t *testing.T, dir string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	text := "output: out\nstate: state.db\n"
	if !s.upgraded {
		text += "limits: {attachments: 2}\n"
	}
	text += "accounts:\n"
	for name, c := range kindCases() {
		text += fmt.Sprintf("  - {name: %s, username: %[1]s, password: pw, host: %s, port: %s, tls: {ca_file: ca.pem}", name, host, port)
		if c.settings != "" {
			text += ", " + c.settings
		}
		text += "}\n"
	}
	path := filepath.Join(dir, "attachd.yaml")
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "ca.pem"), s.CertPEM(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMakeKinds has the attachd at $ATTACHD_MAKE_STATE make the state that [TestUpgradeKinds] goes
// on with. Only an attachd before schema 11 makes one of use.
func TestMakeKinds(t *testing.T) {
	old := os.Getenv(makeState)
	if old == "" {
		t.Skip("run with " + makeState + "=PATH to make the state")
	}
	s, dir := startKinds(t, false), t.TempDir()
	out, err := exec.Command(old, "run", "--once", "--config", s.config(t, dir)).CombinedOutput()
	t.Logf("%v\n%s", err, out)
	if version := schemaOf(t, filepath.Join(dir, "state.db")); version > 10 {
		t.Fatalf("made by an attachd with schema %d", version)
	}
	if err := pack(dir, shaState); err != nil {
		t.Fatal(err)
	}
}

// TestUpgradeKinds goes on with a state whose files are known by their SHA-256 alone: nothing that
// was delivered comes a second time, and what is new comes.
func TestUpgradeKinds(t *testing.T) {
	t.Parallel()
	s, dir := startKinds(t, true), t.TempDir()
	if err := unpack(shaState, dir); err != nil {
		t.Fatal(err)
	}
	cases, config := kindCases(), s.config(t, dir)
	for name := range cases {
		apptest.TakeAll(t, filepath.Join(dir, "out", name))
	}
	dry, _ := attachd(t, "run", "--once", "--dry-run", "--config", config)
	if !strings.Contains(dry, "received before") {
		t.Errorf("the dry run sees no duplicate\n%s", dry)
	}
	var log string
	for range 2 {
		_, more := once(t, config)
		log += more
	}
	s.Wait()
	for _, args := range [][]string{{"quarantine", "retry", "--all"}, {"state", "check"}} {
		shown, _ := attachd(t, append(args, "--config", config)...)
		log += shown
	}
	for name, c := range cases {
		files := 0
		for _, n := range apptest.NotesIn(t, filepath.Join(dir, "out", name)) {
			files += n
		}
		if files != c.fresh {
			t.Errorf("%s: %d files came, want %d", name, files, c.fresh)
		}
		if left := len(s.Mailbox(name)); left != c.left {
			t.Errorf("%s: %d messages are left on the server, want %d", name, left, c.left)
		}
	}
	if t.Failed() {
		t.Log(log)
	}
}
