package tnef

import (
	"bytes"
	"encoding/binary"
	"math"
)

// signature begins every TNEF stream ([MS-OXTNEF] section 2.1.3.2); two bytes of a
// key without a meaning follow.
var signature = []byte{0x78, 0x9f, 0x3e, 0x22}

// The attributes that are read, by the lower half of their tags ([MS-OXTNEF]
// section 2.1.3.1); the upper half, the type, follows from it.
const (
	attAttachData     = 0x800f
	attAttachTitle    = 0x8010
	attAttachRenddata = 0x9002
	attMsgProps       = 0x9003
	attAttachment     = 0x9005
	attOemCodepage    = 0x9007
)

// stream reads the TNEF stream of the message, or of an attached one.
type stream struct {
	scanner[stream]
	d        *Decoder
	depth    int    // how many attached messages are around it
	codePage uint32 // of 8-bit texts
	hasRTF   bool   // there was an RTF text; a second one is passed over
	readable bool   // there was an attribute
	garbage  bool   // there were other bytes

	tag        uint16 // of the attribute that is being read
	sum        uint16 // of its bytes so far
	hasContent bool   // the content of an attachment is among its bytes
	value      value  // where its bytes go; nil for nowhere
	text       text
	attachment *attachment // the last one that began
}

func newStream(d *Decoder, depth int, codePage uint32) *stream {
	s := &stream{d: d, depth: depth, codePage: codePage}
	s.owner = s
	s.expect(6, (*stream).begin)
	return s
}

func (s *stream) begin(field []byte) error {
	if !bytes.HasPrefix(field, signature) {
		return s.pass(math.MaxInt64, nil, nil)
	}
	s.expect(9, (*stream).header)
	return nil
}

// header begins an attribute ([MS-OXTNEF] section 2.1.3): its level, tag and length.
func (s *stream) header(field []byte) error {
	if level := field[0]; level != 1 && level != 2 {
		s.garbage = true
		g := &garbage{s.d}
		_ = g.write(field)
		return s.pass(math.MaxInt64, g, nil)
	}
	s.readable = true
	s.tag = binary.LittleEndian.Uint16(field[1:])
	length := binary.LittleEndian.Uint32(field[5:])
	s.sum, s.value, s.hasContent = 0, nil, false
	var err error
	switch s.tag {
	case attOemCodepage:
		s.gather(length)
	case attMsgProps:
		if s.d.options.RTF {
			s.value = newProperties(s, nil)
		}
	case attAttachRenddata:
		err = s.endAttachment()
		s.attachment = &attachment{stream: s}
	case attAttachTitle:
		s.current()
		s.gather(length)
	case attAttachment:
		s.value = newProperties(s, s.current())
	case attAttachData:
		s.value, err = s.current().begin(int64(length), false)
	}
	if err != nil {
		return err
	}
	return s.pass(int64(length), (*summed)(s), (*stream).endValue)
}

// current returns the attachment that the attributes describe. Careless writers leave out
// the attribute that begins one.
func (s *stream) current() *attachment {
	if s.attachment == nil {
		s.attachment = &attachment{stream: s}
	}
	return s.attachment
}

// gather keeps the attribute's bytes until it ends.
func (s *stream) gather(length uint32) {
	if length > maxText {
		s.d.report(ProblemLongText, "attribute %#x of %d bytes", s.tag, length)
		return
	}
	s.text = s.text[:0]
	s.value = &s.text
}

// summed is a stream as the taker of its attributes' bytes: it sums them up.
type summed stream

func (s *summed) write(p []byte) error {
	s.sum += checksum(p)
	if s.value == nil {
		return nil
	}
	return s.value.write(p)
}

// endValue is called behind an attribute's last byte.
func (s *stream) endValue() error {
	s.expect(2, (*stream).trailer)
	if s.value == nil {
		return nil
	}
	switch s.tag {
	case attOemCodepage:
		if len(s.text) >= 4 {
			s.codePage = binary.LittleEndian.Uint32(s.text)
		}
	case attAttachTitle:
		s.attachment.title = s.decode8(s.text)
	}
	return s.value.end(true)
}

// trailer compares the checksum: the sum of all bytes, modulo 65,536.
func (s *stream) trailer(field []byte) error {
	if sum := binary.LittleEndian.Uint16(field); sum != s.sum {
		s.d.damage(ProblemChecksum, "attribute %#x: %#04x instead of %#04x", s.tag, s.sum, sum)
		if s.hasContent {
			s.attachment.damage()
		}
	}
	s.expect(9, (*stream).header)
	return nil
}

// end ends the stream, wherever it stands.
func (s *stream) end() error {
	switch {
	case !s.readable:
		s.d.damage(ProblemFormat, "%d messages deep", s.depth)
	case s.garbage:
	case s.left > 0:
		s.d.damage(ProblemTruncated, "attribute %#x lacks %d bytes", s.tag, s.left)
		if s.value != nil {
			if err := s.value.end(false); err != nil {
				return err
			}
		}
	case s.need == 2:
		s.d.damage(ProblemTruncated, "attribute %#x lacks its checksum", s.tag)
	case !blank(s.held[:s.nHeld]):
		s.d.damage(ProblemTruncated, "%d bytes of an attribute", s.nHeld)
	}
	return s.endAttachment()
}

func (s *stream) endAttachment() error {
	if s.attachment == nil {
		return nil
	}
	a := s.attachment
	s.attachment = nil
	return a.close()
}

// garbage takes the bytes behind the last attribute. Blanks are no damage: mailers and
// gateways add them.
type garbage struct{ d *Decoder }

func (g *garbage) write(p []byte) error {
	if g.d != nil && !blank(p) {
		g.d.damage(ProblemGarbage, "behind the last attribute")
		g.d = nil
	}
	return nil
}

func blank(p []byte) bool { return len(bytes.Trim(p, "\x00\t\n\r ")) == 0 }

// checksum sums up bytes, modulo 65,536, eight at a time in four lanes of 16 bits.
func checksum(p []byte) uint16 {
	const low = 0x00ff00ff00ff00ff
	var sum uint16
	for len(p) >= 8 {
		// 128 times two bytes still fit into a lane.
		block := p[:min(len(p)&^7, 8*128)]
		p = p[len(block):]
		var lanes uint64
		for ; len(block) >= 8; block = block[8:] {
			v := binary.LittleEndian.Uint64(block)
			lanes += v&low + v>>8&low
		}
		sum += uint16(lanes) + uint16(lanes>>16) + uint16(lanes>>32) + uint16(lanes>>48)
	}
	for _, c := range p {
		sum += uint16(c)
	}
	return sum
}
