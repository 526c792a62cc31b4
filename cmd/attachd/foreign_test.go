package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// evil steers a terminal (escape sequences of two bytes, of one, and of one in UTF-8), the order of
// writing, lines of a log, and the eye.
const evil = "\x1b]0;owned\x07\x1b[2J\u009b31m\x9b1m\u202e\u2066\u2028\u2029\u200b\ufeff\x7f\u0085"

// checkHarmless fails if anything of evil came through raw. Line feeds and tabs are our own.
func checkHarmless(t *testing.T, what, shown string) {
	t.Helper()
	for i, r := range shown {
		if r == '\n' || r == '\t' {
			continue
		}
		_, n := utf8.DecodeRuneInString(shown[i:])
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029 || r == utf8.RuneError && n == 1 {
			t.Errorf("%s: %q comes through in %q", what, r, shown[max(0, i-80):min(len(shown), i+80)])
			return
		}
	}
}

// evilMail has something to steer with in all its fields.
func evilMail() []byte {
	fields := []string{
		"From: \"%[1]s\" <%[1]s@example.com>", "To: %[1]s", "Subject: %[1]s", "Date: %[1]s", "Message-ID: <%[1]s@example.com>", "X-%[1]s: x", "MIME-Version: %[1]s",
		"Content-Type: multipart/mixed; boundary=b; x=\"%[1]s\"",
		"", "--b",
		"Content-Type: application/%[1]s; name=\"%[1]s.pdf\"", "Content-Transfer-Encoding: %[1]s", "Content-Disposition: %[1]s; filename=\"%[1]s.pdf\"",
		"Content-ID: <%[1]s>", "Content-Description: %[1]s",
		"", "one", "--b",
		"Content-Type: text/csv; charset=\"%[1]s\"; name*=%[1]s''%%1b%%5b2J%%c2%%9b%%e2%%80%%ae.csv", "Content-Transfer-Encoding: x-%[1]s", "Content-Disposition: attachment; filename=\"=?%[1]s?q?=1b=9b?=\"",
		"", "two", "--b",
		"Content-Type: %[1]s", "Content-Disposition: attachment",
		"", "three", "--b",
		"Content-Type: message/%[1]s; boundary=\"%[1]s\"", "",
		"Subject: %[1]s", "", "four", "--b",
		"Content-Type: text/plain", "",
		"begin 644 %[1]s.bin", "#86)C", "`", "end", "--b--", "",
	}
	return []byte(strings.ReplaceAll(strings.Join(fields, "\r\n"), "%[1]s", evil))
}

// TestForeignMail: nothing that a sender writes, or that a Maildir's file is called, steers the
// terminal of a person who looks at it.
func TestForeignMail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder := filepath.Join(dir, "mail"+evil)
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for file, content := range map[string]string{
		"cur/1" + evil:         string(evilMail()),
		"cur/2\nattachd: fine": "no mail " + evil,
		"new/3" + evil:         "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: application/pdf; name="+evil+"\r\n\r\nx\r\n", 3),
	} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(folder, "cur", "4"+evil)); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "attachd.yaml")
	if err := os.WriteFile(config, []byte("output: out\nstate: state.db\nlimits: {parts: 2}\naccounts:\n  - {name: lab, host: localhost, username: u, password: p, exclude: ['*.csv']}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, args := range map[string][]string{
		"extract":         {"extract", "-o", filepath.Join(dir, "text"), folder},
		"extract --json":  {"extract", "-o", filepath.Join(dir, "json"), "--json", folder},
		"--explain":       {"extract", "--explain", folder},
		"a limit":         {"extract", "-o", filepath.Join(dir, "limit"), "--config", config, folder},
		"explain a limit": {"extract", "--explain", "--config", config, folder},
		"no such file":    {"extract", filepath.Join(dir, evil)},
		"an account":      {"extract", "--config", config, "--account", evil, folder},
		"a config":        {"check", "--config", filepath.Join(dir, evil)},
		"an argument":     {"state", "check", "--config", config, evil},
		"a command":       {evil},
		"a flag":          {"extract", "--" + evil},
	} {
		shown, _ := attachd(t, args...)
		if !strings.Contains(shown, `\x1b`) && !strings.Contains(shown, `\u001b`) {
			t.Errorf("%s shows nothing of it:\n%s", what, shown)
		}
		checkHarmless(t, what, shown)
		if strings.Contains(shown, "\nattachd: fine") {
			t.Errorf("%s has a forged line:\n%s", what, shown)
		}
	}
}

// TestForeignServer: nothing that a server says, from its greeting to its UIDLs, steers the
// terminal of a person who looks at the log or at the state.
func TestForeignServer(t *testing.T) {
	t.Parallel()
	uidl := func(n int) string { return fmt.Sprintf("%d%s", n, strings.ReplaceAll(evil, " ", "")) }
	for what, set := range map[string]func(s *pop3test.Server){
		"nothing refused": func(s *pop3test.Server) {},
		"the greeting":    func(s *pop3test.Server) { s.Greeting = "+OK " + evil + " <" + evil + "@x>" },
		"no greeting":     func(s *pop3test.Server) { s.Greeting = evil },
		"a refusal":       func(s *pop3test.Server) { s.Greeting = "-ERR [" + evil + "] " + evil },
		"the login":       func(s *pop3test.Server) { s.Auth.Refusal = "-ERR [SYS/" + evil + "] " + evil },
		"no reply":        func(s *pop3test.Server) { s.Auth.Refusal = evil },
		"capabilities":    func(s *pop3test.Server) { s.Capabilities = []string{evil, "SASL " + evil, "IMPLEMENTATION " + evil} },
		"STAT":            reply("STAT", "+OK "+evil),
		"LIST":            reply("LIST", "-ERR "+evil),
		"UIDL":            reply("UIDL", "-ERR "+evil),
		"RETR":            reply("RETR", "-ERR "+evil),
		"TOP":             reply("TOP", "-ERR "+evil),
		"DELE":            reply("DELE", "-ERR "+evil),
		"QUIT":            reply("QUIT", "-ERR "+evil),
		"garbage":         reply("RETR", evil),
		"a bad list":      reply("LIST", "+OK\r\n1 "+evil+"\r\n."),
		"a bad UIDL list": reply("UIDL", "+OK\r\n"+evil+"\r\n1 x "+evil+"\r\n."),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := pop3test.NewServer()
			s.Users = map[string]string{"u0": "pw0"}
			s.APOP = true
			s.Mailboxes = map[string][]pop3test.Message{"u0": {{UIDL: uidl(1), Raw: evilMail()}, {UIDL: uidl(2), Raw: apptest.Notes(1)[0].Raw}}}
			set(s)
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			dir := t.TempDir()
			config := apptest.Server{Addr: s.Addr(), Certificate: s.CertPEM()}.Config(t, dir, "after: delete", "sidecar: true")
			apptest.Rewrite(t, config, "state: state.db\n", "state: state.db\nlimits: {parts: 3}\n") // the one of many parts goes to quarantine
			var all strings.Builder
			look := func(what string, args ...string) {
				shown, _ := attachd(t, append(args, "--config", config)...)
				checkHarmless(t, what, shown)
				all.WriteString(shown)
			}
			look("check --online", "check", "--online")
			look("JSON log", "run", "--once", "--log-level", "trace", "--log-format", "json")
			look("console log", "run", "--once", "--log-level", "trace", "--log-format", "console")
			look("state check", "state", "check")
			look("quarantine list", "quarantine", "list")
			look("quarantine list --json", "quarantine", "list", "--json")
			look("quarantine show", "quarantine", "show", "lab", uidl(1))
			look("quarantine retry", "quarantine", "retry", "lab", uidl(1))
			look("state forget", "state", "forget", "lab", "--uidl", uidl(1))
			look("state rebuild", "state", "rebuild")
			apptest.Rewrite(t, config, "state: state.db\nlimits: {parts: 3}\n", "state: state.db\n")
			look("quarantine retry", "quarantine", "retry", "--all")
			look("quarantine drop", "quarantine", "drop", "lab", uidl(1))
			if !strings.Contains(all.String(), "owned") {
				t.Errorf("nothing of it is shown:\n%s", &all)
			}
			sidecars, err := filepath.Glob(filepath.Join(dir, "out", "lab", "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range sidecars {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				checkHarmless(t, "sidecar", string(text))
			}
		})
	}
}

// reply has a server answer one command with a line of its own.
func reply(cmd, line string) func(s *pop3test.Server) {
	return func(s *pop3test.Server) {
		s.Hook = func(c *pop3test.Conn, asked, _ string) bool {
			if asked == cmd {
				c.Reply(line)
			}
			return asked == cmd
		}
	}
}
