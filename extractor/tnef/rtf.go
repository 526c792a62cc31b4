package tnef

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// rtfDictionary is the content of the window before a compressed text begins ([MS-OXRTFCP]
// section 2.1.2.1).
const rtfDictionary = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript ` +
	`\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` + "\r\n" +
	`\par \pard\plain\f0\fs20\b\i\u\tab\tx`

const (
	rtfCompressed   = 0x75465a4c // "LZFu"
	rtfUncompressed = 0x414c454d // "MELA"
)

// rtf decompresses PidTagRtfCompressed and writes the text.
type rtf struct {
	scanner[rtf]
	stream *stream
	out    *output // nil before the first byte

	size, sum uint32 // of the text, and checksum of the compressed bytes, as announced
	written   int64
	crc       uint32

	window  [4096]byte
	at      int  // where the next byte of the text goes in the window
	flushed int  // the window is written up to here
	flags   byte // of the tokens to come, the next one's lowest
	tokens  int  // how many flags are left
	high    int  // the first byte of a reference; -1 for none
	ended   bool // the text has ended
}

func newRTF(s *stream) *rtf {
	r := &rtf{stream: s, high: -1}
	r.owner = r
	r.at = copy(r.window[:], rtfDictionary)
	r.flushed = r.at
	r.expect(16, (*rtf).header)
	return r
}

// header takes the header ([MS-OXRTFCP] section 2.1.3.1.1): the length of everything behind
// these four bytes, the size of the text, the kind of compression, and the checksum.
func (r *rtf) header(field []byte) error {
	length := int64(binary.LittleEndian.Uint32(field)) - 12
	if length < 0 {
		length = math.MaxInt64
	}
	r.size = binary.LittleEndian.Uint32(field[4:])
	r.sum = binary.LittleEndian.Uint32(field[12:])
	var to taker
	switch kind := binary.LittleEndian.Uint32(field[8:]); kind {
	case rtfCompressed:
		to = (*lzfu)(r)
	case rtfUncompressed:
		to = (*mela)(r)
	default:
		r.stream.d.damage(ProblemRTF, "compression %#x", kind)
		r.size, r.sum = 0, 0
	}
	return r.pass(length, to, func(r *rtf) error { return r.pass(math.MaxInt64, nil, nil) })
}

// put writes a piece of the text.
func (r *rtf) put(p []byte) (err error) {
	if len(p) == 0 {
		return nil
	}
	if r.out == nil {
		r.out, err = r.stream.d.create(&File{Name: "message.rtf", MediaType: "application/rtf", Depth: r.stream.depth})
		if err != nil {
			return err
		}
	}
	r.written += int64(len(p))
	return r.out.write(p)
}

// end implements value.
func (r *rtf) end(whole bool) error {
	d := r.stream.d
	switch {
	case !whole:
	case r.written != int64(r.size):
		whole = false
		d.damage(ProblemRTF, "%d bytes instead of %d", r.written, r.size)
	case r.crc != r.sum:
		d.report(ProblemRTF, "checksum %#08x instead of %#08x", r.crc, r.sum)
	}
	if r.out == nil {
		return nil
	}
	r.out.file.Damaged = !whole
	return r.out.close()
}

// mela takes a text that is not compressed.
type mela rtf

func (m *mela) write(p []byte) error { return (*rtf)(m).put(p) }

// lzfu takes a compressed text ([MS-OXRTFCP] section 2.2). It is a byte of flags, then a
// token for each of its bits, the lowest first. A token is a byte of the text (0), or a
// reference to bytes in the window (1). A reference to the place of the next byte ends the
// text.
type lzfu rtf

func (z *lzfu) write(p []byte) error {
	// The checksum is CRC-32 without the inversions at its beginning and end.
	z.crc = ^crc32.Update(^z.crc, crc32.IEEETable, p)
	for _, c := range p {
		switch {
		case z.ended:
			return z.flush()
		case z.tokens == 0:
			z.flags, z.tokens = c, 8
			continue
		case z.flags&1 == 0:
			if err := z.put(c); err != nil {
				return err
			}
		case z.high < 0:
			z.high = int(c)
			continue
		default:
			offset, length := z.high<<4|int(c)>>4, int(c)&0x0f+2
			z.high = -1
			if offset == z.at {
				z.ended = true
				break
			}
			for i := range length {
				if err := z.put(z.window[(offset+i)%len(z.window)]); err != nil {
					return err
				}
			}
		}
		z.flags >>= 1
		z.tokens--
	}
	return z.flush()
}

// put adds a byte to the text.
func (z *lzfu) put(c byte) error {
	z.window[z.at] = c
	if z.at++; z.at < len(z.window) {
		return nil
	}
	if err := z.flush(); err != nil {
		return err
	}
	z.at, z.flushed = 0, 0
	return nil
}

// flush writes the text up to here.
func (z *lzfu) flush() error {
	from := z.flushed
	z.flushed = z.at
	return (*rtf)(z).put(z.window[from:z.at])
}
