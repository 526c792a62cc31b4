package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// furnished is a site whose accounts have folders, with a quarantine.
type furnished struct {
	*site
	house      *webtest.House
	quarantine *webtest.Quarantine
}

func newFurnished(t testing.TB, change ...func(*web.Options)) *furnished {
	t.Helper()
	f := &furnished{}
	f.site = newSite(t, webtest.Rich(), append([]func(*web.Options){func(o *web.Options) {
		f.house = webtest.NewHouse(t.TempDir(), o.History.(*webtest.History), "invoices", "orders", "scans", "meter-readings")
		f.quarantine = webtest.NewQuarantine(f.house)
		o.Config, o.Quarantine = func() *config.Config { return f.house.Config }, f.quarantine
	}}, change...)...)
	return f
}

// item is the address of a file.
func item(id int64) string { return "/attachments/" + strconv.FormatInt(id, 32) }

// post sends a form as a browser does.
func (f *furnished) post(t testing.TB, target string) *http.Response {
	t.Helper()
	answer, _ := f.do(request(t.Context(), http.MethodPost, target, "Sec-Fetch-Site", "same-origin", "Referer", "http://localhost"+strings.TrimSuffix(target, "/retry")))
	return answer
}

// TestAttachments: files are listed with their account, sender and folder, searched by each field,
// and turned over by key, there and back.
func TestAttachments(t *testing.T) {
	t.Parallel()
	f := newFurnished(t)
	f.house.Deliver(t, "scans", "2026/11/Scan.png", webtest.Picture(t, 300, 200), func(i *history.Item) {
		i.Repairs = []string{"one", "two"}
		i.Kind, i.Sender, i.Subject = history.KindPicture, "copier-2@example.org", "Message from copier-2"
	})
	list := f.get(t, "/attachments")
	for _, want := range []string{"Scan.png", "2026/11/", "2 repairs", "copier-2@example.org", "/thumb\"", `<span class="tile" aria-hidden="true">XML</span>`, `href="/accounts/scans"`} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	for query, want := range map[string]int{
		"name=scan.PNG": 1, "sender=copier": 1, "subject=from+copier": 1, "account=scans&kind=picture": 1, "name=scan&kind=xml": 0,
		"since=2026-11-27": 8, "since=2026-11-28": 0, "until=2026-11-27": 8, "until=2026-11-26": 0, "since=2026-11-27&until=2026-11-27": 8,
	} {
		var got struct{ Files []struct{ Name string } }
		if err := json.Unmarshal([]byte(f.get(t, "/api/v1/attachments?"+query)), &got); err != nil || len(got.Files) != want {
			t.Errorf("%s: %d files, %v, want %d", query, len(got.Files), err, want)
		}
	}
	none := f.get(t, "/attachments?name=gutschrift&since=2026-11-01")
	for _, want := range []string{"No attachment matches all of this.", `href="/attachments?since=2026-11-01"`, `href="/attachments?name=gutschrift"`, "attachd remembers attachments since"} {
		if !strings.Contains(none, want) {
			t.Errorf("without a match the page lacks %q", want)
		}
	}
	for _, wrong := range []string{"since=yesterday", "until=2026-13-01", "until=0001-01-01", "kind=nonsense", "before=%2F", "after=-1"} {
		if answer, _ := f.do(request(t.Context(), http.MethodGet, "/attachments?"+wrong)); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", wrong, answer.Status)
		}
	}
}

// TestAttachmentPages: 120 files are three pages, and the way back is the way there.
func TestAttachmentPages(t *testing.T) {
	t.Parallel()
	f := newFurnished(t)
	f.history.Items = nil
	for i := range 120 {
		f.history.Add(history.Item{At: webtest.Now, Account: "scans", Name: fmt.Sprintf("page-%d.pdf", i)})
	}
	type page struct {
		Files          []struct{ Name string }
		Next, Previous string
	}
	at := func(target string) (p page) {
		if err := json.Unmarshal([]byte(f.get(t, target)), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := at("/api/v1/attachments?account=scans")
	second := at(first.Next)
	third := at(second.Next)
	if len(third.Files) != 20 || third.Files[19].Name != "page-0.pdf" || third.Next != "" || first.Previous != "" {
		t.Errorf("%d files on the third page, then %q", len(third.Files), third.Next)
	}
	if back := at(at(third.Previous).Previous); fmt.Sprint(back.Files) != fmt.Sprint(first.Files) {
		t.Errorf("back on the first page: %v", back.Files)
	}
}

// slow is a history that gives up early.
type slow struct{ *webtest.History }

func (s slow) Search(ctx context.Context, by history.Search) (history.Found, error) {
	if by.Before == 0 {
		return history.Found{Back: webtest.Now.AddDate(0, -1, 0), Continue: 77, Older: true}, nil
	}
	return s.History.Search(ctx, by)
}

// TestFurtherBack: a search that ended early says how far it looked, and where it goes on. It does
// not say that nothing was found.
func TestFurtherBack(t *testing.T) {
	t.Parallel()
	f := newFurnished(t, func(o *web.Options) { o.History = slow{o.History.(*webtest.History)} })
	page := f.get(t, "/attachments?name=rare")
	if !strings.Contains(page, "Searched back to Tue 27 Oct 2026") || !strings.Contains(page, `href="/attachments?before=2d&amp;name=rare">Search further back</a>`) || strings.Contains(page, "matches") {
		t.Errorf("the page says:\n%s", page)
	}
}

// TestEmpty: before anything came, the page says what will stand there.
func TestEmpty(t *testing.T) {
	t.Parallel()
	f := newFurnished(t)
	f.history.Items = nil
	if page := f.get(t, "/attachments"); !strings.Contains(page, "Nothing has come yet.") {
		t.Errorf("the page says:\n%s", page)
	}
	if page := f.get(t, "/quarantine"); !strings.Contains(page, "Nothing is in quarantine.") {
		t.Errorf("the page says:\n%s", page)
	}
}

// TestDownload: a file is served with its bytes and its name, to be saved and not to be shown, also
// in part. One that another program changed, moved or replaced by a link is not served at all.
func TestDownload(t *testing.T) {
	t.Parallel()
	f := newFurnished(t)
	html := []byte("<script>alert(1)</script>")
	name := "Rechnung März „4711“.html"
	id := f.house.Deliver(t, "invoices", "2026/"+name, html)
	answer, body := f.do(request(t.Context(), http.MethodGet, item(id)+"/file"))
	disposition, params, err := mime.ParseMediaType(answer.Header.Get("Content-Disposition"))
	if answer.StatusCode != http.StatusOK || body != string(html) || err != nil || disposition != "attachment" || params["filename"] != name {
		t.Errorf("%s, %q, %q", answer.Status, body, answer.Header.Get("Content-Disposition"))
	}
	for key, want := range map[string]string{"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"} {
		if got := answer.Header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if answer, body := f.do(request(t.Context(), http.MethodGet, item(id)+"/file", "Range", "bytes=1-6")); answer.StatusCode != http.StatusPartialContent || body != "script" {
		t.Errorf("%s, %q", answer.Status, body)
	}
	for what, change := range map[string]func(place string) error{
		"changed": func(place string) error { return os.WriteFile(place, bytes.ToUpper(html), 0o600) },
		"longer":  func(place string) error { return os.WriteFile(place, append(html, 'x'), 0o600) },
		"gone":    os.Remove,
		"a link": func(place string) error {
			away := filepath.Join(t.TempDir(), "away")
			return errors.Join(os.Rename(place, away), os.Symlink(away, place))
		},
		"a link of folders": func(place string) error {
			away := filepath.Join(t.TempDir(), "away")
			return errors.Join(os.Rename(filepath.Dir(place), away), os.Symlink(away, filepath.Dir(place)))
		},
		"a folder": func(place string) error { return errors.Join(os.Remove(place), os.Mkdir(place, 0o700)) },
	} {
		id := f.house.Deliver(t, "invoices", what+"/a.html", html)
		if answer, _ := f.do(request(t.Context(), http.MethodGet, item(id)+"/file")); answer.StatusCode != http.StatusOK {
			t.Errorf("%s, before: %s", what, answer.Status)
		}
		if err := change(f.house.Place("invoices", what+"/a.html")); err != nil {
			t.Fatal(err)
		}
		if answer, body := f.do(request(t.Context(), http.MethodGet, item(id)+"/file")); answer.StatusCode != http.StatusGone || !strings.Contains(body, "moved by another program") {
			t.Errorf("%s: %s, %s", what, answer.Status, body)
		}
	}
	f.house.Config.Accounts = nil
	if answer, _ := f.do(request(t.Context(), http.MethodGet, item(id)+"/file")); answer.StatusCode != http.StatusGone {
		t.Errorf("of an account that is gone: %s", answer.Status)
	}
	for _, address := range []string{"/attachments/zzzz", "/attachments/1000", "/attachments/0/file", "/attachments/vvvvvvvvvvvvvvvvv/thumb"} {
		if answer, _ := f.do(request(t.Context(), http.MethodGet, address)); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", address, answer.Status)
		}
	}
}

// TestAttachment: the page of a file says where it lies, what was repaired, what else came with it
// and what was left out. Its twin, and the facts beside it, have the same.
func TestAttachment(t *testing.T) {
	t.Parallel()
	f := newFurnished(t)
	content := []byte("%PDF-1.7")
	message := func(i *history.Item) { i.Message = 77 }
	id := f.house.Deliver(t, "invoices", "2026/a.pdf", content, message, func(i *history.Item) {
		i.Repairs, i.Original = []string{"the name does not say its charset: that was guessed"}, "a\u202efdp.exe"
	})
	f.house.Deliver(t, "invoices", "2026/factur-x.xml", content, message)
	f.history.Left = []history.LeftOut{{Account: "invoices", Message: 77, Name: "logo.png", Size: 4200, Why: "the rule exclude takes it", Place: "attachd.yaml:9"}}
	page := f.get(t, item(id))
	for _, want := range []string{
		f.house.Place("invoices", "2026/a.pdf"), "that was guessed", "factur-x.xml", "logo.png", "the rule exclude takes it", "attachd.yaml:9",
		`a\u202efdp.exe`, item(id) + "/file", "Download, 8 B", digest.Of(digest.Own, content).String(),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	var facts map[string]any
	if err := json.Unmarshal([]byte(f.get(t, item(id)+"/sidecar.json")), &facts); err != nil || facts["path"] != "2026/a.pdf" || facts["original_name"] != "a\u202efdp.exe" {
		t.Errorf("%v, %v", facts, err)
	}
	if err := os.Remove(f.house.Place("invoices", "2026/a.pdf")); err != nil {
		t.Fatal(err)
	}
	if page := f.get(t, item(id)); !strings.Contains(page, "moved by another program") || strings.Contains(page, "/file\"") {
		t.Errorf("of a file that is gone:\n%s", page)
	}
}

// TestThumb: a picture gets a small one. What is no picture, a bomb, and a file that is gone get a
// tile, and nothing of what strangers sent is ever served as it came.
func TestThumb(t *testing.T) {
	t.Parallel()
	f := newFurnished(t)
	small := f.house.Deliver(t, "scans", "scan.png", webtest.Picture(t, 800, 400))
	answer, body := f.do(request(t.Context(), http.MethodGet, item(small)+"/thumb"))
	is, err := png.Decode(strings.NewReader(body))
	if answer.Header.Get("Content-Type") != "image/png" || err != nil || is.Bounds().Dx() != 160 || is.Bounds().Dy() != 80 {
		t.Errorf("%s, %q, %v", answer.Status, answer.Header.Get("Content-Type"), err)
	}
	gone := f.house.Deliver(t, "scans", "gone.png", webtest.Picture(t, 20, 20))
	if err := os.Remove(f.house.Place("scans", "gone.png")); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int64]string{
		f.house.Deliver(t, "scans", "bomb.png", webtest.Bomb()):                            ">PNG<",
		f.house.Deliver(t, "scans", "a.svg", []byte(`<svg onload="alert(1)"/>`)):           ">SVG<",
		f.house.Deliver(t, "scans", `a.<b>`, []byte(`x`)):                                  ">—<",
		f.house.Deliver(t, "scans", "page.jpg", []byte("<html><script>alert(1)</script>")): ">JPG<",
		gone: ">PNG<",
	} {
		answer, body := f.do(request(t.Context(), http.MethodGet, item(id)+"/thumb"))
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(body, want) || strings.Contains(body, "alert") {
			t.Errorf("%d: %s %s", id, answer.Status, body)
		}
		if got := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "sandbox") {
			t.Errorf("policy %q", got)
		}
	}
}

// TestQuarantine: what is in quarantine is told with its reason and what to do. Its bytes can be
// had, dropping asks first, and what was decided stands below.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	f := newFurnished(t)
	raw := []byte("Subject: x\r\n\r\nbody")
	id := f.quarantine.Put(t, 3, raw)
	f.quarantine.Put(t, 3, raw, func(m *ledger.Message) {
		m.State, m.Reason, m.Subject = ledger.Delivered, "part 2: missing-padding", "Half a scan"
		m.Attachments = append(m.Attachments, ledger.Attachment{Path: "scan.pdf"})
	})
	page := f.get(t, "/quarantine")
	for _, want := range []string{
		"Two messages need you.", "Ablesung Objekt 17", "message unpacks to more than 200 times its size", "zip bomb", "limits.expansion",
		"Half a scan", "1 file of it is delivered", "ask the sender for it again",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	address := "/quarantine/meter-readings/" + id
	answer, body := f.do(request(t.Context(), http.MethodGet, address+"/message.eml"))
	if body != string(raw) || !strings.Contains(answer.Header.Get("Content-Disposition"), id+".eml") || answer.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%s, %q, %v", answer.Status, body, answer.Header)
	}
	if ask := f.get(t, address+"/drop"); !strings.Contains(ask, "What happens") || !strings.Contains(ask, `method="post" action="`+address+`/drop"`) {
		t.Errorf("the question is:\n%s", ask)
	}
	f.quarantine.Outcome = quarantine.Outcome{Stays: true, Text: "message has more than 7 parts"}
	if to := f.post(t, address+"/retry").Header.Get("Location"); !strings.HasSuffix(to, "?done=retry-stays") {
		t.Errorf("after a retry that failed: %q", to)
	}
	f.quarantine.Err = quarantine.ErrUnderWay
	if to := f.post(t, address+"/retry").Header.Get("Location"); !strings.HasSuffix(to, "?done=quarantine-later") {
		t.Errorf("after a retry during a poll: %q", to)
	}
	f.quarantine.Outcome, f.quarantine.Err = quarantine.Outcome{Text: "removed"}, nil
	for _, want := range []string{"/quarantine?done=dropped", "/quarantine?done=quarantine-gone"} {
		if to := f.post(t, address+"/drop").Header.Get("Location"); to != want {
			t.Errorf("after a drop: %q, want %q", to, want)
		}
	}
	after := f.get(t, "/quarantine?done=dropped")
	for _, want := range []string{"One message needs you.", "Decided before", "dropped, removed", "by the page, 127.0.0.1", "retried, stays: message has more than 7 parts"} {
		if !strings.Contains(after, want) {
			t.Errorf("afterwards the page lacks %q\n%s", want, after)
		}
	}
	for _, gone := range []string{address + "/drop", address + "/message.eml"} {
		if answer, _ := f.do(request(t.Context(), http.MethodGet, gone)); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", gone, answer.Status)
		}
	}
}

// TestQuarantinePages: 120 messages are three pages, the newest first, and one that is gone still
// tells where a page begins.
func TestQuarantinePages(t *testing.T) {
	t.Parallel()
	f := newFurnished(t)
	for i := range 120 {
		f.quarantine.Put(t, i%4, []byte("x"))
	}
	type page struct {
		Messages       []struct{ ID, Account string }
		Next, Previous string
		Total          int
	}
	at := func(target string) (p page) {
		if err := json.Unmarshal([]byte(f.get(t, target)), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := at("/api/v1/quarantine")
	second := at(first.Next)
	last := first.Messages[49]
	f.post(t, "/quarantine/"+last.Account+"/"+last.ID+"/drop")
	if again := at(first.Next); fmt.Sprint(again.Messages) != fmt.Sprint(second.Messages) {
		t.Errorf("behind a message that is gone: %v, want %v", again.Messages, second.Messages)
	}
	third := at(second.Next)
	if first.Total != 120 || len(third.Messages) != 20 || third.Next != "" {
		t.Errorf("%d in all, %d on the third page, then %q", first.Total, len(third.Messages), third.Next)
	}
	if back := at(at(third.Previous).Previous); len(back.Messages) != 49 || fmt.Sprint(back.Messages) != fmt.Sprint(first.Messages[:49]) {
		t.Errorf("back on the first page: %d messages", len(back.Messages))
	}
}
