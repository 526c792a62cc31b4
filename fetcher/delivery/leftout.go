package delivery

import (
	"cmp"
	"path"
	"slices"

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
