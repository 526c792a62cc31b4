package extractor

import (
	"errors"
	"io"
	"strings"

	"github.com/attachd/attachd/extractor/tnef"
)

// tnefUnpacker takes a winmail.dat apart.
type tnefUnpacker struct {
	run     *run
	at      place
	decoder *tnef.Decoder
	files   int
}

func newTNEFUnpacker(x *run, a *Attachment, at place) *tnefUnpacker {
	u := &tnefUnpacker{run: x, at: at}
	u.decoder = tnef.NewDecoder(tnef.Options{
		RTF: x.options.RTF, MaxDepth: x.limits.Containers, MaxFiles: x.limits.Attachments,
		Guess: func(codePage uint32, text string) string {
			t := texts{ignore, x.charset}
			if codePage == 0 {
				return t.guess(text)
			}
			return t.convert(codePageName(int(codePage)), text)
		},
		Report: func(kind, detail string) {
			if kind == tnef.ProblemCodePage {
				x.note(a, ProblemCharset, "code page "+clip(detail))
				return
			}
			x.note(a, ProblemTNEF, strings.TrimSuffix(kind+": "+clip(detail), ": "))
		},
	}, u.open)
	return u
}

func (u *tnefUnpacker) open(f *tnef.File) (io.WriteCloser, error) {
	u.files++
	at := u.at.within(u.files)
	w := &tnefFile{run: u.run, described: f, attachment: &Attachment{Part: at.number, Container: "tnef", MediaType: f.MediaType, Disposition: "attachment"}}
	var err error
	if f.Embedded {
		// The decoder takes it apart itself.
		w.attachment.MediaType = tnefType
		w.content, err = u.run.beginFile(w.attachment, nil)
	} else {
		w.content, err = u.run.begin(w.attachment, at)
	}
	return w, err
}

const tnefType = "application/ms-tnef"

// tnefFile is a file of a winmail.dat. Its name is known when it has been read.
type tnefFile struct {
	run        *run
	described  *tnef.File
	attachment *Attachment
	content    content
}

func (w *tnefFile) Write(p []byte) (int, error) { return w.content.Write(p) }

func (w *tnefFile) Close() error {
	f, a := w.described, w.attachment
	if a.MediaType == "" {
		if a.MediaType = f.MediaType; !strings.Contains(f.MediaType, "/") {
			a.MediaType = "application/octet-stream"
		}
	}
	a.ContentID = clip(f.ContentID)
	a.Inline = f.Inline && strings.HasPrefix(a.MediaType, "image/")
	if f.Damaged {
		w.run.note(a, ProblemTNEF, "damaged content")
	}
	name := CutName(strings.TrimSpace(f.Name), maxText)
	if name != "" && f.Embedded {
		name = strings.NewReplacer("/", "_", `\`, "_").Replace(name) // a subject, no path
	}
	if name != "" {
		w.run.setName(a, name)
	}
	return w.content.end()
}

// Write implements unpacker.
func (u *tnefUnpacker) Write(p []byte) (int, error) {
	n, err := u.decoder.Write(p)
	return n, tnefError(err)
}

// finish implements unpacker. A winmail.dat without files is kept: it has a text in it.
func (u *tnefUnpacker) finish() (whole bool, err error) {
	err = u.decoder.Close()
	if errors.Is(err, tnef.ErrFormat) {
		return false, nil
	}
	return err == nil && u.files > 0 && !u.decoder.Damaged(), tnefError(err)
}

// abort implements unpacker.
func (u *tnefUnpacker) abort() { _ = u.decoder.Close() }

func tnefError(err error) error {
	limit, ok := errors.AsType[*tnef.LimitError](err)
	if !ok {
		return err
	}
	name := map[string]string{"depth": "containers", "files": "attachments", "bytes": "expansion"}[limit.Limit]
	return &LimitError{name, limit.Value}
}
