package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/fetcher/foreign"
)

//go:embed templates
var templateFiles embed.FS

// apiPrefix is where the JSON twins are.
const apiPrefix = "/api/v1"

// View is what one request is answered with, as a page and as JSON.
type View struct {
	Template string // the file in templates, without its extension
	Title    string
	Nav      string // the entry of the menu that it belongs to, "" for none
	Alone    bool   // without the menu
	Status   int    // of HTTP, 200 if not given
	// Data is what the template shows as .Data and what JSON is made of.
	Data any
	// Twin is whether there is the same as JSON, which the page then links to.
	Twin bool
}

// page is what the layout shows: a view in its frame.
type page struct {
	View
	Frame frame
	Done  string // what a form came to
	State string // for a reader of events
}

// frame is what is the same around every view.
type frame struct {
	Fine                         bool
	NeedsYou                     int // in all
	Accounts, Quarantine, Config int // of it, where it is decided
	Host                         string
	SignedIn                     bool
	Version                      string
	Started                      time.Time
	Zone                         string
	JSON                         string
	Now                          time.Time
}

// parseTemplates makes a template for each view: the layout, the parts, and the view's own file.
func parseTemplates(funcs template.FuncMap) (map[string]*template.Template, error) {
	base, err := template.New("layout.html").Funcs(funcs).ParseFS(templateFiles, "templates/layout.html", "templates/part-*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*template.Template)
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
		if name == "layout" || strings.HasPrefix(name, "part-") {
			continue
		}
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if all[name], err = t.ParseFS(templateFiles, file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// show answers with a view: as JSON under /api/v1, as a page elsewhere.
func (s *Server) show(w http.ResponseWriter, r *http.Request, v *View) {
	data, err := json.Marshal(v.Data)
	if err != nil {
		s.broken(w, r, fmt.Errorf("encode %s: %w", r.URL.Path, err))
		return
	}
	code := v.Status
	if code == 0 {
		code = http.StatusOK
	}
	if isAPI(r) {
		if code == http.StatusOK && notModified(w, r, data) {
			return
		}
		writeJSON(w, code, "application/json", data)
		return
	}
	p := page{View: *v, Frame: s.frame(r), Done: doneText(r), State: s.state(r.Context()).String()}
	// Times count on by themselves, so the page is the same as long as what it says is.
	seen, err := json.Marshal([]any{v.Title, v.Template, p.Frame.withoutClock(), p.Done, s.assets.prefix})
	if err != nil {
		s.broken(w, r, fmt.Errorf("encode the frame: %w", err))
		return
	}
	if code == http.StatusOK && notModified(w, r, append(seen, data...)) {
		return
	}
	templates, err := s.templates()
	if err != nil {
		s.broken(w, r, fmt.Errorf("parse the templates: %w", err))
		return
	}
	t := templates[v.Template]
	if t == nil {
		s.broken(w, r, fmt.Errorf("no template %q", v.Template))
		return
	}
	var body bytes.Buffer
	if err := t.Execute(&body, p); err != nil {
		s.broken(w, r, fmt.Errorf("render %s: %w", v.Template, err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	// Templates escape what HTML obeys. This escapes what readers' eyes obey, whoever forgot it.
	_, _ = w.Write([]byte(foreign.Lines(body.String()))) // a reader who left
}

func (f frame) withoutClock() frame {
	f.Now = time.Time{}
	return f
}

// notModified answers 304 if the client has this content already (RFC 9110 section 13.1.2).
func notModified(w http.ResponseWriter, r *http.Request, content []byte) bool {
	hash := sha256.Sum256(content)
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(hash[:12]) + `"`
	w.Header().Set("ETag", tag)
	for given := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimSpace(given) == tag {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

// writeJSON writes a JSON text. A bidirectional control or the like in it is an escape of JSON.
func writeJSON(w http.ResponseWriter, code int, mediaType string, text []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(code)
	_, _ = w.Write(append(foreign.JSON(text), '\n')) // a reader who left
}

// frame is the frame around a view for this request.
func (s *Server) frame(r *http.Request) frame {
	now := s.now()
	snapshot := s.options.Board.Snapshot()
	f := frame{
		Fine: snapshot.OK(), NeedsYou: len(snapshot.NeedsYou), Host: s.hostname,
		SignedIn: s.guard.token != nil && clientOf(r).known(),
		Version:  s.options.Version, Started: snapshot.Machine.Started,
		Zone: zoneName(now.In(s.zone)), JSON: twinOf(r.URL), Now: now,
	}
	for _, c := range snapshot.NeedsYou {
		switch place(c) {
		case "accounts":
			f.Accounts++
		case "quarantine":
			f.Quarantine++
		case "config":
			f.Config++
		}
	}
	return f
}

// place is the entry of the menu where a case is decided, "" for none.
func place(c status.Case) string {
	switch {
	case strings.HasPrefix(c.Link, "/quarantine"):
		return "quarantine"
	case strings.HasPrefix(c.Link, "/config"):
		return "config"
	case len(c.Accounts) > 0:
		return "accounts"
	}
	return ""
}

// twinOf is the address of a page as JSON.
func twinOf(u *url.URL) string {
	query := u.Query()
	query.Del("done")
	twin := url.URL{Path: apiPrefix + u.Path, RawPath: apiPrefix + u.EscapedPath(), RawQuery: query.Encode()}
	return twin.String()
}

// zoneName is "Europe/Prague (+01:00)", or the offset alone if nothing says more.
func zoneName(now time.Time) string {
	name := now.Location().String()
	if name == "Local" {
		name = ""
		if target, err := os.Readlink("/etc/localtime"); err == nil {
			_, name, _ = strings.Cut(target, "zoneinfo/")
		}
	}
	offset := now.Format("-07:00")
	switch {
	case name == "UTC" || name == "Etc/UTC":
		return "UTC"
	case name == "":
		return offset
	}
	return name + " (" + offset + ")"
}
