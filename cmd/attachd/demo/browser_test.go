package demo_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/demo"
	"github.com/attachd/attachd/cmd/attachd/web/browsertest"
)

// patient is how long anything may take while the machine is busy with other tests.
const patient = time.Minute

// serve runs the demo with its page in dir. It returns the page's address, and what stops it.
func serve(t *testing.T, dir string) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := demo.Serve(ctx, demo.Options{Out: in, Errors: io.Discard, Dir: dir, Listen: "127.0.0.1:0"})
		in.Close()
		if err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(`http://\S+/`).FindString(lines.Text()); found != "" {
			address = strings.TrimSuffix(found, "/")
			break
		}
	}
	go io.Copy(io.Discard, out)
	if address == "" {
		t.Fatal("the demo names no page")
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/livez", nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
			return address, stop
		}
		if time.Since(began) > patient {
			t.Fatal("the page does not come up")
		}
	}
}

// TestServe has a browser work with the whole daemon: news show by themselves, a file is the one
// that was delivered, a message leaves the quarantine once the configuration allows it, and the end
// of the daemon is told.
func TestServe(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	dir := t.TempDir()
	address, stop := serve(t, dir)
	watching := b.Tab(t)
	watching.Open(address + "/")
	watching.Until(patient, "document.querySelectorAll('[data-live=recent] tbody tr').length > 0")
	watching.Until(patient, "/need(s)? you/.test(document.querySelector('.status h1').textContent)")
	watching.Shoot("demo-overview")
	newest := watching.Text("[data-live=recent] tbody tr a")
	watching.Until(patient, fmt.Sprintf("document.querySelector('[data-live=recent] tbody tr a').textContent.trim() !== %q", newest))

	tab := b.Tab(t)
	tab.Open(address + "/accounts")
	tab.Until(patient, "[...document.querySelectorAll('tr')].some(r => r.textContent.includes('orders') && r.textContent.includes('needs you'))")
	tab.Shoot("demo-accounts")
	tab.Open(address + "/attachments?name=pdf")
	tab.Shoot("demo-attachments")
	tab.Click("tbody tr .name a")
	place := tab.Text(".steps .mono")
	want, err := os.ReadFile(place)
	if err != nil {
		t.Fatal(err)
	}
	got := browsertest.Eval[string](tab, "fetch(document.querySelector('a[download]').href).then(r => r.arrayBuffer()).then(b => btoa(String.fromCharCode(...new Uint8Array(b))))")
	if got != base64.StdEncoding.EncodeToString(want) {
		t.Errorf("%s: other bytes were downloaded than lie there", place)
	}

	again(t, tab, address+"/quarantine", "document.querySelector('.case') !== null")
	tab.Click(".case .btn-main")
	if said := tab.Text("p[role=status]"); !strings.Contains(said, "stays in quarantine") && !strings.Contains(said, "as soon as the poll") {
		t.Errorf("after a retry under the old limits the page says %q", said)
	}
	raise(t, filepath.Join(dir, "attachd.yaml"))
	tab.Open(address + "/config")
	tab.Click("main form button")
	for began := time.Now(); ; {
		tab.Open(address + "/quarantine")
		if browsertest.Eval[bool](tab, "document.querySelector('.case') === null") {
			break
		}
		if time.Since(began) > 2*patient {
			t.Fatalf("under the new limits the message stays:\n%s", tab.Text("main"))
		}
		tab.Click(".case .btn-main")
	}
	again(t, tab, address+"/quarantine", "document.body.innerText.includes('retried, delivered: 30 files')")
	tab.Shoot("demo-quarantine")
	again(t, tab, address+"/attachments?account=meters", "document.querySelectorAll('tbody tr').length >= 30")
	for _, one := range []*browsertest.Tab{watching, tab} {
		if faults := one.Faults(); len(faults) > 0 {
			t.Errorf("%q", faults)
		}
	}
	stop()
	watching.Until(patient, "document.querySelector('[data-live-state]').textContent.includes('Not connected')")
}

// again opens a page until an expression is true on it.
func again(t *testing.T, tab *browsertest.Tab, address, expression string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		tab.Open(address)
		if browsertest.Eval[bool](tab, expression) {
			return
		}
		if time.Since(began) > patient {
			t.Fatalf("after %s, this is still not so on %s: %s\n%s", patient, address, expression, tab.Text("main"))
		}
	}
}

// raise allows messages of more files.
func raise(t *testing.T, config string) {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	raised := strings.Replace(string(text), "attachments: 20 ", "attachments: 50 ", 1)
	if raised == string(text) {
		t.Fatalf("the demo's configuration has no limit to raise:\n%s", text)
	}
	if err := os.WriteFile(config, []byte(raised), 0o600); err != nil {
		t.Fatal(err)
	}
}
