package web_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/browsertest"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// TestBrowser has a real browser look at the page, and work with it. All of it shares one browser.
func TestBrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a browser")
	}
	b := browsertest.Start(t)
	for name, look := range map[string]func(*testing.T, *browsertest.Browser){
		"views": browseViews, "keyboard": browseKeyboard, "without scripts": browsePlain, "live": browseLive, "print": browsePrint,
		"hostile": browseHostile, "other origins": browseOrigins, "sign-in": browseSignIn, "quarantine": browseQuarantine, "files": browseFiles,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			look(t, b)
		})
	}
}

// served is a site that a browser can reach, until the test ends. It returns its address.
func served(t *testing.T, w *site) string {
	t.Helper()
	server := httptest.NewServer(w.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections() // a stream of events would be waited for
		server.Close()
	})
	return server.URL
}

// reachable is a site with its listener and its stream of events, until stop is called or the test
// ends. It listens at an address of its own, or at addr.
func reachable(t *testing.T, addr string, s *site, change ...func(*web.Options)) (url string, stop func()) {
	t.Helper()
	if addr == "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr = l.Addr().String()
		l.Close()
	}
	options := web.Options{Listen: []string{addr}, Board: s.board, History: s.history, Actions: s.actions, Version: "1.4.2", Hostname: "mailhub.example.org", Zone: webtest.Zone}
	for _, c := range change {
		c(&options)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server, err := web.New(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return "http://" + addr, stop
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// shown is one view: where it is, and what its pictures are called.
type shown struct{ name, url string }

// showcase are all views, with something to show in each.
func showcase(t *testing.T) []shown {
	t.Helper()
	rich := newFurnished(t)
	message := func(i *history.Item) {
		i.Message, i.Subject, i.Sender = 500, "Message from copier-2", "copier-2@example.org"
	}
	rich.house.Deliver(t, "scans", "2026/11/logo.png", webtest.Picture(t, 60, 60), message)
	file := rich.house.Deliver(t, "scans", "2026/11/Scan_20261127_1421.png", webtest.Picture(t, 900, 1200), message, func(i *history.Item) {
		i.Kind, i.MediaType = history.KindPicture, "image/png"
		i.Repairs = []string{"the name does not say its charset: that was guessed", "the base64 is incomplete at its end: the file may have been cut off"}
	})
	rich.history.Left = []history.LeftOut{{Account: "scans", Message: 500, Name: "disclaimer.html", Size: 4200, Why: "the rule exclude: {name: disclaimer*} takes it", Place: "attachd.yaml:9"}}
	kept := rich.quarantine.Put(t, 3, []byte("Subject: x\r\n\r\n"))
	rich.quarantine.Put(t, 2, []byte("Subject: x\r\n\r\n"), func(m *ledger.Message) {
		m.State, m.Reason, m.Subject = ledger.Delivered, "part 2: missing-padding", "Scan 26-11-2026 08:12"
		m.Attachments = append(m.Attachments, ledger.Attachment{Path: "scan.pdf"})
	})
	rich.history.Decide(history.Decision{At: webtest.Now.AddDate(0, 0, -15), Account: "press", What: "dropped", Subject: "Newsletter 48", Reason: "message is nested more than 100 deep", Outcome: "removed", By: "the page, this machine"})
	fine, none, first := newFurnished(t), newSite(t, webtest.Empty()), newSite(t, webtest.Fine())
	fine.board.Set(webtest.Fine())
	first.history.Items = nil
	token := newSite(t, webtest.Fine(), func(o *web.Options) {
		o.Token = func(context.Context) (string, error) { return strings.Repeat("t0ken", 8), nil }
	})
	at, atFine, atNone, atFirst, atToken := served(t, rich.site), served(t, fine.site), served(t, none), served(t, first), served(t, token)
	return []shown{
		{"overview", at + "/"},
		{"overview-fine", atFine + "/"},
		{"overview-none", atNone + "/"},
		{"overview-first", atFirst + "/"},
		{"accounts", at + "/accounts"},
		{"account", at + "/accounts/orders"},
		{"attachments", at + "/attachments"},
		{"attachments-none", at + "/attachments?name=gutschrift&sender=%40supplier.example.org&since=2026-11-01"},
		{"attachments-empty", atFirst + "/attachments"},
		{"attachment", at + item(file)},
		{"quarantine", at + "/quarantine?done=retry-stays"},
		{"quarantine-none", atFine + "/quarantine"},
		{"quarantine-drop", at + "/quarantine/meter-readings/" + kept + "/drop"},
		{"config", at + "/config"},
		{"signin", atToken + "/"},
		{"error", at + "/accounts/ordres"},
	}
}

// browseViews looks at each view in each width and colour scheme: nothing is said on the console,
// nothing sticks out, and axe-core finds nothing. Pictures are kept.
func browseViews(t *testing.T, b *browsertest.Browser) {
	axe, err := browsertest.FetchAxe(t)
	if err != nil {
		t.Logf("without axe-core: %v", err)
	}
	only := os.Getenv("ATTACHD_VIEWS")
	for _, view := range showcase(t) {
		if only != "" && !strings.Contains(","+only+",", ","+view.name+",") {
			continue
		}
		t.Run(view.name, func(t *testing.T) {
			t.Parallel()
			tab := b.Tab(t)
			tab.Open(view.url)
			for _, width := range []int64{1280, 380} {
				for _, scheme := range []string{"light", "dark"} {
					tab.Size(width, 900)
					tab.Look(scheme, "")
					name := fmt.Sprintf("%s-%d-%s", view.name, width, scheme)
					if over, what := tab.Wide(); over > 0 || len(what) > 0 {
						t.Errorf("%s is %d pixels too wide: %q", name, over, what)
					}
					tab.Shoot(name)
					if axe == "" {
						continue
					}
					for _, v := range tab.Axe(axe) {
						t.Errorf("%s: %s", name, v)
					}
				}
			}
			tab.Size(320, 256)
			if over, what := tab.Wide(); over > 0 || len(what) > 0 {
				t.Errorf("%s at 320 pixels is %d too wide: %q", view.name, over, what)
			}
			// A page that is not there is one all the same.
			if faults := tab.Faults("the server responded with a status of 404", "the server responded with a status of 401"); len(faults) > 0 {
				t.Errorf("%q", faults)
			}
		})
	}
}

// browsePrint prints: the menu and the buttons are gone, and the times are there in full.
func browsePrint(t *testing.T, b *browsertest.Browser) {
	tab := b.Tab(t)
	tab.Open(served(t, newFurnished(t).site) + "/attachments")
	tab.Look("light", "print")
	for _, selector := range []string{".nav", ".find", ".btn"} {
		if shown := browsertest.Eval[string](tab, fmt.Sprintf("getComputedStyle(document.querySelector(%q)).display", selector)); shown != "none" {
			t.Errorf("%s is printed", selector)
		}
	}
	if after := browsertest.Eval[string](tab, "getComputedStyle(document.querySelector('time[title]'), '::after').content"); !strings.Contains(after, "2026") && !strings.Contains(after, "attr(title)") {
		t.Errorf("behind a time stands %q", after)
	}
	tab.Shoot("attachments-print")
}

// browseKeyboard goes through a page by tabulator: the skip link comes first, and whatever has the
// focus has a ring.
func browseKeyboard(t *testing.T, b *browsertest.Browser) {
	f := newFurnished(t)
	f.quarantine.Put(t, 0, []byte("x"))
	url := served(t, f.site)
	for _, view := range []string{"/", "/accounts", "/attachments", "/quarantine"} {
		tab := b.Tab(t)
		tab.Open(url + view)
		tab.Press()
		if !browsertest.Eval[bool](tab, "document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().left >= 0") {
			t.Errorf("%s: the skip link does not come first", view)
		}
		stops := 0
		for range 25 {
			tab.Press()
			is := browsertest.Eval[struct {
				Body bool
				Ring float64
				What string
			}](tab, `(() => {
				const e = document.activeElement, s = getComputedStyle(e);
				return {Body: e === document.body, Ring: s.outlineStyle === 'none' ? 0 : parseFloat(s.outlineWidth), What: e.outerHTML.slice(0, 100)};
			})()`)
			if is.Body {
				break
			}
			if stops++; is.Ring < 2 {
				t.Errorf("%s: no ring around %s", view, is.What)
			}
		}
		if stops < 8 {
			t.Errorf("%s: %d stops", view, stops)
		}
		tab.Shoot("focus" + strings.ReplaceAll(view, "/", "-"))
	}
}
