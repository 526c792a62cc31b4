package history

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

// model is a history that holds all in memory and looks through all of it.
type model struct {
	items     []Item // as they came
	polls     map[string][]Poll
	troubles  []Trouble
	open      map[string]int // index of troubles
	leftOut   []LeftOut
	decisions []Decision
	failed    []time.Time
}

func (m *model) file(f file) {
	same := func(i Item) bool {
		return i.Account == f.account && i.UIDL == f.uidl && i.Path == f.attachment.Path
	}
	if slices.ContainsFunc(m.items, same) {
		return
	}
	name, sender := parseFrom(f.envelope.From)
	m.items = append(m.items, Item{
		At: f.at, Account: f.account, UIDL: f.uidl, Name: path.Base(f.attachment.Path), Path: f.attachment.Path, SenderName: name, Sender: sender,
		Subject: f.envelope.Subject, Kind: kindOf(f.attachment.MediaType, f.attachment.Path), MediaType: f.attachment.MediaType, Size: f.attachment.Size,
		Digest: f.attachment.Digests.First(), Repairs: f.repairs, Original: f.attachment.OriginalName,
	})
}

func (m *model) visit(v visit) {
	over := func() {
		if i, is := m.open[v.account]; is {
			m.troubles[i].Over = later(v.at, m.troubles[i].Last)
			delete(m.open, v.account)
		}
	}
	p := Poll{At: v.at, Took: v.took, Messages: v.counts.Messages, Files: v.files, Bytes: v.bytes}
	if v.err == nil {
		over()
	} else {
		m.failed = append(m.failed, v.at)
		i, is := m.open[v.account]
		if is && m.troubles[i].Text != v.err.Error() {
			over()
			is = false
		}
		if !is {
			i = len(m.troubles)
			m.troubles = append(m.troubles, Trouble{ID: int64(i + 1), Account: v.account, Text: v.err.Error(), First: v.at})
			m.open[v.account] = i
		}
		m.troubles[i].Last = later(v.at, m.troubles[i].Last)
		m.troubles[i].Times++
		p.Trouble = int64(i + 1)
	}
	m.polls[v.account] = append(m.polls[v.account], p)
}

// later is for clocks that went back.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (m *model) left(l leftOut) {
	e := l.event
	o := LeftOut{At: l.at, Account: e.Account, UIDL: e.UIDL, Name: e.Name, Size: e.Size, Why: e.Why, Key: leftOutKey(e.Setting, e.Why), Setting: e.Setting, More: e.More}
	if e.Stays {
		m.leftOut = slices.DeleteFunc(m.leftOut, func(old LeftOut) bool {
			return old.Account == o.Account && old.UIDL == o.UIDL && old.Name == o.Name && old.Key == o.Key
		})
	}
	m.leftOut = append(m.leftOut, o)
}

// search returns all that a search finds without its keys, the newest first.
func (m *model) search(s Search) (found []Item) {
	has := func(text, part string) bool { return strings.Contains(fold(text), fold(part)) }
	for _, i := range m.items {
		if has(i.Name, s.Name) && has(i.SenderName+" <"+i.Sender+">", s.Sender) && has(i.Subject, s.Subject) && (s.Account == "" || s.Account == i.Account) &&
			(s.Kind == "" || s.Kind == i.Kind) && (s.Since.IsZero() || !i.At.Before(s.Since)) && (s.Until.IsZero() || i.At.Before(s.Until)) {
			found = append(found, i)
		}
	}
	slices.Reverse(found)
	return found
}

func (m *model) came(start time.Time, d time.Duration) Came {
	c := Came{Start: start}
	in := func(at time.Time) bool { return !at.Before(start) && at.Before(start.Add(d)) }
	for _, i := range m.items {
		if in(i.At) {
			c.Files++
			c.Bytes += i.Size
		}
	}
	for _, at := range m.failed {
		if in(at) {
			c.PollsFailed++
		}
	}
	return c
}

func (m *model) groups(account string, since time.Time) (groups []LeftOutGroup) {
	by := make(map[string]*LeftOutGroup)
	newest := slices.Clone(m.leftOut)
	slices.Reverse(newest)
	slices.SortStableFunc(newest, func(a, b LeftOut) int { return b.At.Compare(a.At) })
	for _, o := range newest {
		if o.Account != account || o.At.Before(since) {
			continue
		}
		g := by[o.Key]
		if g == nil {
			g = &LeftOutGroup{Why: o.Why, Key: o.Key, Setting: o.Setting, Last: o.At}
			by[o.Key] = g
		}
		g.Count += 1 + o.More
		if o.Name != "" && len(g.Names) < 3 && !slices.Contains(g.Names, o.Name) {
			g.Names = append(g.Names, o.Name)
		}
	}
	for _, g := range by {
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b LeftOutGroup) int { return b.Last.Compare(a.Last) })
	return groups
}

// moves makes random records, of few words so that they meet.
type moves struct {
	*rand.Rand
	now time.Time
	n   int
}

func (r *moves) one(of ...string) string { return of[r.IntN(len(of))] }

func (r *moves) account() string { return r.one("anna", "bert", "c/ö\"'%", "dora") }

func (r *moves) text() string {
	var words []string
	for range r.IntN(4) {
		words = append(words, r.one("Rechnung", "ÄRGER", "a%b", "_", `"quoted"`, "50€", "İstanbul", "e\u0301te\u0301", "Straße", "x*", "AND", "日本語の請求書", "'", `\`, "ﬁn", "K"))
	}
	return strings.Join(words, " ")
}

// later returns a new time. Quite rarely the clock goes back.
func (r *moves) later() time.Time {
	r.now = r.now.Add(time.Duration(1+r.IntN(3_000_000)) * time.Millisecond)
	if r.IntN(50) == 0 {
		r.now = r.now.Add(-time.Duration(r.IntN(300)) * time.Minute)
	}
	return r.now.Truncate(time.Millisecond)
}

func (r *moves) record() any {
	r.n++
	account := r.account()
	switch r.IntN(10) {
	default:
		name := r.text() + r.one("", ".pdf", ".PDF", ".xml", ".jpg", ".weird")
		f := file{
			at: r.later(), account: account, uidl: fmt.Sprint("m", r.IntN(200)), octets: 7,
			envelope:   ledger.Envelope{From: r.one("", "Anna Ö <a@example.org>", "b@example.org", "Only A. Name"), Subject: r.text()},
			attachment: ledger.Attachment{Path: fmt.Sprintf("f/%d-%s", r.IntN(500), strings.ReplaceAll(name, "/", "_")), MediaType: r.one("", "application/pdf", "image/png"), Size: int64(r.IntN(1000)), Digests: digest.Digest{Kind: digest.Own, Sum: [32]byte{byte(r.n)}}.Set()},
		}
		f.attachment.OriginalName = path.Base(f.attachment.Path)
		if r.IntN(3) == 0 {
			f.attachment.OriginalName, f.repairs = "original", []string{"its date was mended", r.text()}
		}
		return f
	case 0, 1, 2:
		v := visit{account: account, at: r.later(), took: time.Duration(r.IntN(5000)) * time.Millisecond, counts: event.Counts{Messages: r.IntN(9)}, files: r.IntN(5), bytes: int64(r.IntN(999))}
		if r.IntN(3) > 0 {
			v.err = errors.New(r.one("connection refused", "login refused: no", "connection refused"))
		}
		return v
	case 3:
		return leftOut{r.later(), event.LeftOut{
			Account: account, UIDL: fmt.Sprint("m", r.IntN(200)), Octets: 7, Name: r.one("", "logo.png", "b.png", "c.png", "d.png"), Size: int64(r.IntN(99)) - 1,
			Why: r.one("noise", "too large"), Setting: r.one("", "noise", "exclude[0]"), More: r.IntN(2) * 4, Stays: r.IntN(3) == 0,
		}}
	case 4:
		return Decision{At: r.later(), Account: account, What: r.one("dropped", "polled"), UIDL: "\x00\xff", Subject: r.text(), Reason: "r", By: "the page", Outcome: "ok"}
	}
}

func (m *model) add(r any) {
	switch r := r.(type) {
	case file:
		m.file(r)
	case visit:
		m.visit(r)
	case leftOut:
		m.left(r)
	case Decision:
		r.ID = int64(len(m.decisions) + 1)
		m.decisions = append(m.decisions, r)
	}
}

// TestModel writes random records in batches of random sizes, with restarts between them, and asks
// all that can be asked. The history and a simple model answer alike.
func TestModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := &moves{Rand: rand.New(rand.NewPCG(seed, 1)), now: time.Now().Add(-25 * 24 * time.Hour)}
			m := &model{polls: make(map[string][]Poll), open: make(map[string]int)}
			o := Options{Path: t.TempDir() + "/history", Search: seed%2 == 0, Zone: time.UTC}
			h := openTest(t, o)
			for range 8 {
				var records []any
				for range r.IntN(200) {
					record := r.record()
					m.add(record)
					records = append(records, record)
				}
				must(t, h.writer.write(t.Context(), records))
				if r.IntN(3) == 0 {
					must(t, h.Close())
					o.Search = r.IntN(4) > 0
					h = openTest(t, o)
				}
			}
			compare(t, r, h, m)
		})
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Item{}, "ID", "Message"), cmpopts.IgnoreFields(LeftOut{}, "Message")); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func compare(t *testing.T, r *moves, h *History, m *model) {
	ctx := t.Context()
	for range 25 {
		searchBoth(t, r, h, m)
	}
	for account, polls := range m.polls {
		slices.SortFunc(polls, func(a, b Poll) int { return b.At.Compare(a.At) })
		got, err := h.Polls(ctx, account, 70)
		must(t, err)
		same(t, "polls", polls[:min(70, len(polls))], got)
	}
	last, err := h.LastPolls(ctx, 3)
	must(t, err)
	want := maps.Clone(m.polls)
	for account, polls := range want {
		want[account] = polls[:min(3, len(polls))]
	}
	same(t, "last polls", want, last)
	for _, account := range []string{"", "anna", "nobody"} {
		since := r.now.Add(-time.Duration(r.IntN(100)) * time.Hour)
		var want []Trouble
		for _, trouble := range m.troubles {
			if (account == "" || account == trouble.Account) && !trouble.Last.Before(since) {
				want = append(want, trouble)
			}
		}
		slices.SortFunc(want, func(a, b Trouble) int {
			order := func(t Trouble) int { return map[bool]int{true: 0, false: 1}[t.Over.IsZero()] }
			return cmp.Or(order(a)-order(b), b.Last.Compare(a.Last), int(b.ID-a.ID))
		})
		got, err := h.Troubles(ctx, account, since, 1000)
		must(t, err)
		same(t, "troubles", want, got)
	}
	open, err := h.OpenTroubles(ctx)
	must(t, err)
	var wantOpen []Trouble
	for _, account := range slices.Sorted(maps.Keys(m.open)) {
		wantOpen = append(wantOpen, m.troubles[m.open[account]])
	}
	same(t, "open troubles", wantOpen, open)
	groups, err := h.LeftOutSince(ctx, "anna", r.now.Add(-10*24*time.Hour))
	must(t, err)
	same(t, "left out", m.groups("anna", r.now.Add(-10*24*time.Hour)), groups)
	decisions, err := h.Decisions(ctx, time.Time{}, []string{"dropped"}, 1000)
	must(t, err)
	slices.Reverse(m.decisions)
	same(t, "decisions", slices.DeleteFunc(slices.Clone(m.decisions), func(d Decision) bool { return d.What != "dropped" }), decisions)
	compareSums(t, r, h, m)
	compareMessages(t, h, m)
	sound(t, h)
}

func compareSums(t *testing.T, r *moves, h *History, m *model) {
	from := r.now.Add(-50 * time.Hour).In(time.FixedZone("", 5*3600+1800))
	hours, err := h.Hours(t.Context(), from, 60)
	must(t, err)
	days, err := h.Days(t.Context(), from.UTC(), 3)
	must(t, err)
	var wantHours, wantDays []Came
	start := from.Add(-time.Duration(from.Minute())*time.Minute - time.Duration(from.Second())*time.Second - time.Duration(from.Nanosecond()))
	for n := range 60 {
		wantHours = append(wantHours, m.came(start.Add(time.Duration(n)*time.Hour), time.Hour))
	}
	day := from.UTC().Truncate(24 * time.Hour)
	for n := range 3 {
		wantDays = append(wantDays, m.came(day.AddDate(0, 0, n), 24*time.Hour))
	}
	same(t, "hours", wantHours, hours)
	same(t, "days", wantDays, days)
	var totals Totals
	for _, i := range m.items {
		if i.Account == "anna" {
			totals.Files++
			totals.Bytes += i.Size
			if totals.Since.IsZero() {
				totals.Since = i.At
			}
		}
	}
	got, err := h.Totals(t.Context(), "anna")
	must(t, err)
	same(t, "totals", totals, got)
}

// compareMessages asks for the other files of some messages, and what was left out of them.
func compareMessages(t *testing.T, h *History, m *model) {
	found, err := h.Search(t.Context(), Search{Limit: 20})
	must(t, err)
	for _, i := range found.Items {
		item, err := h.Item(t.Context(), i.ID)
		must(t, err)
		same(t, "item", i, *item)
		items, out, err := h.OfMessage(t.Context(), i.Account, i.Message)
		must(t, err)
		same(t, "files of a message", slices.DeleteFunc(slices.Clone(m.items), func(o Item) bool { return o.Account != i.Account || o.UIDL != i.UIDL }), items)
		same(t, "left out of a message", slices.DeleteFunc(slices.Clone(m.leftOut), func(o LeftOut) bool { return o.Account != i.Account || o.UIDL != i.UIDL }), out)
	}
	if _, err := h.Item(t.Context(), 1<<60); !errors.Is(err, ErrNotFound) {
		t.Errorf("an item that is not there: %v", err)
	}
}

// searchBoth makes a random search and walks its pages to the end and back.
func searchBoth(t *testing.T, r *moves, h *History, m *model) {
	t.Helper()
	var s Search
	part := func() string {
		runes := []rune(r.text() + r.one(".pdf", "", "f/", "anna"))
		if len(runes) == 0 {
			return ""
		}
		from := r.IntN(len(runes))
		return strings.TrimSpace(string(runes[from:min(len(runes), from+1+r.IntN(9))]))
	}
	for range 1 + r.IntN(2) {
		switch r.IntN(7) {
		case 0, 1:
			s.Name = part()
		case 2:
			s.Sender = r.one("ö", "EXAMPLE", "a@ex", "only a", "<")
		case 3:
			s.Subject = part()
		case 4:
			s.Account = r.account()
		case 5:
			s.Kind = kinds[r.IntN(len(kinds))]
		case 6:
			s.Since = r.now.Add(-time.Duration(r.IntN(30*24)) * time.Hour)
			if r.IntN(2) == 0 {
				s.Until = s.Since.Add(time.Duration(r.IntN(200)) * time.Hour)
			}
		}
	}
	s.Limit = 1 + r.IntN(20)
	want := m.search(s)
	what := fmt.Sprintf("search %+v", s)
	var got, back []Item
	var page Found
	for n := 0; ; n++ {
		var err error
		page, err = h.Search(t.Context(), s)
		must(t, err)
		got = append(got, page.Items...)
		if n == 0 && page.Newer || n > 0 && !page.Newer {
			t.Errorf("%s: page %d says newer: %v", what, n, page.Newer)
		}
		if !page.Back.IsZero() {
			t.Fatalf("%s: %d items took too long", what, len(m.items))
		}
		if !page.Older {
			break
		}
		s.Before = page.Items[len(page.Items)-1].ID
	}
	same(t, what, want, got)
	if len(page.Items) == 0 {
		return
	}
	s.Before, s.After = 0, page.Items[len(page.Items)-1].ID
	for {
		page, err := h.Search(t.Context(), s)
		must(t, err)
		back = append(slices.Clone(page.Items), back...)
		if !page.Newer {
			break
		}
		s.After = page.Items[0].ID
	}
	same(t, what+", back", want[:len(want)-1], back)
}
