package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// check is one thing of the machine, and whether it is well.
type check struct {
	Tone string `json:"tone"` // ok, warn or bad
	Name string `json:"name"` // "Schedule is kept"
	Text string `json:"text"`
	// At is a time that the text ends with, zero for none.
	At time.Time `json:"at,omitzero"`
}

// Icon is the shape of a check.
func (c check) Icon() string { return newMark(c.Tone, "").Icon }

// late is how late polls may begin before the page says so.
const late = time.Minute

// soon is how soon a certificate's end is worth a word.
const soon = 14 * 24 * time.Hour

// machine says how what attachd runs on and with is doing.
func (s *Server) machine(now *status.Snapshot) []check {
	m := now.Machine
	all := []check{schedule(now)}
	all = append(all, disks(m.Disks)...)
	all = append(all, fileCheck("State file", m.State), fileCheck("History", m.History))
	loaded := check{Tone: "ok", Name: "Configuration is current", Text: "loaded", At: m.Config.Loaded}
	if !m.Config.Failed.IsZero() {
		loaded = check{Tone: "bad", Name: "Configuration has mistakes", Text: "what was read before is in force; the newer file was refused", At: m.Config.Failed}
	} else if n := len(m.Config.Warnings); n > 0 {
		loaded.Tone, loaded.Name = "warn", "Configuration has "+words.Count(n, "warning")
	}
	all = append(all, loaded)
	if len(now.Certificates) > 0 {
		all = append(all, s.certificates(now.Certificates[0]))
	}
	return all
}

func schedule(now *status.Snapshot) check {
	m := now.Machine
	text := words.Count(len(now.Accounts), "account") + ", " + words.Number(int64(m.Polling)) + " polling now"
	if m.Due > 0 {
		text += ", " + words.Number(int64(m.Due)) + " waiting for a slot"
	}
	if m.Lag > late {
		return check{Tone: "warn", Name: "Polls begin late", Text: text + ", up to " + words.For(m.Lag) + " late: raise max_concurrent or the interval"}
	}
	return check{Tone: "ok", Name: "Schedule is kept", Text: text + ", none late"}
}

// disks says for each file system how much room there is.
func disks(all []status.Disk) []check {
	var checks []check
	var fine []string
	for _, d := range all {
		switch {
		case d.Err != "":
			checks = append(checks, check{Tone: "bad", Name: "Disk can't be looked at", Text: d.Path + ": " + d.Err})
		case d.MinFree > 0 && d.Free < d.MinFree:
			checks = append(checks, check{
				Tone: "bad", Name: "Little room on the disk",
				Text: words.Size(d.Free) + " free at " + d.Path + ", less than the " + words.Size(d.MinFree) + " to be left free",
			})
		case d.FewFiles():
			checks = append(checks, check{
				Tone: "bad", Name: "Hardly any inodes on the disk",
				Text: words.Number(d.FilesFree) + " of " + words.Number(d.Files) + " free at " + d.Path + ", though there are " + words.Size(d.Free),
			})
		default:
			fine = append(fine, words.Size(d.Free)+" free at "+d.Path)
		}
	}
	if len(fine) > 0 {
		checks = append(checks, check{Tone: "ok", Name: "Room on the disk", Text: strings.Join(fine, ", ")})
	}
	return checks
}

func fileCheck(name string, f status.File) check {
	switch {
	case f.Err != "":
		return check{Tone: "bad", Name: name + " has trouble", Text: f.Err}
	case f.Note != "":
		return check{Tone: "warn", Name: name + " works", Text: f.Note}
	}
	return check{Tone: "ok", Name: name + " is sound", Text: strings.TrimSpace(words.Size(f.Size) + " " + f.Path)}
}

func (s *Server) certificates(first status.Certificate) check {
	left := first.NotAfter.Sub(s.now())
	of := ""
	if first.Accounts > 1 {
		of = fmt.Sprintf(", used by %s", words.Count(first.Accounts, "account"))
	}
	switch {
	case left <= 0:
		return check{Tone: "bad", Name: "A certificate has ended", Text: first.Host + of, At: first.NotAfter}
	case left < soon:
		return check{Tone: "warn", Name: "A certificate ends soon", Text: first.Host + of, At: first.NotAfter}
	}
	return check{Tone: "ok", Name: "Certificates are valid", Text: "the next to end: " + first.Host, At: first.NotAfter}
}
