package daemon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/cmd/attachd/daemon"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// trial is a daemon with an account of its own.
type trial struct {
	t      testing.TB
	dir    string // of the configuration
	server *pop3test.Server
	stop   func()
}

// start runs a daemon. http is that section of the configuration, and lines are for the account.
func start(t testing.TB, http string, lines ...string) *trial {
	t.Helper()
	s := pop3test.NewServer()
	s.Users = map[string]string{"u": "p"}
	s.Mailboxes = map[string][]pop3test.Message{"u": {note("1")}}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir, err := os.MkdirTemp("", "daemon") // short enough for a socket in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &trial{t: t, dir: dir, server: s}
	d.write("ca.pem", string(s.CertPEM()))
	d.configure(http, strings.Join(lines, ""))
	c, warnings, err := config.Load(d.path())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := daemon.Run(ctx, daemon.Options{Config: c, Path: d.path(), Warnings: warnings}); err != nil {
			t.Error(err)
		}
	})
	d.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(d.stop)
	return d
}

func note(uidl string) pop3test.Message {
	return pop3test.Message{UIDL: uidl, Raw: []byte("From: a@example.org\r\nSubject: note\r\nContent-Type: text/plain; name=note.txt\r\nContent-Disposition: attachment\r\n\r\n" + uidl)}
}

func (d *trial) path() string  { return filepath.Join(d.dir, "attachd.yaml") }
func (d *trial) state() string { return filepath.Join(d.dir, "state.db") }

func (d *trial) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// configure writes the configuration, with further lines for the account.
func (d *trial) configure(http, lines string) {
	d.t.Helper()
	host, port, err := net.SplitHostPort(d.server.Addr())
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("attachd.yaml", fmt.Sprintf("output: out\nstate: state.db\ninterval: 1s\nhttp: %s\naccounts:\n  - name: a\n    host: %s\n    port: %s\n    username: u\n    password: p\n    tls: {ca_file: ca.pem}\n%s", http, host, port, lines))
}

// ask returns what the daemon answers, at its page or at the socket beside its state.
func ask(client *http.Client, url string) (status int, body string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// until waits for something to be so.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to this: %s", what)
		}
	}
}

// classes returns the classes of the cases that there are.
func (d *trial) classes() string {
	_, body := ask(control.Client(d.state()), "http://attachd/api/v1/status")
	var said struct {
		Cases, Handled []struct{ Class string }
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil {
		return err.Error()
	}
	var all []string
	for _, c := range append(said.Cases, said.Handled...) {
		all = append(all, c.Class)
	}
	return strings.Join(all, " ")
}

// TestDaemon: a file that came is on the page, the probes answer, and the page follows the
// configuration. Without a listener only the socket is there.
func TestDaemon(t *testing.T) {
	t.Parallel()
	first, second := freeAddress(t), freeAddress(t)
	d := start(t, "{listen: "+first+"}")
	web := http.DefaultClient
	until(t, "the page shows the file", func() bool {
		_, body := ask(web, "http://"+first+"/attachments")
		return strings.Contains(body, "note.txt")
	})
	for path, want := range map[string]string{
		"/livez": "ok", "/readyz": "ok", "/metrics": `attachd_attachments_total{result="delivered"} 1`, "/config": "state.db", "/quarantine": "Quarantine",
	} {
		if status, body := ask(web, "http://"+first+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, want it to hold %q:\n%s", path, status, want, body)
		}
	}
	d.configure("{listen: "+second+"}", "")
	until(t, "the page moves", func() bool {
		status, _ := ask(web, "http://"+second+"/")
		before, _ := ask(web, "http://"+first+"/")
		return status == http.StatusOK && before == 0
	})
	d.write("attachd.yaml", "accounts: 1\n")
	until(t, "the mistakes are told", func() bool { return strings.Contains(d.classes(), "config_faulty") })
	d.configure("{}", "")
	until(t, "the page closes", func() bool {
		status, _ := ask(web, "http://"+second+"/")
		return status == 0 && d.classes() == ""
	})
	d.stop()
	if _, err := os.Lstat(control.Path(d.state())); err == nil {
		t.Error("the socket is left behind")
	}
}

// TestTakenAddress: polls go on where the page can't be opened. The trouble is told, and ends when
// the address is free.
func TestTakenAddress(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	d := start(t, "{listen: "+taken.Addr().String()+"}")
	until(t, "mail is delivered", func() bool {
		_, err := os.Stat(filepath.Join(d.dir, "out", "a", "note.txt"))
		return err == nil
	})
	until(t, "the trouble is told", func() bool { return d.classes() == "page_fails" })
	_ = taken.Close()
	until(t, "the page opens", func() bool {
		status, _ := ask(http.DefaultClient, "http://"+taken.Addr().String()+"/")
		return status == http.StatusOK && d.classes() == ""
	})
}

// TestRestart: what was before a restart is on the page at once, with the trouble that lasts.
func TestRestart(t *testing.T) {
	t.Parallel()
	d := start(t, "{}")
	until(t, "mail is delivered", func() bool {
		_, err := os.Stat(filepath.Join(d.dir, "out", "a", "note.txt"))
		return err == nil
	})
	d.configure("{}", "    auth: pass\n    timeouts: {reply: 1s}\n")
	d.server.Close()
	until(t, "the trouble is told", func() bool { return d.classes() == "connection_refused" })
	since := func(d *trial) string {
		_, body := ask(control.Client(d.state()), "http://attachd/api/v1/status")
		var said struct {
			Handled []struct {
				Since    time.Time
				Attempts int
			}
		}
		if err := json.Unmarshal([]byte(body), &said); err != nil || len(said.Handled) != 1 {
			return ""
		}
		return said.Handled[0].Since.Truncate(time.Millisecond).String()
	}
	before := since(d)
	d.stop()
	c, warnings, err := config.Load(d.path())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		if err := daemon.Run(ctx, daemon.Options{Config: c, Path: d.path(), Warnings: warnings}); err != nil {
			t.Error(err)
		}
	})
	until(t, "the trouble is as old as it was: "+before, func() bool { return since(d) == before })
	if _, body := ask(control.Client(d.state()), "http://attachd/api/v1/attachments"); !strings.Contains(body, "note.txt") {
		t.Errorf("what came before is gone: %s", body)
	}
}

// TestFolders: a folder that can't be written is told of although no mail comes, and is forgotten
// when it can.
func TestFolders(t *testing.T) {
	t.Parallel()
	d := start(t, "{}", "    interval: 1h\n")
	out := filepath.Join(d.dir, "out")
	until(t, "mail is delivered and the poll is over", func() bool {
		_, err := os.Stat(filepath.Join(out, "a", "note.txt"))
		_, body := ask(control.Client(d.state()), "http://attachd/api/v1/accounts")
		return err == nil && strings.Contains(body, `"state":"fine"`)
	})
	if err := os.Rename(out, out+"-away"); err != nil {
		t.Fatal(err)
	}
	d.write("out", "a file, which stops root as well")
	until(t, "it is told", func() bool { return d.classes() == "output_forbidden" })
	if err := errors.Join(os.Remove(out), os.Rename(out+"-away", out)); err != nil {
		t.Fatal(err)
	}
	until(t, "it is over", func() bool { return d.classes() == "" })
}
