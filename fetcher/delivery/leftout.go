package delivery

import (
	"cmp"
	"path"
	"slices"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Reasons why something comes to no file. The same reason has the same words.
const (
	whyNoAttachment = "no attachment"
	whyReceived     = "received before"
	whyPiece        = "a piece of a larger message: it waits for the other pieces"
)

// A sender decides how many attachments a message has, and a message is held until it is committed.
const (
	mostLeftOut = 20
	mostRepairs = 20 // of each attachment
)

// tell bounds what is told of a message besides its files.
func (s *Staged) tell() {
	if len(s.Attachments)+len(s.LeftOut) == 0 {
		s.LeftOut = []ledger.LeftOut{{Size: -1, Why: whyNoAttachment}}
	}
	if more := len(s.LeftOut) - mostLeftOut; more > 0 {
		s.LeftOut = slices.Clone(s.LeftOut[:mostLeftOut])
		s.LeftOut[mostLeftOut-1].More += more
	}
	for i := range s.LeftOut {
		s.LeftOut[i].Name = ledger.ClipName(s.LeftOut[i].Name)
	}
	for i := range s.Attachments {
		repairs := &s.Attachments[i].Repairs
		*repairs = slices.Clip((*repairs)[:min(len(*repairs), mostRepairs)])
		for j, text := range *repairs {
			(*repairs)[j] = ledger.ClipName(text)
		}
	}
}

// Settings that leave out what nobody misses, as logos.
var minor = []string{"inline_images", "noise"}

// noteLeftOut logs and counts the attachments of a message that a setting left out. Few care for
// logos and signatures, and what stays on the server is not lost. So the log has them at the level
// info only if the message is to be deleted and either no file came of it, or a rule of include or
// exclude left something out.
func (d *Delivery) noteLeftOut(m *ledger.Message, envelope Envelope) {
	n, ruled := 0, false
	var names, why []string
	for _, l := range m.LeftOut {
		if l.Setting == "" {
			continue // it is no attachment
		}
		n += 1 + l.More
		ruled = ruled || !slices.Contains(minor, l.Setting)
		names = append(names, foreign.Text(l.Name))
		if !slices.Contains(why, l.Why) {
			why = append(why, l.Why)
		}
	}
	if n == 0 {
		return
	}
	d.Tally.LeftOut += n
	level, text := zerolog.DebugLevel, "attachments left out by a setting"
	if d.Policy.Delete && d.deletable(m) {
		text += ", and the message is to be deleted on the server"
		if ruled || m.Files() == 0 {
			level = zerolog.InfoLevel
		}
	}
	envelope.To(d.Log.WithLevel(level).Str("uidl", foreign.UIDL(m.UIDL)).Int("attachments", n).Strs("files", names).Strs("reasons", why)).Msg(text)
}

// leftOut tells of everything of a message that came to no file.
func (d *Delivery) leftOut(m *ledger.Message) {
	if d.LeftOut == nil {
		return
	}
	for _, l := range m.LeftOut {
		d.LeftOut(m, l, false)
	}
	for _, a := range m.Attachments {
		if a.LeftOut && !a.Sidecar {
			name := ledger.ClipName(cmp.Or(a.OriginalName, path.Base(a.Path)))
			d.LeftOut(m, ledger.LeftOut{Name: name, Size: a.Size, Why: whyReceived, Setting: "duplicates"}, false)
		}
	}
	if IsPiece(m) {
		d.LeftOut(m, ledger.LeftOut{Size: m.Kept()[0].Size, Why: whyPiece}, true)
	}
}
