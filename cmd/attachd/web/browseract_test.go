package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/browsertest"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// patient is how long anything may take while the machine is busy with other tests.
const patient = 30 * time.Second

// browseLive watches the overview while things happen: a file that came shows by itself, what
// somebody is in stays as it is, and the page says when it has lost the server and has it again.
func browseLive(t *testing.T, b *browsertest.Browser) {
	w := newSite(t, webtest.Rich())
	address, stop := reachable(t, "", w)
	tab := b.Tab(t)
	tab.Open(address + "/")
	tab.Until(patient, "document.querySelector('[data-live-state]').textContent.includes('kept current')")
	browsertest.Eval[any](tab, "(document.querySelector('details').open = true, document.querySelector('.case .btn').focus(), null)")
	w.history.Add(history.Item{At: time.Now(), Account: "scans", Name: "came-just-now.pdf", Sender: "copier-2@example.org"})
	changed := webtest.Fine()
	changed.Version, changed.Sentence = 99, "One thing needs you."
	changed.NeedsYou = webtest.Rich().NeedsYou[:1]
	w.board.Set(changed)
	// Four seconds are promised. A machine that runs all tests at once is given more.
	if took := tab.Until(patient, "document.body.innerText.includes('came-just-now.pdf')"); took > 4*time.Second {
		t.Logf("it took %s until the file showed", took)
	}
	tab.Until(patient, "document.querySelector('.status h1').textContent.includes('One thing needs you.')")
	if !browsertest.Eval[bool](tab, "document.activeElement.matches('.case .btn') && document.querySelector('details').open") {
		t.Error("the focus or the open details are gone")
	}
	if title := browsertest.Eval[string](tab, "document.title"); !strings.HasPrefix(title, "(1) ") {
		t.Errorf("the title is %q", title)
	}
	if faults := tab.Faults(); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	first := newSite(t, webtest.Fine())
	first.history.Items = nil
	beginning, _ := reachable(t, "", first)
	newcomer := b.Tab(t)
	newcomer.Open(beginning + "/")
	newcomer.Until(patient, "document.querySelector('[data-live-state]').textContent.includes('kept current')")
	first.history.Add(history.Item{At: time.Now(), Account: "scans", Name: "the-first.pdf", Sender: "copier-2@example.org"})
	newcomer.Until(patient, "document.body.innerText.includes('the-first.pdf')")
	stop()
	tab.Until(patient, "document.querySelector('[data-live-state]').textContent.includes('Not connected')")
	w.history.Add(history.Item{At: time.Now(), Account: "scans", Name: "came-meanwhile.pdf", Sender: "copier-2@example.org"})
	reachable(t, strings.TrimPrefix(address, "http://"), w)
	tab.Until(2*patient, "document.body.innerText.includes('came-meanwhile.pdf')")
	tab.Until(patient, "document.querySelector('[data-live-state]').textContent.includes('kept current')")
}

// browsePlain works without scripts: searching, turning over, opening details and forms.
func browsePlain(t *testing.T, b *browsertest.Browser) {
	f := newFurnished(t)
	for i := range 60 {
		f.house.History.Add(history.Item{At: webtest.Now, Account: "scans", Name: fmt.Sprintf("page-%d.pdf", i)})
	}
	address := served(t, f.site)
	tab := b.Tab(t)
	tab.Plain()
	tab.Open(address + "/attachments")
	tab.Type("#name", "page-")
	tab.Click(".find .btn-main")
	if first := tab.Text("tbody tr .name a"); first != "page-59.pdf" {
		t.Errorf("the newest is %q", first)
	}
	tab.Click("a[rel=next]")
	if last := tab.Text("tbody tr:last-child .name a"); last != "page-0.pdf" || !strings.Contains(tab.Text(".more"), "nothing older") {
		t.Errorf("the oldest is %q, and below stands %q", last, tab.Text(".more"))
	}
	tab.Open(address + "/accounts?state=fine")
	tab.Click("tbody tr button")
	if at := browsertest.Eval[string](tab, "location.pathname + location.search"); at != "/accounts?done=polled&state=fine" || len(f.actions.polled) != 1 {
		t.Errorf("after Poll now: %q, polled %q", at, f.actions.polled)
	}
	if said := tab.Text("[role=status]"); !strings.Contains(said, "polled as soon as") {
		t.Errorf("after Poll now the page says %q", said)
	}
	tab.Open(address + "/")
	if live := tab.Text(".live"); !strings.Contains(live, "Reload for news") {
		t.Errorf("without scripts the page says %q", live)
	}
	tab.Push("summary")
	if !browsertest.Eval[bool](tab, "document.querySelector('details table').getBoundingClientRect().height > 0") {
		t.Error("the numbers do not open")
	}
}

// browseHostile shows what strangers wrote, in every field: nothing of it runs, nothing breaks the
// layout, and what is shown is what they wrote, made visible.
func browseHostile(t *testing.T, b *browsertest.Browser) {
	const nasty = `<script>alert(1)</script>"><img src=x onerror=alert(2)>' onload="alert(3) {{.}} <!-- ]]> &lt;b&gt; ` + "\u202egpj.exe\u2066\x1b[31m\r\nSet-Cookie: a=b\x00"
	long := strings.Repeat("Very-long-word", 300)
	f := newFurnished(t)
	address := served(t, f.site)
	id := f.house.Deliver(t, "invoices", "a.pdf", []byte("x"), func(i *history.Item) {
		i.Name, i.Sender, i.SenderName, i.Subject, i.Original, i.MediaType, i.UIDL = nasty, nasty, nasty, nasty, nasty, nasty, nasty
		i.Repairs, i.Message = []string{nasty, long}, 700
	})
	f.house.Deliver(t, "invoices", "b.pdf", []byte("x"), func(i *history.Item) {
		i.Name, i.Sender, i.Subject, i.Message = long+".pdf", long, long, 700
	})
	f.history.Left = []history.LeftOut{{Account: "invoices", Message: 700, Name: nasty, Why: nasty, Place: nasty}}
	kept := f.quarantine.Put(t, 0, []byte("x"), func(m *ledger.Message) {
		m.Envelope, m.Reason, m.UIDL = ledger.Envelope{From: nasty, Subject: nasty}, nasty, nasty
	})
	f.quarantine.Put(t, 0, []byte("x"), func(m *ledger.Message) { m.Envelope, m.Reason = ledger.Envelope{From: long, Subject: long}, long })
	f.history.Decide(history.Decision{At: webtest.Now, Account: nasty, What: "dropped", Subject: nasty, Reason: nasty, By: nasty, Outcome: long})
	rich := webtest.Rich()
	for i := range rich.NeedsYou {
		rich.NeedsYou[i].Said, rich.NeedsYou[i].Todo = []string{nasty, long}, nasty
	}
	rich.Accounts[0].User, rich.Accounts[0].Said, rich.Accounts[0].Why = nasty, nasty, nasty
	rich.Accounts[1].Name, rich.Accounts[1].User = nasty, long
	f.board.Set(rich)
	for _, view := range []string{
		"/", "/accounts", "/accounts/orders", "/accounts/" + url.PathEscape(nasty), "/attachments", item(id), "/quarantine", "/quarantine/invoices/" + kept + "/drop",
		"/attachments?name=" + url.QueryEscape(nasty), "/nowhere/" + url.PathEscape(nasty), "/?done=" + url.QueryEscape(nasty),
	} {
		tab := b.Tab(t)
		tab.Size(380, 800)
		tab.Open(address + view)
		// Images of the page itself are its own: those of strangers would be others.
		foreign := browsertest.Eval[int](tab, `document.querySelectorAll('main script, main [onload], main [onerror], img[src="x"], main b b').length`)
		if over, what := tab.Wide(); over > 0 || foreign > 0 {
			t.Errorf("%s: %d elements of strangers, %d pixels too wide: %q", view, foreign, over, what)
		}
		if faults := tab.Faults("status of 404"); len(faults) > 0 {
			t.Errorf("%s: %q", view, faults)
		}
	}
	tab := b.Tab(t)
	tab.Open(address + item(id))
	want := strings.NewReplacer("\u202e", `\u202e`, "\u2066", `\u2066`, "\x1b", `\x1b`, "\r", `\r`, "\n", `\n`, "\x00", `\x00`).Replace(nasty)
	if got := tab.Text("h1"); got != want {
		t.Errorf("the name is shown as\n%q, want\n%q", got, want)
	}
}

// browseOrigins sends a form from another origin: it does nothing. So does one from a page whose
// name points here.
func browseOrigins(t *testing.T, b *browsertest.Browser) {
	f := newFurnished(t)
	id := f.quarantine.Put(t, 0, []byte("x"))
	address := served(t, f.site)
	attacker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/null" {
			w.Header().Set("Content-Security-Policy", "sandbox allow-forms allow-scripts") // makes the origin null
		}
		fmt.Fprintf(w, `<form method="post" action="%s/quarantine/invoices/%s/drop"><button>win</button></form>`, address, id)
	}))
	t.Cleanup(attacker.Close)
	for _, from := range []string{attacker.URL, strings.Replace(attacker.URL, "127.0.0.1", "localhost", 1), attacker.URL + "/null"} {
		tab := b.Tab(t)
		tab.Open(from)
		tab.Click("button")
		if said := browsertest.Eval[string](tab, "document.body.innerText"); !strings.Contains(said, "This form came from another site.") {
			t.Errorf("from %s the page says %q", from, said)
		}
	}
	if _, err := f.quarantine.Find(context.Background(), "invoices", id); err != nil {
		t.Error("the message was dropped")
	}
}

// browseSignIn signs in: with a wrong token first, then with the right one, until that changes.
func browseSignIn(t *testing.T, b *browsertest.Browser) {
	var token atomic.Value
	token.Store(strings.Repeat("r1ght", 8))
	var late atomic.Int64
	w := newSite(t, webtest.Fine(), func(o *web.Options) {
		o.Token = func(context.Context) (string, error) { return token.Load().(string), nil }
		o.Now = func() time.Time { return webtest.Now.Add(time.Duration(late.Load())) }
	})
	address := served(t, w)
	tab := b.Tab(t)
	tab.Open(address + "/accounts")
	if h := tab.Text("h1"); !strings.HasPrefix(h, "Sign in") {
		t.Fatalf("without a token the page shows %q", h)
	}
	tab.Type("#token", "wr0ng")
	tab.Click("button.btn-main")
	if said := tab.Text("#token-error"); said != "This is not the token." {
		t.Errorf("to a wrong token the page says %q", said)
	}
	tab.Type("#token", strings.Repeat("r1ght", 8))
	tab.Click("button.btn-main")
	if h := tab.Text("h1"); h != "Accounts" {
		t.Errorf("signed in, the page shows %q", h)
	}
	if cookie := browsertest.Eval[string](tab, "document.cookie"); cookie != "" {
		t.Errorf("scripts can read the cookie: %q", cookie)
	}
	if at := browsertest.Eval[string](tab, "location.href"); strings.Contains(at, "r1ght") {
		t.Errorf("the token is in the address: %s", at)
	}
	token.Store(strings.Repeat("newer", 8))
	late.Store(int64(time.Minute))
	tab.Open(address + "/")
	if h := tab.Text("h1"); !strings.HasPrefix(h, "Sign in") {
		t.Errorf("with another token the page shows %q", h)
	}
}

// browseQuarantine decides: a retry says what came of it, and a drop asks first.
func browseQuarantine(t *testing.T, b *browsertest.Browser) {
	f := newFurnished(t)
	f.quarantine.Put(t, 0, []byte("x"))
	f.quarantine.Outcome = quarantine.Outcome{Stays: true, Text: "message unpacks to more than 200 times its size"}
	tab := b.Tab(t)
	tab.Open(served(t, f.site) + "/quarantine")
	tab.Click(".case .btn-main")
	if said := tab.Text("p[role=status]"); !strings.Contains(said, "stays in quarantine") {
		t.Errorf("after a retry the page says %q", said)
	}
	tab.Click(".case .btn-bad")
	if h := tab.Text("h1"); h != "Drop “Ablesung Objekt 17”?" {
		t.Fatalf("Drop… leads to %q", h)
	}
	tab.Click("a.btn-big")
	if h := tab.Text("main h2"); !strings.Contains(h, "Ablesung") {
		t.Errorf("Keep it leads to %q", h)
	}
	f.quarantine.Outcome = quarantine.Outcome{Text: "removed"}
	tab.Click(".case .btn-bad")
	tab.Click("button.btn-bad")
	if said := tab.Text("main"); !strings.Contains(said, "removed from the quarantine") || !strings.Contains(said, "Nothing is in quarantine.") {
		t.Errorf("after the drop the page says %q", said)
	}
	if faults := tab.Faults(); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
}

// browseFiles downloads: the bytes and the name are right, and HTML is saved, not shown. A bomb
// among the pictures has a tile.
func browseFiles(t *testing.T, b *browsertest.Browser) {
	f := newFurnished(t)
	html := []byte("<script>alert(1)</script><h1>shown</h1>")
	name := "Rechnung März „4711“ (2).html"
	id := f.house.Deliver(t, "invoices", name, html)
	f.house.Deliver(t, "invoices", "bomb.png", webtest.Bomb())
	f.house.Deliver(t, "invoices", "scan.png", webtest.Picture(t, 400, 300))
	tab := b.Tab(t)
	folder := t.TempDir()
	tab.SaveTo(folder)
	address := served(t, f.site)
	tab.Open(address + item(id))
	tab.Push("a[download]")
	saved := filepath.Join(folder, name)
	for deadline := time.Now().Add(patient); ; time.Sleep(20 * time.Millisecond) {
		if got, err := os.ReadFile(saved); err == nil && string(got) == string(html) {
			break
		}
		if time.Now().After(deadline) {
			there, _ := filepath.Glob(filepath.Join(folder, "*"))
			t.Fatalf("saved: %q, want %q", there, saved)
		}
	}
	if h := tab.Text("h1"); h != name {
		t.Errorf("after the download the page shows %q", h)
	}
	tab.Open(address + "/attachments")
	pictures := "[...document.querySelectorAll('tbody img')].slice(0, 2)"
	tab.Until(patient, pictures+".every(i => i.complete && i.naturalWidth > 0)")
	if wide := browsertest.Eval[[]int](tab, pictures+".map(i => i.naturalWidth)"); wide[0] != 160 || wide[1] == 50000 {
		t.Errorf("pictures are %v pixels wide", wide)
	}
	if faults := tab.Faults(); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
}
