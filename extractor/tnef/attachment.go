package tnef

import (
	"bytes"
	"cmp"
)

// placeholder is the content that Outlook gives an attached message. The real content is in
// the attachment's properties.
var placeholder = []byte("This attachment is a MAPI 1.0 embedded message and is not supported by this mail system.\x00")

// attachment is one attachment, from the attribute that begins it to the next such attribute
// or the end. Its name may come behind its content.
type attachment struct {
	stream *stream

	title                string // of attAttachTitle
	long, short, display string // PidTagAttachLongFilename, PidTagAttachFilename, PidTagDisplayName
	mediaType, contentID string
	method               uint32 // PidTagAttachMethod
	inline               bool

	out     *output // of the last content; nil before
	nested  *stream // reads the content of an attached message
	empty   bool    // there is a content without a byte
	holding bool    // the content may turn out to be the placeholder
	held    []byte  // what may be the placeholder
}

// begin begins a content of so many bytes, and returns what takes them; nil for nothing.
func (a *attachment) begin(length int64, embedded bool) (value, error) {
	if length == 0 {
		a.empty = true
		return nil, nil
	}
	a.stream.hasContent = true
	if length == int64(len(placeholder)) {
		a.holding, a.held = true, a.held[:0]
		return a, nil
	}
	return a, a.open(embedded)
}

// open opens the file of a content.
func (a *attachment) open(embedded bool) error {
	s := a.stream
	if a.out != nil {
		s.d.report(ProblemSecondContent, "of %q", a.name(embedded))
		if err := a.finish(); err != nil {
			return err
		}
	}
	if embedded {
		if s.depth == s.d.options.MaxDepth {
			return &LimitError{"depth", int64(s.d.options.MaxDepth)}
		}
		a.nested = newStream(s.d, s.depth+1, s.codePage)
	}
	var err error
	a.out, err = s.d.create(&File{Embedded: embedded, Depth: s.depth})
	return err
}

func (a *attachment) write(p []byte) error {
	if a.holding {
		a.held = append(a.held, p...)
		return nil
	}
	if err := a.out.write(p); err != nil || a.nested == nil {
		return err
	}
	return a.nested.write(p)
}

// end ends a content. Its file stays open, since the stream may still describe it.
func (a *attachment) end(whole bool) error {
	if a.holding {
		a.holding = false
		if bytes.HasPrefix(placeholder, a.held) {
			return nil
		}
		if err := a.open(false); err != nil {
			return err
		}
		if err := a.out.write(a.held); err != nil {
			return err
		}
	}
	if !whole {
		a.damage()
	}
	if a.nested == nil {
		return nil
	}
	nested := a.nested
	a.nested = nil
	return nested.end()
}

// damage marks the last content.
func (a *attachment) damage() {
	if a.out != nil {
		a.out.file.Damaged = true
	}
}

// finish completes the file of the last content and closes it.
func (a *attachment) finish() error {
	f, out := a.out.file, a.out
	f.Name = a.name(f.Embedded)
	f.MediaType, f.ContentID, f.Inline = a.mediaType, a.contentID, a.inline
	if f.Embedded {
		f.MediaType = "application/vnd.ms-tnef"
	}
	a.out = nil
	return out.close()
}

// name returns the best of the names. An attached message has its subject for a name, and
// gets the extension of the file that it becomes.
func (a *attachment) name(embedded bool) string {
	if !embedded {
		return cmp.Or(a.long, a.title, a.short, a.display)
	}
	name := cmp.Or(a.long, a.display, a.title, a.short)
	if name == "" {
		return ""
	}
	return name + ".tnef"
}

// close ends the attachment.
func (a *attachment) close() error {
	if a.out == nil && a.empty {
		if err := a.open(false); err != nil {
			return err
		}
	}
	if a.out == nil {
		a.stream.d.damage(ProblemNoContent, "%q, method %d", a.name(false), a.method)
		return nil
	}
	return a.finish()
}
