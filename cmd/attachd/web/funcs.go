package web

import (
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// funcs are what templates can call. Times are words at the time of the call.
func (s *Server) funcs() template.FuncMap {
	return template.FuncMap{
		"ago":    func(t time.Time) string { return words.When(t, s.now()) },
		"stamp":  func(t time.Time) string { return words.Stamp(t.In(s.zone)) },
		"clock":  func(t time.Time) string { return words.Clock(t, s.now().In(s.zone)) },
		"hms":    func(t time.Time) string { return t.In(s.zone).Format("15:04:05") },
		"period": s.period,
		"rfc":    func(t time.Time) string { return t.In(s.zone).Format(time.RFC3339) },
		"text":   words.Visible,
		"lines":  words.VisibleLines,
		"size":   words.Size,
		"number": func(n int) string { return words.Number(int64(n)) },
		"big":    words.Number,
		"count":  words.Count,
		"plural": words.Plural,
		"took":   words.Took,
		"span":   words.For,
		"state":  stateMark,
		"mark":   newMark,
		"path":   pathTo,
		"asset":  func(name string) string { return s.assets.prefix + name },
		"dict":   dict,
		"strip":  strip,
		"plot":   plot,
	}
}

// period is from when to when something lasted: "19 Nov, 02:10 to 02:41".
func (s *Server) period(from, to time.Time) string {
	now := s.now().In(s.zone)
	from, to = from.In(s.zone), to.In(s.zone)
	first, last := words.Clock(from, now), words.Clock(to, now)
	switch {
	case first == last:
		return first
	case from.YearDay() == to.YearDay() && from.Year() == to.Year():
		return first + " to " + to.Format("15:04")
	}
	return first + " to " + last
}

// pathTo is a path of the page made of segments: each is escaped whole, so that an account may have
// any name.
func pathTo(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// dict makes a map of keys and values, for templates within templates.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if key, ok := pairs[i].(string); ok {
			m[key] = pairs[i+1]
		}
	}
	return m
}

// mark is a shape with a colour and a word, as the template "state" shows it. The word is always
// there: neither shape nor colour says anything alone.
type mark struct{ Icon, Class, Word string }

// newMark makes a mark of a tone (ok, warn, fail, bad, off, busy, new) and a word.
func newMark(tone, word string) mark {
	switch tone {
	case "ok", "bad":
		return mark{tone, tone, word}
	case "warn":
		return mark{"wait", "warn", word}
	case "fail":
		return mark{"fail", "warn", word}
	case "busy":
		return mark{"busy", "busy", word}
	case "off":
		return mark{"none", "off", word}
	}
	return mark{"off", "off", word}
}

// stateMark is the mark of an account's state.
func stateMark(s status.State) mark {
	tones := map[status.State]string{
		status.NeedsYou: "bad", status.Failing: "fail", status.Waiting: "warn", status.Polling: "busy",
		status.Fine: "ok", status.New: "new", status.Off: "off",
	}
	return newMark(tones[s], string(s))
}
