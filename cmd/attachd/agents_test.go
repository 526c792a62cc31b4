package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An agent is a program that empties a mailbox at 127.0.0.1, without TLS: attachd, or one
// that people use in its place. It deletes what it has fetched, waits at
// most 4 seconds for a server (agentWait), and keeps what it knows in a folder between its runs.
type agent struct {
	name    string
	program string // that must be installed; "" for attachd
	pkg     string // of Debian
	// start returns the command for a run in dir, whose files are made by the first one. sasl
	// asks for AUTH PLAIN, for those that know it.
	start func(t testing.TB, dir, port string, sasl bool) *exec.Cmd
	// stored is the folder below dir in which the messages end up.
	stored string
	// notRoot says that it refuses to deliver as root.
	notRoot bool
	// body tells, of a stored file, the body of the message.
	body func(file []byte) []byte
}

func agents() []agent {
	return []agent{
		{"attachd", "", "", startAttachd, "out/lab", false, func(file []byte) []byte { return file }},
		{"mpop", "mpop", "mpop", startMpop, "Maildir/new", false, bodyOf},
		{"fetchmail", "fetchmail", "fetchmail", startFetchmail, "Maildir/new", false, bodyOf},
		{"getmail6", "getmail", "getmail6", startGetmail, "Maildir/new", true, bodyOf},
		{"fdm", "fdm", "fdm", startFdm, "Maildir/new", false, bodyOf},
	}
}

// bodyOf returns what stands behind the header of a message.
func bodyOf(file []byte) []byte {
	text := string(file)
	lf, crlf := strings.Index(text, "\n\n"), strings.Index(text, "\r\n\r\n")
	switch {
	case crlf >= 0 && (lf < 0 || crlf < lf):
		return file[crlf+4:]
	case lf >= 0:
		return file[lf+2:]
	}
	return nil
}

func write(t testing.TB, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // less what the umask took
		t.Fatal(err)
	}
}

func makeMaildir(t testing.TB, dir string) string {
	t.Helper()
	maildir := filepath.Join(dir, "Maildir")
	if _, err := os.Lstat(maildir); err == nil {
		return maildir // or what a test has put in its place
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(maildir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return maildir
}

func startAttachd(t testing.TB, dir, port string, sasl bool) *exec.Cmd {
	t.Helper()
	auth := "pass"
	if sasl {
		auth = "plain"
	}
	config := filepath.Join(dir, "attachd.yaml")
	write(t, config, fmt.Sprintf(`output: out
state: state.db
accounts:
  - name: lab
    host: 127.0.0.1
    port: %s
    username: u0
    password: pw0
    auth: %s
    after: delete
    delete: all
    tls: {mode: none}
    timeouts: {greeting: %[3]v, reply: %[3]v, idle: %[3]v}
`, port, auth, agentWait()), 0o600)
	return program(t, "run", "--once", "--config", config)
}

func startMpop(t testing.TB, dir, port string, sasl bool) *exec.Cmd {
	t.Helper()
	auth := "user"
	if sasl {
		auth = "plain"
	}
	config := filepath.Join(dir, "mpoprc")
	write(t, config, fmt.Sprintf(`account lab
host 127.0.0.1
port %s
tls off
auth %s
user u0
password pw0
timeout 4
keep off
received_header off
delivery maildir %s
uidls_file %s
`, port, auth, makeMaildir(t, dir), filepath.Join(dir, "uidls")), 0o600)
	return exec.Command("mpop", "--quiet", "--file="+config, "lab")
}

// startFetchmail has a script deliver, as fetchmail does not by itself.
func startFetchmail(t testing.TB, dir, port string, _ bool) *exec.Cmd {
	t.Helper()
	maildir := makeMaildir(t, dir)
	deliver := filepath.Join(dir, "deliver")
	write(t, deliver, fmt.Sprintf("#!/bin/sh\nf=$(mktemp %[1]s/tmp/XXXXXXXX) && cat >\"$f\" && mv \"$f\" %[1]s/new/ || exit 75\n", maildir), 0o755)
	config := filepath.Join(dir, "fetchmailrc")
	write(t, config, fmt.Sprintf(`set idfile "%s/ids"
set no bouncemail
poll 127.0.0.1 service %s protocol POP3 timeout 4 auth password uidl
  user "u0" password "pw0" mda "%s" sslproto "" nokeep
`, dir, port, deliver), 0o600)
	cmd := exec.Command("fetchmail", "-f", config, "--nosyslog", "--silent")
	cmd.Env = append(os.Environ(), "FETCHMAILHOME="+dir, "HOME="+dir)
	return cmd
}

func startGetmail(t testing.TB, dir, port string, _ bool) *exec.Cmd {
	t.Helper()
	config := filepath.Join(dir, "getmailrc")
	write(t, config, fmt.Sprintf(`[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = %s
username = u0
password = pw0
timeout = 4
[destination]
type = Maildir
path = %s/
[options]
delete = true
read_all = false
delivered_to = false
received = false
`, port, makeMaildir(t, dir)), 0o600)
	return exec.Command("getmail", "--getmaildir", dir, "--rcfile", config, "--quiet")
}

func startFdm(t testing.TB, dir, port string, _ bool) *exec.Cmd {
	t.Helper()
	config := filepath.Join(dir, "fdm.conf")
	write(t, config, fmt.Sprintf(`set default-user "root"
set timeout 4
set lock-file "%[1]s/lock"
account "lab" pop3 server "127.0.0.1" port %[2]s user "u0" pass "pw0" no-apop cache "%[1]s/cache"
action "keep" maildir "%[3]s"
match all action "keep"
`, dir, port, makeMaildir(t, dir)), 0o600)
	return exec.Command("fdm", "-q", "-l", "-f", config, "fetch")
}

// agentWait is shorter for attachd alone than beside the others, which know whole seconds and start
// slowly.
func agentWait() time.Duration {
	if os.Getenv(serversEnv) != "" {
		return 4 * time.Second
	}
	return 2 * time.Second
}

// Limits of one run of an agent.
const (
	agentPatience = 20 * time.Second
	agentOutput   = 64 << 20 // bytes in its folder
)

// runAgent lets an agent run once and says how it ended, "" for well.
func runAgent(t testing.TB, a agent, dir, port string, sasl bool) (ended, output string) {
	t.Helper()
	cmd := a.start(t, dir, port, sasl)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.notRoot && os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error { return os.Lchown(path, nobody, nobody) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), agentPatience)
	defer cancel()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over, killed := make(chan struct{}), make(chan string, 1)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-ctx.Done():
				killed <- "hangs"
			case <-tick.C:
				if treeSize(dir) < agentOutput {
					continue
				}
				killed <- "writes without end"
			}
			// The whole group, as some work in children.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			return
		}
	}()
	err = cmd.Wait()
	close(over)
	text, _ := os.ReadFile(filepath.Join(dir, "log"))
	select {
	case ended = <-killed:
		return ended, string(text)
	default:
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
			return status.Signal().String(), string(text)
		}
		return fmt.Sprintf("exit %d", exit.ExitCode()), string(text)
	}
	return "", string(text)
}

func treeSize(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}

// port returns that of an address.
func port(t testing.TB, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
