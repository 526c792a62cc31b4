package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
)

// attachmentList is a page of files that came, the newest first.
type attachmentList struct {
	Search   criteria    `json:"search"`
	Files    []foundFile `json:"files"`
	Next     string      `json:"next,omitempty"`     // the address of older ones, "" for none
	Previous string      `json:"previous,omitempty"` // and of newer ones
	// Back says how far the search looked before its time was over; Further goes on from there.
	Back    time.Time `json:"searched_back_to,omitzero"`
	Further string    `json:"further,omitempty"`
	// Since is the oldest file that is remembered, told where nothing was found.
	Since time.Time `json:"remembered_since,omitzero"`

	Less     []less   `json:"-"` // what to try where nothing was found
	Kinds    []choice `json:"-"`
	Accounts []string `json:"-"` // to choose from
}

// foundFile is a file in the list.
type foundFile struct {
	file
	// Folder is where it lies below the folder of its account, "" for there.
	Folder string `json:"folder"`
	// Repairs is how many things had to be mended or guessed to read it.
	Repairs int `json:"repairs"`
	// Thumb is whether there may be a small picture of it. If not, Tile stands in its place.
	Thumb bool   `json:"thumb"`
	Tile  string `json:"-"`
}

// criteria is what was searched for, as it stands in the form.
type criteria struct {
	Name    string       `json:"name,omitempty"`
	Sender  string       `json:"sender,omitempty"`
	Subject string       `json:"subject,omitempty"`
	Account string       `json:"account,omitempty"`
	Kind    history.Kind `json:"kind,omitempty"`
	Since   string       `json:"since,omitempty"` // days: 2026-11-27
	Until   string       `json:"until,omitempty"` // included

	since, until time.Time // until is not included
}

// less is a search for less than was searched for.
type less struct{ Link, Text, Finds string }

// kinds are what a reader can choose from.
var kinds = []choice{
	{"", "any"},
	{string(history.KindPDF), "PDF"},
	{string(history.KindPicture), "picture"},
	{string(history.KindXML), "XML"},
	{string(history.KindTable), "table"},
	{string(history.KindArchive), "archive"},
	{string(history.KindMessage), "message"},
	{string(history.KindOther), "other"},
}

// offered is how many accounts a form offers at most: more would outweigh the page.
const offered = 200

func (s *Server) attachmentsRoutes() {
	s.view("/attachments", s.attachments)
	s.view("/attachments/{id}", s.attachment)
	s.raw("/attachments/{id}/file", s.serveFile)
	s.raw("/attachments/{id}/thumb", s.serveThumb)
	s.raw("/attachments/{id}/sidecar.json", s.serveSidecar)
}

// raw has a path answered with something that is no view, here and under /api/v1.
func (s *Server) raw(pattern string, serve func(http.ResponseWriter, *http.Request) error) {
	s.routes = append(s.routes, route{http.MethodGet, pattern})
	handler := s.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			s.fail(w, r, err)
		}
	}))
	s.mux.Handle("GET "+pattern, handler)
	s.mux.Handle("GET "+apiPrefix+pattern, handler)
}

func (s *Server) attachments(r *http.Request) (*View, error) {
	query := r.URL.Query()
	asked, err := s.criteriaOf(query)
	if err != nil {
		return nil, err
	}
	search := history.Search{
		Name: asked.Name, Sender: asked.Sender, Subject: asked.Subject, Account: asked.Account, Kind: asked.Kind,
		Since: asked.since, Until: asked.until, Limit: perPage,
	}
	for key, into := range map[string]*int64{"before": &search.Before, "after": &search.After} {
		if text := query.Get(key); text != "" {
			id, ok := itemID(text)
			if !ok {
				return nil, refuse(http.StatusBadRequest, "There is no such page of results.", "Search again: the address has a slip.")
			}
			*into = id
		}
	}
	found, err := s.options.History.Search(r.Context(), search)
	if err != nil {
		return nil, s.unreadable(r.Context(), err)
	}
	list := attachmentList{Search: asked, Files: make([]foundFile, len(found.Items)), Kinds: kinds, Back: found.Back}
	for i := range found.Items {
		list.Files[i] = foundFileOf(&found.Items[i])
	}
	list.turn(r.URL, found)
	if len(list.Files) == 0 && list.Further == "" {
		list.Less = asked.less()
		// Without it, one sentence is missing.
		if oldest, err := s.options.History.Search(r.Context(), history.Search{After: 1, Limit: 1}); err == nil && len(oldest.Items) == 1 {
			list.Since = oldest.Items[0].At
		}
	}
	if now := s.options.Board.Snapshot(); len(now.Accounts) <= offered {
		for i := range now.Accounts {
			list.Accounts = append(list.Accounts, now.Accounts[i].Name)
		}
	}
	return &View{Template: "attachments", Title: "Attachments", Nav: "attachments", Data: list, Twin: true}, nil
}

// turn fills in the addresses of the pages beside this one.
func (l *attachmentList) turn(at *url.URL, found history.Found) {
	if n := len(found.Items); n > 0 {
		if found.Older {
			l.Next = turned(*at, "before", itemKey(found.Items[n-1].ID))
		}
		if found.Newer {
			l.Previous = turned(*at, "after", itemKey(found.Items[0].ID))
		}
	}
	if !found.Back.IsZero() && found.Continue > 0 {
		l.Further = turned(*at, "before", itemKey(found.Continue))
		l.Next = ""
	}
}

// unreadable is what a reader is told when the history can't be read.
func (s *Server) unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if errors.Is(err, history.ErrNotFound) {
		return notFound("There is no such attachment.", "attachd may have forgotten it: it keeps some hundred days. The file itself is where it was delivered.")
	}
	s.log.Warn().Err(err).Msg("page can't read the history")
	return refuse(http.StatusServiceUnavailable, "The history can't be read at the moment.", "What went wrong is in the log. Polls and deliveries go on without it.")
}

// criteriaOf reads the form. A day or a type that is none is told: what was found without it would
// mislead.
func (s *Server) criteriaOf(query url.Values) (criteria, error) {
	text := func(key string) string { return strings.TrimSpace(query.Get(key)) }
	c := criteria{
		Name: text("name"), Sender: text("sender"), Subject: text("subject"), Account: text("account"),
		Kind: history.Kind(text("kind")), Since: text("since"), Until: text("until"),
	}
	known := false
	for _, k := range kinds {
		known = known || k.Value == string(c.Kind)
	}
	if !known {
		return c, refuse(http.StatusBadRequest, "“"+string(c.Kind)+"” is no type.", "The types are pdf, picture, xml, table, archive, message and other.")
	}
	for _, day := range []struct {
		text string
		into *time.Time
	}{{c.Since, &c.since}, {c.Until, &c.until}} {
		if day.text == "" {
			continue
		}
		at, err := time.ParseInLocation(time.DateOnly, day.text, s.zone)
		if err != nil || at.Year() < 2 { // the zero time stands for no day
			return c, refuse(http.StatusBadRequest, "“"+day.text+"” is no day.", "A day is a year, a month and a day, as in 2026-11-27.")
		}
		*day.into = at
	}
	if !c.until.IsZero() {
		c.until = c.until.AddDate(0, 0, 1)
	}
	return c, nil
}

// Any reports whether something was searched for.
func (c criteria) Any() bool { return c != criteria{since: c.since, until: c.until} }

// less are the searches without one of several criteria.
func (c criteria) less() (all []less) {
	for _, without := range []struct {
		is   bool
		text string
		drop func(*criteria)
	}{
		{c.Since+c.Until != "", "Without the day", func(c *criteria) { c.Since, c.Until = "", "" }},
		{c.Name != "", "Without the name", func(c *criteria) { c.Name = "" }},
		{c.Sender != "", "Without the sender", func(c *criteria) { c.Sender = "" }},
		{c.Subject != "", "Without the subject", func(c *criteria) { c.Subject = "" }},
		{c.Account != "", "Without the account", func(c *criteria) { c.Account = "" }},
		{c.Kind != "", "Without the type", func(c *criteria) { c.Kind = "" }},
	} {
		rest := c
		if without.drop(&rest); without.is {
			all = append(all, less{"/attachments?" + rest.query().Encode(), without.text, rest.String()})
		}
	}
	return all
}

// query is the search as an address has it.
func (c criteria) query() url.Values {
	v := make(url.Values)
	for key, text := range map[string]string{
		"name": c.Name, "sender": c.Sender, "subject": c.Subject, "account": c.Account, "kind": string(c.Kind), "since": c.Since, "until": c.Until,
	} {
		if text != "" {
			v.Set(key, text)
		}
	}
	return v
}

// String says in words what a search finds: "anything from x with “y” in its name".
func (c criteria) String() string {
	said := "anything"
	for _, k := range kinds {
		if c.Kind != "" && k.Value == string(c.Kind) {
			said = "any " + k.Text
		}
	}
	for _, part := range []struct{ before, text, after string }{
		{" from ", c.Sender, ""},
		{" for ", c.Account, ""},
		{" with “", c.Name, "” in its name"},
		{" about “", c.Subject, "”"},
		{" since ", c.Since, ""},
		{" until ", c.Until, ""},
	} {
		if part.text != "" {
			said += part.before + part.text + part.after
		}
	}
	return said
}

func foundFileOf(i *history.Item) foundFile {
	f := foundFile{file: fileOf(*i), Repairs: len(i.Repairs), Thumb: mayHaveThumb(i), Tile: tileOf(i.Name)}
	if f.Folder = path.Dir(i.Path); f.Folder == "." {
		f.Folder = ""
	}
	return f
}

// tileOf is what stands in place of a picture: the extension of the name, if it is a usual one.
func tileOf(name string) string {
	const longest = 4
	ext := strings.ToUpper(strings.TrimPrefix(path.Ext(name), "."))
	if ext == "" || len(ext) > longest || strings.Trim(ext, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return "—"
	}
	return ext
}
