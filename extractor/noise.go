package extractor

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"image"
	_ "image/gif" // for DecodeConfig
	_ "image/jpeg"
	_ "image/png"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Noise comes as an attachment and is no file to anybody. Each rule looks at type, name and
// content together, because leaving out a real scan is worse than any noise. Anything larger
// than its rule expects is no noise. These are:
//
//   - A detached signature (RFC 8551 section 3.5.3, RFC 3156 section 5). It signs the other
//     part of the mail, and is of no use beside the files. A signature under a name of its
//     own, such as contract.pdf.p7s, was sent as a file.
//   - "Version: 1", the first part of PGP/MIME (RFC 3156 section 4).
//   - The second copy of a calendar. Mailers send an invitation as a form of the text and as
//     a file, with the same bytes.
//   - ATT00001.htm and the like, without any text. Exchange makes a file of the text between
//     two attachments.
//   - A picture of one pixel. It tells the sender that the mail was read.
//   - A small picture that the HTML shows, such as the logo of a signature. It is small in
//     bytes and in pixels: a scanned page is not.
const (
	maxSignature    = 64 << 10
	maxVersion      = 64
	maxEmptyText    = 2 << 10
	maxPixel        = 4 << 10
	maxLogo         = 32 << 10
	maxLogoPixels   = 300 * 300
	maxLogoSquare   = 96 // a larger square is a QR code, as for paying
	maxUnknown      = 1 << 10
	maxHeldCalendar = 256 << 10
	maxHeldAtOnce   = 8
)

var (
	signatureTypes = []string{"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
	signatureNames = []string{"", "smime.p7s", "signature.asc", "openpgp_signature", "openpgp_signature.asc", "openpgp_digital_signature.asc", "pgp.sig", "signature.pgp", "signature.sig"}
	emptyTextName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^ATT\d{3,6}\.(htm|html|txt)$`) })
	htmlMarkup     = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?is)<!--.*?-->|<(style|script|title)\b.*?</(style|script|title)>|<[^>]*>|&nbsp;|&#160;|&#xa0;`)
	})
	showsMore = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)<(img|object|embed|iframe|svg|video|canvas|input|form|script|a|link|meta\s+http-equiv)\b|\bcid:|background=`)
	})
)

// mayBeNoise reports whether an attachment may turn out to be noise. Its beginning is then
// needed.
func mayBeNoise(a *Attachment) bool {
	return strings.HasPrefix(a.MediaType, "image/") || isSignature(a) || a.MediaType == "application/pgp-encrypted" || emptyTextName().MatchString(a.OriginalName)
}

func isSignature(a *Attachment) bool {
	name := strings.ToLower(a.OriginalName)
	return slices.Contains(signatureNames, name) && (name != "" || slices.Contains(signatureTypes, a.MediaType))
}

// noise returns why a complete attachment is noise; "" if it is none. start is the first
// sniffLength bytes of its content, or all of it.
func noise(a *Attachment, start []byte) string {
	switch {
	case isSignature(a) && a.Size <= maxSignature:
		// It begins with armour (RFC 9580, RFC 7468), or is DER.
		if text := bytes.TrimSpace(start); hasStart(text, "-----BEGIN P") || hasStart(start, "\x30") {
			return "a signature of the mail"
		}
	case a.MediaType == "application/pgp-encrypted" && a.Size <= maxVersion:
		if strings.EqualFold(string(bytes.TrimSpace(start)), "Version: 1") {
			return "the version of PGP/MIME"
		}
	case emptyTextName().MatchString(a.OriginalName) && a.Size <= maxEmptyText:
		if !showsMore().Match(start) && len(bytes.Trim(htmlMarkup().ReplaceAll(start, nil), " \t\r\n\xc2\xa0\xef\xbb\xbf")) == 0 {
			return "a page without text"
		}
	case strings.HasPrefix(a.MediaType, "image/"):
		return pictureNoise(a, start)
	}
	return ""
}

func pictureNoise(a *Attachment, start []byte) string {
	size, _, err := image.DecodeConfig(bytes.NewReader(start))
	known := err == nil && size.Width > 0 && size.Height > 0
	square := size.Width*10 > size.Height*9 && size.Height*10 > size.Width*9
	switch f := formatIn(start); {
	case f != "png" && f != "gif" && f != "jpeg":
		return "" // whatever its type says
	case known && size.Width == 1 && size.Height == 1 && a.Size <= maxPixel:
		return "a picture of one pixel"
	case !a.Inline:
		return ""
	case known && square && size.Width > maxLogoSquare:
		return ""
	case known && size.Width*size.Height <= maxLogoPixels && a.Size <= maxLogo, !known && a.Size <= maxUnknown:
		return "a small picture that the text shows"
	}
	return ""
}

// isCalendar reports whether an attachment is a calendar (RFC 5545).
func isCalendar(a *Attachment) bool {
	switch a.MediaType {
	case "text/calendar", "application/ics", "text/x-vcalendar", "application/calendar":
		return true
	}
	return hasSuffixFold(a.OriginalName, ".ics")
}

const secondCalendar = "a second copy of the same calendar"

// calendars are the calendars of a message. The copy with a name is kept, and comes last; so
// nameless copies wait for the end of the message.
type calendars struct {
	seen map[[sha256.Size]byte]bool
	held []*heldCalendar
}

type heldCalendar struct {
	attachment *Attachment
	content    []byte
	sum        [sha256.Size]byte
}

// add notes a calendar that is kept, and reports whether there was the same one before. It
// gives up the same ones that are held.
func (c *calendars) add(x *run, sum [sha256.Size]byte) (again bool) {
	if c.seen[sum] {
		return true
	}
	if c.seen == nil {
		c.seen = make(map[[sha256.Size]byte]bool)
	}
	c.seen[sum] = true
	c.held = slices.DeleteFunc(c.held, func(h *heldCalendar) bool {
		if h.sum == sum {
			x.dropNoise(h.attachment, secondCalendar)
		}
		return h.sum == sum
	})
	return false
}

func (x *run) dropNoise(a *Attachment, why string) {
	a.Noise = why
	a.leaveOutAsNoise()
	x.message.Attachments--
	x.message.LeftOut = append(x.message.LeftOut, a)
}

func (a *Attachment) leaveOutAsNoise() {
	a.LeftOut, a.LeftOutBy = "noise: "+a.Noise, Cause{By: ByNoise}
}

// calendarWriter writes a calendar, or holds it for as long as another copy may come.
type calendarWriter struct {
	run        *run
	attachment *Attachment
	w          io.WriteCloser // nil while it is held
	held       []byte
	hash       hash.Hash
}

// newCalendarWriter opens a calendar; with DropNoise a nameless one is held.
func (x *run) newCalendarWriter(a *Attachment) (io.WriteCloser, error) {
	w := &calendarWriter{run: x, attachment: a, hash: sha256.New()}
	if x.options.DropNoise && a.OriginalName == "" && len(x.calendars.held) < maxHeldAtOnce {
		return w, nil
	}
	var err error
	w.w, err = x.open(a)
	if w.w == nil || err != nil {
		return nil, err
	}
	return w, nil
}

func (w *calendarWriter) Write(p []byte) (int, error) {
	w.hash.Write(p)
	if w.w == nil {
		if len(w.held)+len(p) <= maxHeldCalendar {
			w.held = append(w.held, p...)
			return len(p), nil
		}
		opened, err := w.run.open(w.attachment)
		if err != nil {
			return 0, err
		}
		if opened == nil {
			opened = discard{}
		}
		w.w = opened
		held := w.held
		w.held = nil
		if _, err := w.w.Write(held); err != nil {
			return 0, err
		}
	}
	return w.w.Write(p)
}

func (w *calendarWriter) Close() error {
	x, a := w.run, w.attachment
	sum := [sha256.Size]byte(w.hash.Sum(nil))
	switch {
	case a.LeftOut != "":
	case w.w == nil && !x.calendars.seen[sum]:
		x.calendars.held = append(x.calendars.held, &heldCalendar{a, w.held, sum})
		return nil
	case w.w == nil:
		x.dropNoise(a, secondCalendar)
	case x.calendars.add(x, sum):
		if a.Noise = secondCalendar; x.options.DropNoise {
			x.dropNoise(a, secondCalendar)
		}
	}
	if w.w == nil {
		return nil
	}
	return w.w.Close()
}

// releaseCalendars writes the held calendars, at the message's end.
func (x *run) releaseCalendars() error {
	held := x.calendars.held
	x.calendars.held = nil
	for _, h := range held {
		if x.calendars.add(x, h.sum) {
			x.dropNoise(h.attachment, secondCalendar)
			continue
		}
		w, err := x.open(h.attachment)
		if err != nil {
			return err
		}
		if w == nil {
			x.message.Attachments--
			continue
		}
		_, err = w.Write(h.content)
		if closed := w.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// discard takes a content that nobody wants.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (discard) Close() error { return nil }
