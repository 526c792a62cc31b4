package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// pieceOf is piece n of 3 of a message with an attachment, as a message of its own.
func pieceOf(n int) pop3test.Message {
	piece := []string{"Subject: whole\r\n", "Content-Type: application/octet-stream; name=whole.bin\r\n\r\n", "0123456789abcdef"}[n-1]
	return pop3test.Message{UIDL: fmt.Sprintf("piece-%d", n), Raw: fmt.Appendf(nil, "Subject: piece\r\nMIME-Version: 1.0\r\nContent-Type: message/partial; id=\"a@b\"; number=%d; total=3\r\n\r\n%s", n, piece)}
}

// pieces is a mailbox that pieces come to, polled with after: delete.
type pieces struct {
	t           *testing.T
	server      *pop3test.Server
	config, out string
}

func newPieces(t *testing.T, messages ...pop3test.Message) *pieces {
	t.Helper()
	s := pop3test.NewServer()
	s.Users = map[string]string{"u0": "pw0"}
	s.Mailboxes = map[string][]pop3test.Message{"u0": messages}
	s.APOP, s.Pipelining = true, true
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	dir := t.TempDir()
	p := &pieces{t: t, server: s, out: filepath.Join(dir, "out", "lab")}
	p.config = apptest.Server{Addr: s.Addr(), Certificate: s.CertPEM()}.Config(t, dir, "after: delete")
	return p
}

// poll polls and checks how many messages and pieces are left, and whether the whole was delivered.
func (p *pieces) poll(left, waiting int, delivered bool) {
	p.t.Helper()
	code, log := once(p.t, p.config)
	if inQuarantine := strings.Contains(log, " in quarantine: "); code != exitOK && !(code == exitTemporary && inQuarantine) {
		p.t.Fatalf("exit code %d\n%s", code, log)
	}
	p.server.Wait()
	if n := len(p.server.Mailbox("u0")); n != left {
		p.t.Errorf("%d messages are left on the server, want %d", n, left)
	}
	if files := p.files(delivery.PartialFolder, "*", "*"); len(files) != waiting {
		p.t.Errorf("waiting: %q, want %d", files, waiting)
	}
	content, err := os.ReadFile(filepath.Join(p.out, "whole.bin"))
	if (err == nil) != delivered || delivered && strings.TrimSpace(string(content)) != "0123456789abcdef" {
		p.t.Errorf("delivered %q, error %v", content, err)
	}
}

func (p *pieces) files(pattern ...string) []string {
	files, err := filepath.Glob(filepath.Join(append([]string{p.out}, pattern...)...))
	if err != nil {
		p.t.Fatal(err)
	}
	return files
}

// command runs a command and returns its exit code and what it writes.
func (p *pieces) command(args ...string) (code int, out string) {
	p.t.Helper()
	out, code = attachd(p.t, append(args, "--config", p.config)...)
	return code, out
}

// TestPiecesStayOnTheServer: a piece of a message is deleted when the whole stands in the folder,
// and not before. Until then it is in quarantine, where a person looks.
func TestPiecesStayOnTheServer(t *testing.T) {
	t.Parallel()
	p := newPieces(t, pieceOf(2), pieceOf(3))
	p.poll(2, 2, false)
	p.poll(2, 2, false) // and is not fetched again
	if code, out := p.command("quarantine", "list"); code != exitOK || strings.Count(out, "which waits for the others") != 2 || !strings.Contains(out, "piece 2 of 3") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if code, out := p.command("quarantine", "retry", "--all"); code == exitOK || !strings.Contains(out, "waits for the others") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if code, out := p.command("state", "check"); code != exitTemporary || strings.Contains(out, "can't be read") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	p.server.Append("u0", pieceOf(1))
	p.poll(2, 0, true)
	p.poll(0, 0, true) // the other two, which count as delivered since
	if _, out := p.command("quarantine", "list"); !strings.Contains(out, "nothing is in quarantine") {
		t.Error(out)
	}
	if files := p.files("[^.]*"); len(files) != 1 {
		t.Errorf("files %q", files)
	}
}

// TestPiecesInterrupted: what interrupts the delivery of the whole is made up for, to the last
// piece.
func TestPiecesInterrupted(t *testing.T) {
	t.Parallel()
	p := newPieces(t, pieceOf(1), pieceOf(2))
	p.poll(2, 2, false)
	p.server.Append("u0", pieceOf(3))
	c, _, err := config.Load(p.config)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Options{Config: c, Hooks: app.Hooks{Ledger: func(s sqlite.Step, name string) error {
		if s == sqlite.StepCommit && name == string(ledger.Delivered) {
			return errors.New("failed on purpose")
		}
		return nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if o, err := a.RunOnce(t.Context()); err != nil || len(o.Failed) != 1 {
		t.Errorf("%+v, %v, want one failure", o, err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	p.server.Wait()
	p.poll(0, 0, true)
	if _, out := p.command("quarantine", "list"); !strings.Contains(out, "nothing is in quarantine") {
		t.Error(out)
	}
}

// TestPiecesInOneBatch: the pieces of one poll are joined in it.
func TestPiecesInOneBatch(t *testing.T) {
	t.Parallel()
	p := newPieces(t, pieceOf(3), pieceOf(1), pieceOf(2))
	p.poll(2, 0, true)
	p.poll(0, 0, true)
}

// TestOldPieces: pieces whose others never come are kept like other messages that can't be handled,
// and are whole when they are taken up again.
func TestOldPieces(t *testing.T) {
	t.Parallel()
	p := newPieces(t, pieceOf(1), pieceOf(2))
	p.poll(2, 2, false)
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(p.config), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-31 * 24 * time.Hour).UnixMilli()
	_, err = db.Exec("UPDATE message SET delivered = ?", old)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.poll(2, 0, false)
	if kept := p.files(delivery.QuarantineFolder, "*.eml"); len(kept) != 2 {
		t.Errorf("in quarantine: %q", kept)
	}
	if code, out := p.command("quarantine", "list"); code != exitOK || strings.Count(out, "not come within 30 days") != 2 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	p.server.Append("u0", pieceOf(3))
	p.poll(3, 1, false)
	if code, out := p.command("quarantine", "retry", "--all"); code != exitFailure || !strings.Contains(out, "delivered, 1 attachment") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	p.poll(0, 0, true)
}

// TestPiecesDropped: giving up a piece removes it alone.
func TestPiecesDropped(t *testing.T) {
	t.Parallel()
	both := pieceOf(1)
	both.Raw = []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/pdf; name=other.pdf\r\n\r\n%PDF\r\n--b\r\n" +
		strings.TrimPrefix(string(both.Raw), "Subject: piece\r\nMIME-Version: 1.0\r\n") + "\r\n--b--\r\n")
	p := newPieces(t, both)
	p.poll(1, 1, false)
	if code, out := p.command("quarantine", "drop", "--all", "--yes"); code != exitOK {
		t.Errorf("exit code %d\n%s", code, out)
	}
	p.poll(0, 0, false)
	if files := p.files("[^.]*"); len(files) != 1 {
		t.Errorf("files %q, want what was delivered beside the piece", files)
	}
}
