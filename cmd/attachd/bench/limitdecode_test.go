package bench

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/segmentio/asm/base64"

	"github.com/attachd/attachd/extractor/digest"
)

// drainAndDecode does what drainAndRecord does, and the files hold what the messages bring. It is
// the least that anyone must do who is to lose nothing: all of it, for mail of this form alone.
func (w limitWork) drainAndDecode() error {
	w.decode = true
	return w.drainAndRecord()
}

// decoder takes replies to RETR, whose messages are as [mail.write] makes them: the second part is
// base64 in lines of 76 characters.
type decoder struct {
	w      limitWork // of one account
	groups *groups
	left   int // messages that have not ended

	inBody, inEnd     bool
	file              *os.File
	sum               hash.Hash
	size              int64
	characters, bytes []byte // of a block
}

const (
	decodedAtOnce = 256 << 10 // bytes of the line
	lineOfBase64  = 76
)

func newDecoder(w limitWork, messages int) (*decoder, error) {
	d := &decoder{w: w, left: messages, sum: digest.Own.New()}
	d.characters, d.bytes = make([]byte, decodedAtOnce), make([]byte, decodedAtOnce)
	d.groups = newGroups(w)
	return d, os.MkdirAll(w.Dir, 0o700)
}

// read takes all replies and returns how many bytes they have.
func (d *decoder) read(conn *tls.Conn) (got int64, err error) {
	buffer, kept := make([]byte, decodedAtOnce), 0
	for d.left > 0 {
		n, err := conn.Read(buffer[kept:])
		if got += int64(n); err != nil {
			return got, err
		}
		piece := buffer[:kept+n]
		if kept+n < len(buffer)/2 && !bytes.HasSuffix(piece, []byte("\r\n.\r\n")) {
			kept += n // more comes: a large piece costs less than two small ones
			continue
		}
		rest, err := d.take(piece)
		if err != nil {
			return got, err
		}
		kept = copy(buffer, rest)
	}
	return got, d.groups.end()
}

// take handles what has come and returns what must wait for more.
func (d *decoder) take(p []byte) (rest []byte, err error) {
	for err == nil {
		mark := "base64\r\n\r\n"
		switch {
		case d.inBody:
			var ended bool
			if p, ended, err = d.body(p); !ended {
				return p, err
			}
			d.inBody, d.inEnd = false, true
			continue
		case d.inEnd:
			mark = "\r\n.\r\n"
		}
		i := bytes.Index(p, []byte(mark))
		if i < 0 {
			return p[max(0, len(p)-len(mark)+1):], nil
		}
		p = p[i+len(mark):]
		if d.inEnd {
			d.inEnd = false
			d.left--
			err = d.finish()
			continue
		}
		d.inBody = true
		err = d.begin()
	}
	return nil, err
}

func (d *decoder) begin() (err error) {
	d.size = 0
	d.sum.Reset()
	d.file, err = os.OpenFile(d.w.hidden(d.groups.next()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return err
}

func (d *decoder) finish() error {
	if at := d.groups.next(); d.size != d.w.Sizes[at] {
		return fmt.Errorf("file %d: %d bytes came, want %d", at, d.size, d.w.Sizes[at])
	}
	return d.groups.add(d.file, d.sum.Sum(nil))
}

// body decodes whole lines, up to the first that begins with the boundary's dashes.
func (d *decoder) body(p []byte) (rest []byte, ended bool, err error) {
	end := bytes.IndexByte(p, '-')
	if ended = end >= 0; !ended {
		end = bytes.LastIndexByte(p, '\n') + 1
	}
	n := 0
	for lines := p[:end]; len(lines) > 0; {
		if len(lines) >= lineOfBase64+2 && lines[lineOfBase64] == '\r' {
			*(*[lineOfBase64]byte)(d.characters[n:]) = [lineOfBase64]byte(lines)
			n, lines = n+lineOfBase64, lines[lineOfBase64+2:]
			continue
		}
		i := bytes.IndexByte(lines, '\r')
		n, lines = n+copy(d.characters[n:], lines[:i]), lines[i+2:]
	}
	decoded, err := base64.StdEncoding.Decode(d.bytes, d.characters[:n])
	if err == nil {
		d.size += int64(decoded)
		d.sum.Write(d.bytes[:decoded])
		_, err = d.file.Write(d.bytes[:decoded])
	}
	return p[end:], ended, err
}

// retrieve sends RETR for all messages and decodes what comes.
func (w limitWork) retrieve(conn *tls.Conn, messages int) (int64, error) {
	d, err := newDecoder(w, messages)
	if err != nil {
		return 0, err
	}
	go io.WriteString(conn, commands("RETR", messages)) // an error shows in what is read
	got, err := d.read(conn)
	return got, errors.Join(err, syncFolder(filepath.Dir(w.Dir)))
}
