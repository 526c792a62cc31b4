package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// doubtfulMail has three attachments and no text besides. The last one is declared as base64 and is
// not.
const doubtfulMail = "From: Lena <lena@example.org>\r\nSubject: =?utf-8?Q?M=C3=A4rz?=\r\nMessage-ID: <1@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\none\r\n" +
	"--b\r\nContent-Disposition: attachment; filename=b.csv\r\n\r\n1;2\r\n" +
	"--b\r\nContent-Disposition: attachment; filename=c.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\x01\x02\x03\x04JVBERi0xLjQK\r\n--b--\r\n"

// says runs the program and returns what it prints.
func says(t *testing.T, want int, args ...string) string {
	t.Helper()
	out, code := attachd(t, args...)
	if code != want {
		t.Errorf("%q: exit code %d, want %d\n%s", args, code, want, out)
	}
	return out
}

// expect checks that each text is said.
func expect(t *testing.T, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("%q is not said:\n%s", text, said)
		}
	}
}

// visible are the names of an account's files.
func visible(t *testing.T, output string) string {
	t.Helper()
	entries, err := os.ReadDir(output)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, " ")
}

// TestRawCopy: a message that can only be read in part, and that is deleted on the server, is in
// quarantine as it came, while what came out of it is delivered. A retry delivers what was not
// delivered before.
func TestRawCopy(t *testing.T) {
	t.Parallel()
	server := apptest.StartPop3test(t, []pop3test.Message{{UIDL: "odd", Raw: []byte(doubtfulMail)}})
	dir := t.TempDir()
	output := filepath.Join(dir, "out", "lab")
	config := server.Config(t, dir, "after: delete", `exclude: ["*.csv"]`)
	code, log := once(t, config)
	if code != exitTemporary || !wentWell(code, log) {
		t.Errorf("exit code %d\n%s", code, log)
	}
	expect(t, log, `"message":"message delivered and kept in quarantine, as something of it could not be read right"`, `"from":"Lena <lena@example.org>","subject":"März"`,
		`"attachments":2,`, `"deleted":1,`, `"quarantined":1,`, `"in_quarantine":1,`, `"message":"message deleted on the server"`)
	if got := visible(t, output); got != "a.txt c.pdf" || server.Left() != 0 {
		t.Errorf("delivered %q, %d messages are left", got, server.Left())
	}
	copies, err := filepath.Glob(filepath.Join(output, ".quarantine", "*"))
	if err != nil || len(copies) != 2 {
		t.Fatalf("in quarantine: %q, %v", copies, err)
	}
	raw, err := os.ReadFile(copies[0])
	if diff := cmp.Diff(doubtfulMail, string(raw)); err != nil || diff != "" {
		t.Errorf("the copy differs, %v:\n%s", err, diff)
	}
	why, err := os.ReadFile(copies[1])
	if err != nil || !strings.Contains(string(why), "UIDL: \"odd\"\nreason: part 3: ") {
		t.Errorf("reason %s, %v", why, err)
	}
	expect(t, says(t, exitOK, "quarantine", "list", "--config", config), "from Lena <lena@example.org>, subject März", "delivered, with 2 files, and not read right: part 3: ", "0 failed attempts")
	expect(t, says(t, exitTemporary, "state", "check", "--config", config), "account lab: 1 deleted", "1 message in quarantine")

	// Nothing new comes of it, also when a consumer has taken the files away.
	for attempt := range 2 {
		expect(t, says(t, exitFailure, "quarantine", "retry", "--all", "--config", config), "nothing came of it that was not delivered before: part 3: ", "attachd quarantine drop removes it")
		if attempt == 0 {
			if err := os.Remove(filepath.Join(output, "a.txt")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := visible(t, output); got != "c.pdf" {
		t.Errorf("delivered %q", got)
	}
	expect(t, says(t, exitOK, "quarantine", "list", "--config", config), "2 failed attempts")

	// What the rules take now is new, once.
	apptest.Rewrite(t, config, `exclude: ["*.csv"]`, "sidecar: true")
	for _, want := range []string{"out/lab/b.csv\n", "nothing came of it that was not delivered before"} {
		said := says(t, exitFailure, "quarantine", "retry", "lab", "odd", "--config", config)
		expect(t, said, want, "still can't be read right")
		if got := visible(t, output); got != "b.csv b.csv.json c.pdf" {
			t.Errorf("delivered %q", got)
		}
	}
	expect(t, says(t, exitOK, "quarantine", "list", "--json", "--config", config), `"files":3}`)

	says(t, exitOK, "quarantine", "drop", "--yes", "lab", "odd", "--config", config)
	if code, log := once(t, config); code != exitOK {
		t.Errorf("exit code %d\n%s", code, log)
	}
	expect(t, says(t, exitOK, "state", "check", "--config", config), "account lab: 1 deleted")
	if copies, err := filepath.Glob(filepath.Join(output, ".quarantine", "*")); err != nil || len(copies) != 0 {
		t.Errorf("in quarantine: %q, %v", copies, err)
	}
}

// TestRawCopyWhere: a message that can only be read in part is kept in one place besides the
// server, and is deleted on the server only if it is kept.
func TestRawCopyWhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		settings []string
		visible  string
		copies   int
		left     int // with after: delete, then or later
	}{
		{[]string{"after: delete"}, "a.txt b.csv c.pdf", 1, 0},
		{[]string{"after: delete", "delete_after: 30d"}, "a.txt b.csv c.pdf", 1, 0},
		{[]string{"after: delete", "raw: problems"}, "März.eml a.txt b.csv c.pdf", 0, 0},
		{[]string{"after: delete", "raw: always"}, "März.eml a.txt b.csv c.pdf", 0, 0},
		{[]string{"after: delete", `exclude: ["*.pdf"]`}, "a.txt b.csv", 0, 0},
		{[]string{"after: delete", "include: [{min_size: 1KiB}]"}, "", 0, 1},
		{[]string{"after: delete", "delete: all", "include: [c.pdf]"}, "c.pdf", 1, 0},
		{[]string{"after: keep"}, "a.txt b.csv c.pdf", 0, 1},
		{[]string{"after: keep", "raw: problems"}, "März.eml a.txt b.csv c.pdf", 0, 0},
	} {
		t.Run(strings.Join(tt.settings, ", "), func(t *testing.T) {
			t.Parallel()
			server := apptest.StartPop3test(t, []pop3test.Message{{UIDL: "odd", Raw: []byte(doubtfulMail)}})
			dir := t.TempDir()
			output := filepath.Join(dir, "out", "lab")
			if code, log := once(t, server.Config(t, dir, slices.Clone(tt.settings)...)); !wentWell(code, log) {
				t.Errorf("exit code %d\n%s", code, log)
			}
			if got := visible(t, output); got != tt.visible {
				t.Errorf("delivered %q, want %q", got, tt.visible)
			}
			copies, err := filepath.Glob(filepath.Join(output, ".quarantine", "*.eml"))
			if err != nil || len(copies) != tt.copies {
				t.Errorf("in quarantine: %q, %v", copies, err)
			}
			if code, log := once(t, server.Config(t, dir, "after: delete")); !wentWell(code, log) || server.Left() != tt.left {
				t.Errorf("exit code %d, %d messages left, want %d\n%s", code, server.Left(), tt.left, log)
			}
		})
	}
}

// TestRetryLeavesCopy: a message that was beyond the limits, and is delivered by a retry, stays in
// quarantine if it can only be read in part and the server's copy will be deleted.
func TestRetryLeavesCopy(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"after: delete", "after: keep"} {
		server := apptest.StartPop3test(t, []pop3test.Message{{UIDL: "odd", Raw: []byte(doubtfulMail)}})
		dir := t.TempDir()
		output := filepath.Join(dir, "out", "lab")
		config := server.Config(t, dir, after)
		apptest.Rewrite(t, config, "state: state.db\n", "state: state.db\nlimits: {parts: 1}\n")
		if code, log := once(t, config); code != exitTemporary || !wentWell(code, log) {
			t.Fatalf("exit code %d\n%s", code, log)
		}
		apptest.Rewrite(t, config, "limits: {parts: 1}\n", "")
		want, left := exitOK, "nothing is in quarantine"
		if after == "after: delete" {
			want, left = exitFailure, "delivered, with 3 files, and not read right: part 3: "
		}
		expect(t, says(t, want, "quarantine", "retry", "--all", "--config", config), "delivered, 3 attachments")
		expect(t, says(t, exitOK, "quarantine", "list", "--config", config), left)
		if got := visible(t, output); got != "a.txt b.csv c.pdf" {
			t.Errorf("%s: delivered %q", after, got)
		}
		config = server.Config(t, dir, "after: delete")
		if code, log := once(t, config); !wentWell(code, log) {
			t.Errorf("%s: exit code %d\n%s", after, code, log)
		}
		if deleted := server.Left() == 0; deleted != (after == "after: delete") {
			t.Errorf("%s: %d messages are left", after, server.Left())
		}
	}
}
