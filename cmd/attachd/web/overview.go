package web

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

const (
	latestFiles   = 6
	hoursShown    = 24
	daysShown     = 30
	firstAccounts = 10
)

// overview answers: is everything fine, what came in, what needs me?
type overview struct {
	OK       bool   `json:"ok"`
	NeedsYou int    `json:"needs_you"`
	Sentence string `json:"sentence"`
	Rest     string `json:"rest,omitempty"`
	// Accounts is how many there are; New that nothing has come yet, so that Rows shows the
	// accounts instead.
	Accounts    int          `json:"accounts"`
	New         bool         `json:"new"`
	Cases       []trouble    `json:"cases"`
	MoreCases   int          `json:"more_cases"`
	Handled     []trouble    `json:"handled"`
	MoreHandled int          `json:"more_handled"`
	Hours       bars         `json:"hours"`
	Days        bars         `json:"days"`
	Latest      []file       `json:"latest"`
	Files       int          `json:"files"` // that came within the last 24 hours
	Machine     []check      `json:"machine"`
	Rows        []accountRow `json:"rows,omitempty"`
	Config      string       `json:"config"`            // the path of its file
	Output      string       `json:"output,omitempty"`  // where files go
	Trouble     string       `json:"trouble,omitempty"` // why the history can't be read
}

func (s *Server) overviewRoutes() {
	s.page("/{$}", s.overview)
	s.api("/{$}", s.overview)
	s.api("/status", s.standing)
}

func (s *Server) overview(r *http.Request) (*View, error) {
	now := s.options.Board.Snapshot()
	o := overview{
		OK: now.OK(), NeedsYou: len(now.NeedsYou), Sentence: now.Sentence, Rest: now.Rest,
		Accounts: len(now.Accounts), Config: now.Machine.Config.Path, Machine: s.machine(now), Latest: []file{},
		Hours: bars{Columns: []column{}}, Days: bars{Columns: []column{}},
	}
	o.Cases, o.MoreCases = troublesOf(now.NeedsYou)
	o.Handled, o.MoreHandled = troublesOf(now.Handled)
	if c := s.config(); c != nil {
		switch outputs := c.Outputs(); {
		case len(c.Accounts) == 1:
			o.Output = c.Accounts[0].Output
		case len(outputs) == 1:
			o.Output = outputs[0]
		}
	}
	v := &View{Template: "overview", Title: "Overview", Nav: "overview", Twin: true}
	if o.Accounts == 0 {
		v.Template = "overview-none"
		v.Data = o
		return v, nil
	}
	if err := s.cameIn(r.Context(), &o); err != nil {
		if r.Context().Err() != nil {
			return nil, err
		}
		s.log.Warn().Err(err).Msg("page can't read the history")
		o.Trouble = err.Error()
	}
	if o.New = o.Trouble == "" && len(o.Latest) == 0; o.New {
		for i := range now.Accounts[:min(o.Accounts, firstAccounts)] {
			o.Rows = append(o.Rows, s.accountRow(&now.Accounts[i]))
		}
	}
	v.Data = o
	return v, nil
}

// standing is what a display on a wall needs.
type standing struct {
	OK       bool      `json:"ok"`
	NeedsYou int       `json:"needs_you"`
	Sentence string    `json:"sentence"`
	Rest     string    `json:"rest,omitempty"`
	At       time.Time `json:"at"`
	Cases    []trouble `json:"cases"`
	Handled  []trouble `json:"handled"`
	// Count is how many accounts are in each state.
	Count map[status.State]int `json:"count"`
}

func (s *Server) standing(*http.Request) (*View, error) {
	now := s.options.Board.Snapshot()
	st := standing{
		OK: now.OK(), NeedsYou: len(now.NeedsYou), Sentence: now.Sentence, Rest: now.Rest, At: now.At,
		Cases: []trouble{}, Handled: []trouble{}, Count: make(map[status.State]int),
	}
	maps.Copy(st.Count, now.Count)
	for _, c := range now.NeedsYou {
		st.Cases = append(st.Cases, troubleOf(c))
	}
	for _, c := range now.Handled {
		st.Handled = append(st.Handled, troubleOf(c))
	}
	return &View{Data: st}, nil
}

// cameIn reads what came in.
func (s *Server) cameIn(ctx context.Context, o *overview) error {
	now := s.now().In(s.zone)
	found, err := s.options.History.Search(ctx, history.Search{Limit: latestFiles})
	if err != nil {
		return err
	}
	o.Latest = filesOf(found.Items)
	hour := time.Date(now.Year(), now.Month(), now.Day(), now.Hour(), 0, 0, 0, s.zone).Add(-(hoursShown - 1) * time.Hour)
	came, err := s.options.History.Hours(ctx, hour, hoursShown)
	if err != nil {
		return err
	}
	o.Hours = bars{ID: "hours", Title: "Files per hour", Columns: make([]column, hoursShown)}
	for i := range o.Hours.Columns {
		start := hour.Add(time.Duration(i) * time.Hour).In(s.zone)
		o.Hours.Columns[i] = column{
			Start: start, label: start.Format("15:04"),
			name: start.Format("Mon 15:04") + " to " + start.Add(time.Hour).Format("15:04"),
		}
	}
	o.Files = o.Hours.fill(came, "last 24 hours")
	day := time.Date(now.Year(), now.Month(), now.Day()-daysShown+1, 0, 0, 0, 0, s.zone)
	if came, err = s.options.History.Days(ctx, day, daysShown); err != nil {
		return err
	}
	o.Days = bars{ID: "days", Title: "Files per day", Columns: make([]column, daysShown)}
	for i := range o.Days.Columns {
		start := time.Date(day.Year(), day.Month(), day.Day()+i, 0, 0, 0, 0, s.zone)
		o.Days.Columns[i] = column{Start: start, label: start.Format("2 Jan"), name: start.Format("Mon 2 Jan")}
	}
	o.Days.fill(came, "last 30 days")
	return nil
}

// fill puts what came into its columns, and returns how many files that were. What came need not
// have all hours.
func (b *bars) fill(came []history.Came, when string) (files int) {
	size := int64(0)
	at := make(map[int64]int, len(b.Columns))
	for i, c := range b.Columns {
		at[c.Start.Unix()] = i
	}
	for _, c := range came {
		i, ok := at[c.Start.Unix()]
		if !ok {
			continue
		}
		b.Columns[i].Files += c.Files
		b.Columns[i].Bytes += c.Bytes
		b.Columns[i].Failed += c.PollsFailed
		files += c.Files
		size += c.Bytes
	}
	b.Sum = when + ": " + words.Count(files, "file")
	if files > 0 {
		b.Sum += ", " + words.Size(size)
	}
	return files
}
