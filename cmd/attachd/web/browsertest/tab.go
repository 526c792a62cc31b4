package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a tab waits for anything.
const patience = 90 * time.Second

// Tab is one tab of a browser, with cookies of its own. All its methods fail the test if they can't
// do what they are to do.
type Tab struct {
	tb    testing.TB
	ctx   context.Context
	shots string

	mu     sync.Mutex
	faults []string // guarded by mu
}

// Tab opens a tab, which is closed with the test.
func (b *Browser) Tab(tb testing.TB) *Tab {
	tb.Helper()
	ctx, closed := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	tb.Cleanup(closed)
	t := &Tab{tb: tb, ctx: ctx, shots: b.shots}
	// The first call makes the tab, which lives as long as its context.
	if err := chromedp.Listen(ctx, t.hear); err != nil {
		tb.Fatalf("open a tab: %v", err)
	}
	t.Size(1280, 900)
	return t
}

// hear notes what must not happen.
func (t *Tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var said []string
		for _, a := range e.Args {
			said = append(said, string(a.Value)+a.Description)
		}
		t.fault("console: %s: %s", e.Type, strings.Join(said, " "))
	case *runtime.EventExceptionThrown:
		t.fault("script: %s", e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		t.fault("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
	case *page.EventJavascriptDialogOpening:
		t.fault("dialog: %s: %s", e.Type, e.Message)
		go func() { // or the tab stands still
			_, _ = chromedp.Call(t.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	}
}

func (t *Tab) fault(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, fmt.Sprintf(format, args...))
}

// Faults returns what happened since the last call that must not: messages on the console, errors
// of scripts, dialogs. Those that hold one of the texts are expected, and left out.
func (t *Tab) Faults(expected ...string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := slices.DeleteFunc(t.faults, func(fault string) bool {
		return slices.ContainsFunc(expected, func(text string) bool { return strings.Contains(fault, text) })
	})
	t.faults = nil
	return found
}

// Do runs actions of chromedp.
func (t *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.tb.Fatal(err)
	}
}

// call runs a command of the protocol.
func call[P, R any](t *Tab, command cdp.Command[P, R], params P) R {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		t.tb.Fatal(err)
	}
	return result
}

// Open goes to an address and waits until the page is there.
func (t *Tab) Open(url string) {
	t.tb.Helper()
	t.Do(chromedp.Navigate(url))
}

// Size sets the size of the window, in pixels of CSS.
func (t *Tab) Size(width, height int64) {
	t.tb.Helper()
	call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

// Look sets the colour scheme, "light" or "dark", and the medium, "" for the screen.
func (t *Tab) Look(scheme, medium string) {
	t.tb.Helper()
	call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// Plain has pages run no script from here on.
func (t *Tab) Plain() {
	t.tb.Helper()
	call(t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Eval returns the value of an expression. A promise is waited for.
func Eval[T any](t *Tab, expression string) T {
	t.tb.Helper()
	value, err := try[T](t, expression)
	if err != nil {
		t.tb.Fatalf("%s: %v", expression, err)
	}
	return value
}

func try[T any](t *Tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Until waits until an expression is true, and returns how long that took.
func (t *Tab) Until(limit time.Duration, expression string) time.Duration {
	t.tb.Helper()
	began := time.Now()
	for ; ; time.Sleep(20 * time.Millisecond) {
		// The page may be on its way to another one.
		if is, err := try[bool](t, "!!("+expression+")"); err == nil && is {
			return time.Since(began)
		}
		if time.Since(began) > limit {
			t.tb.Fatalf("after %s, this is still not so: %s\nthe page says:\n%s", limit, expression, Eval[string](t, "document.body.innerText"))
		}
	}
}

// Click clicks on what a selector finds first, and waits until the page that it leads to is there.
func (t *Tab) Click(selector string) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)); err != nil {
		t.tb.Fatalf("click on %s: %v", selector, err)
	}
}

// Type writes into what a selector finds first.
func (t *Tab) Type(selector, text string) {
	t.tb.Helper()
	t.Do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Press presses the tabulator.
func (t *Tab) Press() {
	t.tb.Helper()
	t.Do(chromedp.KeyEvent(kb.Tab))
}

// Text is the text of what a selector finds first, without blanks around it.
func (t *Tab) Text(selector string) string {
	t.tb.Helper()
	return Eval[string](t, fmt.Sprintf("document.querySelector(%q).textContent.trim()", selector))
}

// Wide returns by how many pixels the page is wider than the window, and what sticks out.
func (t *Tab) Wide() (int, []string) {
	t.tb.Helper()
	is := Eval[struct {
		Over int
		What []string
	}](t, `(() => {
		const d = document.documentElement;
		const what = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > d.clientWidth + 1
			&& !e.closest('.skip, .sr, svg') && getComputedStyle(e).position !== 'absolute')
			.map(e => e.tagName + '.' + e.className + ': ' + (e.textContent || '').slice(0, 30));
		return {Over: d.scrollWidth - d.clientWidth, What: what.slice(0, 5)};
	})()`)
	return is.Over, is.What
}

// Shoot takes a picture of the whole page, as NAME.png.
func (t *Tab) Shoot(name string) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.tb.Fatalf("take a picture of %s: %v", name, err)
	}
	if err := os.WriteFile(filepath.Join(t.shots, name+".png"), picture, 0o644); err != nil {
		t.tb.Fatal(err)
	}
}

// Push clicks on what a selector finds first, where that leads to no other page.
func (t *Tab) Push(selector string) {
	t.tb.Helper()
	t.Do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// SaveTo has downloads saved in a folder, under their own names.
func (t *Tab) SaveTo(folder string) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	params := browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: chromedp.FromContext(t.ctx).BrowserContextID, DownloadPath: folder}
	if _, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, params); err != nil {
		t.tb.Fatal(err)
	}
}
