package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"gopkg.in/yaml.v3"
)

const password = "tr0ub4dor&3"

// everyForm prints v in every way that a log line, a page or a panic might.
func everyForm(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	j, err := json.Marshal(v)
	try(t, err)
	y, err := yaml.Marshal(v)
	try(t, err)
	b.Write(j)
	b.Write(y)
	log := zerolog.New(&b)
	log.Info().Interface("field", v).Any("any", v).Str("str", fmt.Sprint(v)).Msg("test")
	return b.String()
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	c, _ := load1(t, "output: o\nstate: s\naccounts:\n- {name: a, host: h, username: u, password: "+password+"}\n"+
		"- {name: b, host: h, username: b, password_command: [echo, "+password+"]}\n")
	type hiding struct {
		account Account
		ref     SecretRef
	}
	forms := map[string]any{
		"config":      c,
		"config copy": *c,
		"account":     c.Accounts[0],
		"accounts":    c.Accounts,
		"reference":   c.Accounts[0].Password,
		"command":     c.Accounts[1].Password,
		"in a map":    map[string]SecretRef{"x": c.Accounts[0].Password},
		"secret":      Secret(password),
		"in a struct": struct{ S Secret }{password},
		"pointer":     &struct{ S []Secret }{[]Secret{password}},
		"error":       fmt.Errorf("log in with %v: %w", c.Accounts[0].Password, errors.New("refused")),
	}
	for name, v := range forms {
		out := everyForm(t, v)
		for _, form := range []string{password, fmt.Sprintf("%x", password), fmt.Sprintf("%X", password), fmt.Sprint([]byte(password))} {
			if strings.Contains(out, form) {
				t.Errorf("%s prints the password:\n%s", name, out)
			}
		}
	}
	// fmt cannot call the methods of unexported fields; the text is out of its reach all the same.
	if out := fmt.Sprintf("%v %+v %#v", hiding{c.Accounts[0], c.Accounts[0].Password}, hiding{c.Accounts[0], c.Accounts[1].Password}, &hiding{account: c.Accounts[0]}); strings.Contains(out, password) {
		t.Errorf("an unexported field prints the password:\n%s", out)
	}
	if got := fmt.Sprint(c.Accounts[0].Password, c.Accounts[1].Password, FileSecret("/x"), SecretRef{}); got !=
		"password <secret> password_command echo password_file /x no password" {
		t.Errorf("references print as %q", got)
	}
}

func TestSecretRefIsComparable(t *testing.T) {
	t.Parallel()
	if InlineSecret("a") != InlineSecret(Secret([]byte{'a'})) || InlineSecret("a") == InlineSecret("b") || InlineSecret("a") == EnvSecret("a") {
		t.Error("references do not compare by what they refer to")
	}
	if !(SecretRef{}).IsZero() || InlineSecret("").IsZero() {
		t.Error("only the zero reference refers to nothing")
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		f, err := os.CreateTemp(dir, "")
		try(t, err)
		defer f.Close()
		_, err = f.WriteString(text)
		try(t, err)
		return f.Name()
	}
	t.Setenv("ATTACHD_TEST_SECRET", "from env\n")
	t.Setenv("ATTACHD_TEST_EMPTY", "")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	write(t, filepath.Join(dir, "cred"), "from systemd")
	for _, c := range []struct {
		name string
		ref  SecretRef
		want string // "" for an error that holds fault
		fail string
	}{
		{"inline", InlineSecret(password), password, ""},
		{"file", FileSecret(file(password)), password, ""},
		{"one newline is taken off", FileSecret(file(" a b \n")), " a b ", ""},
		{"CRLF as well", FileSecret(file("x\r\n")), "x", ""},
		{"a byte order mark is taken off", FileSecret(file("\ufeffx\r\n")), "x", ""},
		{"a second newline is not", FileSecret(file("x\n\n")), "", "it holds more than one line: remove the empty ones behind the first, 1 in all"},
		{"nor a third, or a CR", FileSecret(file("x\r\n\r\n\n")), "", "it holds more than one line: remove the empty ones behind the first, 2 in all"},
		{"two lines", FileSecret(file(password + "\nx\n")), "", "it holds more than one line, 2 in all"},
		{"an empty line, and one", FileSecret(file("\nx\n")), "", "it holds more than one line, 2 in all"},
		{"line ends alone", FileSecret(file("\n\n\n")), "", "it holds line ends and nothing else"},
		{"UTF-16", FileSecret(file("\xff\xfex\x00\xe4\x00 \x00=\xd8\x11\xdd\r\x00\n\x00")), "xä \U0001f511", ""},
		{"UTF-16, the other way round", FileSecret(file("\xfe\xff\x00x\x00\xe4")), "xä", ""},
		{"UTF-16, two line ends", FileSecret(file("\xff\xfex\x00\n\x00\n\x00")), "", "it holds more than one line: remove the empty ones behind the first, 1 in all"},
		{"UTF-16, cut", FileSecret(file("\xff\xfex\x00\n")), "", "ends within a character"},
		{"UTF-16, half a pair", FileSecret(file("\xff\xfe=\xd8")), "", "holds an invalid character"},
		{"UTF-16, and no more than its mark", FileSecret(file("\xff\xfe")), "", "it is empty"},
		{"UTF-16 without a mark", FileSecret(file("x\x00y\x00\n\x00")), "", "as a file in UTF-16 without a byte order mark does: save it as UTF-8"},
		{"UTF-16 without a mark, the other way round", FileSecret(file("\x00x\x00y")), "", "save it as UTF-8"},
		{"UTF-32", FileSecret(file("\xff\xfe\x00\x00x\x00\x00\x00")), "", "NUL"},
		{"NUL", FileSecret(file("a\x00b")), "", "it holds a NUL character"},
		{"empty file", FileSecret(file("\n")), "", "it is empty"},
		{"no file", FileSecret(dir + "/none"), "", "read password_file " + dir + "/none: no such file or directory"},
		{"folder", FileSecret(dir), "", "not a regular file"},
		{"FIFO without a writer", FileSecret(fifo(t, dir)), "", "not a regular file"},
		{"largest file", FileSecret(file(strings.Repeat("x", maxSecretBytes))), strings.Repeat("x", maxSecretBytes), ""},
		{"too large", FileSecret(file(strings.Repeat("x", maxSecretBytes+1))), "", "more than 64 KiB"},
		{"variable", EnvSecret("ATTACHD_TEST_SECRET"), "from env", ""},
		{"no variable", EnvSecret("ATTACHD_TEST_NONE"), "", "read password_env ATTACHD_TEST_NONE: the variable is not set"},
		{"empty variable", EnvSecret("ATTACHD_TEST_EMPTY"), "", "it is empty"},
		{"credential", CredentialSecret("cred"), "from systemd", ""},
		{"no credential", CredentialSecret("none"), "", "no such file or directory"},
		{"command", CommandSecret("echo", password), password, ""},
		{"first line counts", CommandSecret("printf", `one\r\ntwo\n`), "one", ""},
		{"no newline", CommandSecret("printf", "one"), "one", ""},
		{"output in UTF-16", CommandSecret("printf", `\377\376p\000\344\000\r\000\n\000x\000`), "pä", ""},
		{"output in UTF-16, the other way round", CommandSecret("printf", `\376\377\000p\000w\000\n`), "pw", ""},
		{"output in UTF-16, all of it", TokenCommand("printf", `\377\376p\000\n\000w\000`), "p\nw", ""},
		{"no shell", CommandSecret("echo", "$HOME; x"), "$HOME; x", ""},
		{"much output", CommandSecret("sh", "-c", "echo one; head -c 1000000 /dev/zero"), "one", ""},
		{"endless line", CommandSecret("head", "-c", "1000000", "/dev/zero"), "", "is too long"},
		{"nothing", CommandSecret("true"), "", "it is empty"},
		{"no program", CommandSecret("/nowhere/attachd-none", password), "", "no such file"},
		{"exit status", CommandSecret("sh", "-c", "echo 'gpg: \x1b[1mno key' >&2; echo more >&2; exit 3"), "", "exit status 3 (log.level debug shows what it wrote; so does running it by hand)"},
		{"exit status after output", CommandSecret("sh", "-c", "echo "+password+"; exit 3"), "", "exit status 3"},
		{"repeats the secret", CommandSecret("sh", "-c", "echo "+password+"; echo bad: "+password+" >&2; exit 3"), "", "exit status 3"},
		{"zero", SecretRef{}, "", "none is configured"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.ref.Resolve(t.Context())
			switch {
			case c.fail == "" && err != nil:
				t.Fatal(err)
			case c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)):
				t.Fatalf("got error %v, want one with %q", err, c.fail)
			case err != nil && strings.Contains(err.Error(), password):
				t.Fatalf("the error holds the password: %v", err)
			case string(got) != c.want:
				t.Fatalf("got %q, want %q", string(got), c.want)
			}
		})
	}
}

// TestLoadReadsUTF16: what will be read as a password when the account logs in is one when the
// configuration is loaded, too.
func TestLoadReadsUTF16(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	write(t, filepath.Join(dir, "attachd.yaml"), "output: out\nstate: db\naccounts:\n"+
		"  - {name: a, host: h, username: a, password_file: secret}\n  - {name: b, host: h, username: b, password_credential: secret}\n")
	for name, text := range map[string]string{
		"no line end":              "\xff\xfep\x00w\x00",
		"LF":                       "\xff\xfep\x00w\x00\n\x00",
		"CRLF":                     "\xff\xfep\x00w\x00\r\x00\n\x00",
		"big endian":               "\xfe\xff\x00p\x00w\x00\n",
		"big endian, no line end":  "\xfe\xff\x00p\x00w",
		"big endian, CRLF":         "\xfe\xff\x00p\x00w\x00\r\x00\n",
		"UTF-8 with its own mark":  "\ufeffpw\r\n",
		"what is no UTF-16 at all": "pw",
	} {
		write(t, filepath.Join(dir, "secret"), text)
		if got := messages(dir, "attachd.yaml"); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	write(t, filepath.Join(dir, "secret"), "\xff\xfep\x00\n\x00x\x00")
	if got := messages(dir, "attachd.yaml"); strings.Count(got, "it holds more than one line, 2 in all") != 2 {
		t.Errorf("two lines: %s", got)
	}
}

func fifo(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "fifo")
	try(t, syscall.Mkfifo(path, 0o600))
	return path
}

// TestResolveEndsWithItsContext has a shell whose child would hold the output open long after the
// shell is gone.
func TestResolveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ready := filepath.Join(t.TempDir(), "ready")
	try(t, syscall.Mkfifo(ready, 0o600))
	go func() {
		// Opening waits until the command has begun.
		if f, err := os.OpenFile(ready, os.O_RDONLY, 0); err == nil {
			_ = f.Close()
		}
		cancel()
	}()
	done := make(chan error, 1)
	go func() {
		_, err := CommandSecret("sh", "-c", "sleep 1000 & : > "+ready+"; wait").Resolve(ctx)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	case <-time.After(patience):
		t.Fatal("the command outlives its context")
	}
}

// TestExplainPermission runs itself as nobody, as root is refused nothing.
func TestExplainPermission(t *testing.T) {
	t.Parallel()
	if path := os.Getenv("ATTACHD_TEST_UNREADABLE"); path != "" {
		_, err := FileSecret(path).Resolve(t.Context())
		fmt.Printf("resolved: %v\n", err)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	dir, err := os.MkdirTemp("/tmp", "attachd-explain-")
	try(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	try(t, os.Chmod(dir, 0o755))
	self := filepath.Join(dir, "self")
	program, err := os.ReadFile("/proc/self/exe")
	try(t, err)
	// A process that is forked meanwhile would hold the program open for writing.
	syscall.ForkLock.RLock()
	err = os.WriteFile(self, program, 0o755)
	syscall.ForkLock.RUnlock()
	try(t, err)
	write(t, filepath.Join(dir, "secret"), password)
	write(t, filepath.Join(dir, "closed", "secret"), password)
	write(t, filepath.Join(dir, "others"), password)
	try(t, os.Chown(filepath.Join(dir, "others"), 0, 54321))
	try(t, os.Chmod(filepath.Join(dir, "others"), 0o640))
	for path, want := range map[string]string{
		"secret":        "permission denied (mode 0600, owner OWNER, group GROUP; attachd runs as SELF): let its group, with chgrp OWN '" + dir + "/secret' && chmod g+r '" + dir + "/secret'",
		"others":        "permission denied (mode 0640, owner OWNER, group 54321; attachd runs as SELF): run it in group 54321, or let its own group, with chgrp OWN '" + dir + "/others'",
		"closed/secret": "permission denied (" + dir + "/closed has mode 0700, owner OWNER, group GROUP; attachd runs as SELF): let its group, with chgrp OWN '" + dir + "/closed' && chmod g+rx '" + dir + "/closed'",
	} {
		want = strings.NewReplacer("OWNER", userName(0), "GROUP", groupName(0), "SELF", userName(65534), "OWN ", "65534 ").Replace(want)
		path = filepath.Join(dir, path)
		cmd := exec.Command(self, "-test.run=^TestExplainPermission$", "-test.v")
		cmd.Dir = "/"
		cmd.Env = []string{"ATTACHD_TEST_UNREADABLE=" + path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		try(t, err)
		if want := "resolved: read password_file " + path + ": " + want + "\n"; !strings.Contains(string(out), want) {
			t.Errorf("got %s, want %s", out, want)
		}
	}
}

func TestLoadWarns(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "open"), password)
	try(t, os.Chmod(filepath.Join(dir, "open"), 0o644))
	write(t, filepath.Join(dir, "empty"), "")
	write(t, filepath.Join(dir, "attachd.yaml"), `output: out
state: db
defaults: {host: mx.example, tls: {insecure_skip_verify: true}}
accounts:
  - {name: a, username: a, password: "x # y"}
  - {name: b, username: b, password_file: open}
  - {name: c, username: c, password_file: none}
  - {name: d, username: d, password_file: empty}
  - {name: e, username: e, password_env: ATTACHD_TEST_NONE}
  - {name: f, username: f, password_credential: f}
  - {name: g, username: g, password_command: [env], tls: {ca_file: empty}}
  - {name: h, username: h, password_command: [env], tls: {cert_file: open, key_file: open}}
  - {name: i, username: i, password_command: [env], tls: {pin_sha256: ["`+strings.Repeat("ab", 32)+`"]}}
  - {name: j, username: j, password_command: [env], host: 127.0.0.1, tls: {mode: none}}
  - name: k
    username: k
    password: tr0ub4dor #cd
  - name: l
    username: l
    password: "tr0ub4dor"  # a comment for sure
  - {name: m, username: m, password_command: [attachd-test-none]}
  - {name: n, username: n, port: 110, auth: xoauth2, token_command: [./none, x]}
  - {name: o, username: o, port: 995, password_command: [./open], tls: {mode: starttls}}
`)
	try(t, os.Chmod(filepath.Join(dir, "attachd.yaml"), 0o644))
	want := strings.TrimPrefix(`
warning (not-verified): attachd.yaml:3:58: defaults.tls.insecure_skip_verify: the server's certificate is not verified: whoever is on the line can read the password and the mail
warning (secret-exposed): attachd.yaml:5:38: accounts[0].password: the password stands in a file that is readable by everyone on this machine (mode 0644)
warning (secret-exposed): attachd.yaml:6:43: accounts[1].password_file: open holds a secret and is readable by everyone on this machine (mode 0644)
warning (unreadable): attachd.yaml:7:43: accounts[2].password_file: none cannot be used: no such file or directory
warning (unreadable): attachd.yaml:8:43: accounts[3].password_file: empty cannot be used: it is empty
warning (unreadable): attachd.yaml:9:42: accounts[4].password_env: the variable is not set, so this account cannot log in
warning (unreadable): attachd.yaml:10:49: accounts[5].password_credential: $CREDENTIALS_DIRECTORY is not set; does the unit have LoadCredential=?
warning (unreadable): attachd.yaml:11:68: accounts[6].tls.ca_file: empty cannot be used: it holds no certificate in PEM form
warning (unreadable): attachd.yaml:12:86: accounts[7].tls.key_file: open cannot be used: tls: failed to find any PEM data in certificate input
warning (plaintext): attachd.yaml:14:82: accounts[9].tls.mode: the password and the mail go to "127.0.0.1" in the clear
warning (comment-in-value): attachd.yaml:17:15: accounts[10].password: a comment follows the password; if " #" belongs to the password, put quotes around it
warning (unreadable): attachd.yaml:21:46: accounts[12].password_command: attachd-test-none cannot be run: executable file not found in $PATH
warning (odd-port): attachd.yaml:22:34: accounts[13].port: 110 is the port for tls.mode: starttls, and the mode is implicit
warning (unreadable): attachd.yaml:22:69: accounts[13].token_command: none cannot be run: no such file or directory
warning (odd-port): attachd.yaml:23:34: accounts[14].port: 995 is the port for tls.mode: implicit, and the mode is starttls
warning (unreadable): attachd.yaml:23:57: accounts[14].password_command: open cannot be run: permission denied (mode 0644, owner USER, group GROUP; attachd runs as USER): let it, with chmod u+x 'open'
`, "\n")
	want = strings.NewReplacer("USER", userName(os.Geteuid()), "GROUP", groupName(os.Getegid())).Replace(want)
	if diff := cmp.Diff(want, messages(dir, "attachd.yaml")); diff != "" {
		t.Errorf("warnings differ (-want +got):\n%s", diff)
	}
}

// TestCommandDetail: what a program writes to standard error is no part of the error, and is there
// for who asks.
func TestCommandDetail(t *testing.T) {
	t.Parallel()
	_, err := CommandSecret("sh", "-c", "echo 'no key: \x1b[1mSwordfish' >&2; exit 3").Resolve(t.Context())
	failed, ok := errors.AsType[*CommandError](err)
	if !ok || strings.Contains(err.Error(), "ordfish") || strings.Contains(fmt.Sprintf("%+v", err), "ordfish") {
		t.Fatalf("error %v", err)
	}
	if want := "no key: [1mSwordfish"; failed.Detail() != want {
		t.Errorf("detail %q, want %q", failed.Detail(), want)
	}
}
