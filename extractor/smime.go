package extractor

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/attachd/attachd/extractor/cms"
)

// smimeUnpacker takes the signed content out of a CMS message. Most often it is a MIME
// entity, and its attachments are meant (RFC 8551 section 3.5). It may also be a document,
// such as the invoice.xml in an invoice.xml.p7m. Such a document is saved beside the .p7m,
// which is what the sender attached.
type smimeUnpacker struct {
	run        *run
	at         place
	attachment *Attachment
	decoder    *cms.Decoder

	head    []byte         // of the message, until it is known how it is written
	input   io.Writer      // the decoder, or the armour before it
	armour  *base64Decoder // nil for none
	start   []byte         // of the signed content, until it is known what it is
	entity  *parser
	file    content
	decided bool
}

// entityStart is how many bytes of the signed content tell what it is.
const entityStart = 1 << 10

func newSMIMEUnpacker(x *run, a *Attachment, at place) *smimeUnpacker {
	u := &smimeUnpacker{run: x, at: at, attachment: a}
	u.decoder = cms.NewDecoder(signedContent{u})
	return u
}

// signedContent takes the signed content from the decoder.
type signedContent struct{ u *smimeUnpacker }

func (c signedContent) Write(p []byte) (int, error) {
	u, n := c.u, len(p)
	if !u.decided {
		room := min(len(p), entityStart-len(u.start))
		u.start = append(u.start, p[:room]...)
		p = p[room:]
		if text := bytes.TrimLeft(u.start, "\r\n"); bytes.IndexByte(text, '\n') < 0 && len(u.start) < entityStart {
			return n, nil
		}
		if err := u.decide(); err != nil {
			return 0, err
		}
	}
	return n, u.put(p)
}

// decide begins the MIME entity, or opens the file, for the signed content.
func (u *smimeUnpacker) decide() error {
	u.decided = true
	start := u.start
	u.start = nil
	if beginsEntity(start) {
		u.entity = newParser(u.run, place{number: u.at.number, depth: u.at.depth + 1, containers: u.at.containers, saved: u.at.saved, entered: u.at.entered})
		return u.put(start)
	}
	at := u.at.within(1)
	a := &Attachment{Part: at.number, Container: "smime", MediaType: "application/octet-stream", Disposition: "attachment"}
	if name := u.attachment.OriginalName; len(name) > len(".p7m") && !strings.EqualFold(name, "smime.p7m") {
		u.run.setName(a, strings.TrimSpace(name[:len(name)-len(".p7m")]))
	}
	var err error
	if u.file, err = u.run.begin(a, at); err != nil {
		return err
	}
	return u.put(start)
}

func (u *smimeUnpacker) put(p []byte) error {
	var err error
	if u.entity != nil {
		_, err = u.entity.Write(p)
	} else {
		_, err = u.file.Write(p)
	}
	return err
}

// Write implements unpacker.
func (u *smimeUnpacker) Write(p []byte) (int, error) {
	n := len(p)
	if u.input == nil {
		if len(u.head) == 0 {
			p = bytes.TrimLeft(p, " \t\r\n") // of any number: they tell nothing
		}
		if u.head = append(u.head, p...); len(u.head) < armourStart {
			return n, nil
		}
		p = u.choose()
	}
	if _, err := u.input.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}

// armourStart is how many bytes of a message, behind blanks, tell how it is written.
const armourStart = 16

// choose finds out how the message is written, and returns the bytes of it that were read.
// Tools that sign documents write it as it is, or once more in base64, with or without the
// lines of PEM (RFC 7468).
func (u *smimeUnpacker) choose() []byte {
	head := u.head
	u.head = nil
	report := func(kind ProblemKind, detail string) { u.run.note(u.attachment, kind, detail) }
	switch {
	case bytes.HasPrefix(head, []byte("-----BEGIN ")):
		armoured := &base64Decoder{w: u.decoder, report: report}
		pem := &pemReader{out: armoured}
		pem.lines.bounds = pem.line
		u.input, u.armour = pem, armoured
	case bytes.HasPrefix(head, []byte("MI")):
		u.armour = &base64Decoder{w: u.decoder, report: report}
		u.input = u.armour
	default:
		u.input = u.decoder
	}
	return head
}

// pemReader passes on the lines between the first and the last line of a PEM text.
type pemReader struct {
	lines lines
	out   io.Writer
	ended bool
}

func (r *pemReader) Write(p []byte) (int, error) { return r.lines.write(p) }

func (r *pemReader) line(line []byte) error {
	if bytes.HasPrefix(line, []byte("-----")) {
		r.ended = r.ended || bytes.HasPrefix(line, []byte("-----END"))
		return nil
	}
	if r.ended {
		return nil
	}
	if _, err := r.out.Write(line); err != nil {
		return err
	}
	_, err := io.WriteString(r.out, "\n")
	return err
}

// finish implements unpacker.
func (u *smimeUnpacker) finish() (whole bool, err error) {
	if u.input == nil {
		_, err = u.decoder.Write(u.head)
	}
	if pem, ok := u.input.(*pemReader); ok && err == nil {
		err = pem.lines.close()
	}
	if u.armour != nil && err == nil {
		err = u.armour.Close()
	}
	err = errors.Join(err, u.decoder.Close())
	if errors.Is(err, cms.ErrFormat) {
		err = nil
	}
	if err == nil && !u.decided && len(u.start) > 0 {
		err = u.decide()
	}
	if err == nil && u.entity != nil {
		err = u.entity.Close()
	}
	whole = u.decoder.Complete() && u.decoder.Ended()
	if err == nil && u.decided && !whole {
		u.run.note(u.attachment, ProblemSMIME, "cut off or damaged")
	}
	return err == nil && u.entity != nil && whole, errors.Join(err, u.file.end())
}

// abort implements unpacker.
func (u *smimeUnpacker) abort() {
	if u.entity != nil {
		u.entity.abort()
	}
	u.file.abort()
}
