package sink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/attachd/attachd/extractor"
)

// fragmentPath returns where a piece goes. The ID of the message may hold any bytes, and is hashed.
func fragmentPath(f *extractor.Fragment) (folder, name string) {
	sum := sha256.Sum256([]byte(f.ID))
	id := hex.EncodeToString(sum[:8])
	name = id + "-" + strconv.Itoa(f.Number)
	if f.Total > 0 {
		name += "-of-" + strconv.Itoa(f.Total)
	}
	return path.Join(PartialFolder, id), name + pieceExt
}

const pieceExt = ".eml"

// parseFragmentName reads a name that fragmentPath made, with or without the number that tells it
// from another one of the same name.
func parseFragmentName(name string) (number, total int, ok bool) {
	_, name, ok = strings.Cut(strings.TrimSuffix(name, pieceExt), "-")
	n, t, _ := strings.Cut(name, "-of-")
	n, _, _ = strings.Cut(n, "-")
	t, _, _ = strings.Cut(t, "-")
	number, err := strconv.Atoi(n)
	total, _ = strconv.Atoi(t)
	return number, total, ok && err == nil && number > 0
}

// fragmentHeader makes the content of a piece a message again. The sender and the subject are there
// for people who look at it.
func fragmentHeader(f *extractor.Fragment) []byte {
	id := f.ID
	if strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:])
	}
	total := ""
	if f.Total > 0 {
		total = "; total=" + strconv.Itoa(f.Total)
	}
	h := append(headerField("From", f.From), headerField("Subject", f.Subject)...)
	return fmt.Appendf(h, "MIME-Version: 1.0\r\nContent-Type: message/partial; number=%d%s;\r\n id=\"%s\"%s", f.Number, total, id, endOfHeader)
}

// longestField is how many bytes of a sender or a subject are kept with a piece.
const longestField = 500

// headerField writes a field of a header in UTF-8 (RFC 6532), or nothing if there is no text. A
// line break in the text would begin another field, of the sender's choice: it becomes a blank.
func headerField(name, text string) []byte {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text[:min(len(text), longestField)], ""), func(r rune) bool { return unicode.IsControl(r) || r == ' ' }), " ")
	if text == "" {
		return nil
	}
	return []byte(name + ": " + text + "\r\n")
}

const endOfHeader = "\r\n\r\n"

// longestHeader is more than any fragmentHeader.
const longestHeader = 4 << 10

// join puts a message together when its last piece has been staged (RFC 2046 section 5.2.2.1), and
// takes it apart in the piece's place.
func (s *staging) join(m *extractor.Message) error {
	for _, w := range s.writers {
		if w.kind != Fragment || w.leftOut() {
			continue
		}
		pieces, err := s.d.waiting.remember(s.d.folders.top, w.attachment.Fragment, w.file.id, w.size)
		if err != nil {
			return err
		}
		if pieces == nil {
			continue
		}
		joined := &joinedReader{d: s.d, pieces: pieces}
		first := len(s.writers)
		inner, err := s.extract(joined, m)
		joined.close()
		if err != nil {
			return fmt.Errorf("join the pieces of message %q: %w", w.attachment.Fragment.ID, err)
		}
		if len(s.writers) == first {
			continue // nothing is in it: the pieces stay, as somebody may want them
		}
		w.attachment.LeftOut = "joined: its contents are kept instead"
		s.writers[first].file.joined = pieces[0].folder
		m.Problems = append(m.Problems, inner.Problems...)
		m.LeftOut = append(m.LeftOut, inner.LeftOut...)
		m.Attachments += inner.Attachments - 1
		// The piece was closed when it was whole, before the message was known to be.
		if err := s.d.discard(w.file.id); err != nil {
			return err
		}
	}
	return nil
}

// joinedReader reads the content of one piece after the other. The line end before the boundary, or
// at the message's end, belongs to the piece.
type joinedReader struct {
	d      *Directory
	pieces []piece
	f      *os.File
}

func (j *joinedReader) Read(b []byte) (int, error) {
	for {
		if j.f == nil {
			if len(j.pieces) == 0 {
				return 0, io.EOF
			}
			f, err := j.d.openPiece(&j.pieces[0])
			if err != nil {
				return 0, err
			}
			j.f, j.pieces = f, j.pieces[1:]
		}
		n, err := j.f.Read(b)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		if err == io.EOF {
			j.close()
		}
	}
}

func (j *joinedReader) close() {
	if j.f != nil {
		j.f.Close()
		j.f = nil
	}
}

// openPiece opens a piece behind its header.
func (d *Directory) openPiece(p *piece) (*os.File, error) {
	var f *os.File
	err := fs.ErrNotExist
	if p.id != "" {
		f, err = d.folders.staging.root.Open(p.id)
	}
	if errors.Is(err, fs.ErrNotExist) {
		f, err = d.folders.top.root.Open(p.path)
	}
	if err != nil {
		return nil, err
	}
	start := make([]byte, longestHeader)
	n, err := f.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		f.Close()
		return nil, err
	}
	if end := bytes.Index(start[:n], []byte(endOfHeader)); end >= 0 {
		_, err = f.Seek(int64(end+len(endOfHeader)), io.SeekStart)
	} else {
		err = fmt.Errorf("%q is no piece of a message", p.path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
