package tnef

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
)

// The types of properties that have a length of their own ([MS-OXCDATA] section 2.11.1).
const (
	typeObject   = 0x000d
	typeString8  = 0x001e
	typeUnicode  = 0x001f
	typeServerID = 0x00fb
	typeBinary   = 0x0102
	multiValued  = 0x1000
)

// The properties that are read ([MS-OXPROPS]).
const (
	propRTFCompressed      = 0x1009
	propDisplayName        = 0x3001
	propAttachData         = 0x3701
	propAttachFilename     = 0x3704
	propAttachMethod       = 0x3705
	propAttachLongFilename = 0x3707
	propAttachMimeTag      = 0x370e
	propAttachContentID    = 0x3712
	propAttachFlags        = 0x3714
	propAttachmentHidden   = 0x7ffe
)

// renderedInBody is the flag in PidTagAttachFlags for an attachment that the text shows.
const renderedInBody = 4

// interfaceMessage begins an object that is an attached message: IID_IMessage.
var interfaceMessage = []byte("\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")

// properties reads a list of encapsulated properties ([MS-OXTNEF] section 2.1.3.4).
type properties struct {
	scanner[properties]
	stream     *stream
	attachment *attachment // its properties; nil for those of the message
	count      uint32      // of properties still to come
	ended      bool        // no property is to come, or none can be read

	kind, id uint16 // of the property that is being read
	values   uint32 // how many of its values are still to come
	length   uint32 // of the value
	value    value  // where it goes; nil for nowhere
	text     text
	padding  bool // behind the value
}

func newProperties(s *stream, a *attachment) *properties {
	p := &properties{stream: s, attachment: a}
	p.owner = p
	p.expect(4, func(p *properties, field []byte) error {
		p.count = binary.LittleEndian.Uint32(field)
		return p.nextProperty()
	})
	return p
}

func (p *properties) nextProperty() error {
	if p.count == 0 {
		p.ended = true
		return p.pass(math.MaxInt64, nil, nil)
	}
	p.count--
	p.expect(4, (*properties).tag)
	return nil
}

func (p *properties) tag(field []byte) error {
	p.kind = binary.LittleEndian.Uint16(field)
	p.id = binary.LittleEndian.Uint16(field[2:])
	if p.id < 0x8000 {
		return p.typed()
	}
	p.expect(20, (*properties).named)
	return nil
}

// named takes the name space of a named property, and the kind of its name.
func (p *properties) named(field []byte) error {
	switch binary.LittleEndian.Uint32(field[16:]) {
	case 0: // a number
		return p.pass(4, nil, (*properties).typed)
	case 1:
		p.expect(4, func(p *properties, field []byte) error {
			return p.pass(padded(binary.LittleEndian.Uint32(field)), nil, (*properties).typed)
		})
		return nil
	}
	return p.fail("a name of an unknown kind")
}

// typed goes on with the values, once the tag and the name are read.
func (p *properties) typed() error {
	size := int64(0)
	switch p.kind &^ multiValued {
	case 0x0000, 0x0001: // unspecified, null
	case 0x0002, 0x0003, 0x0004, 0x000a, 0x000b: // of up to 32 bits
		size = 4
	case 0x0005, 0x0006, 0x0007, 0x0014, 0x0040: // of 64 bits
		size = 8
	case 0x0048: // a GUID
		size = 16
	case typeObject, typeString8, typeUnicode, typeServerID, typeBinary:
		p.expect(4, func(p *properties, field []byte) error {
			p.values = binary.LittleEndian.Uint32(field)
			return p.nextValue()
		})
		return nil
	default:
		return p.fail("an unknown type")
	}
	switch {
	case p.kind&multiValued != 0:
		p.expect(4, func(p *properties, field []byte) error {
			return p.pass(size*int64(binary.LittleEndian.Uint32(field)), nil, (*properties).nextProperty)
		})
	case size == 4:
		p.expect(4, (*properties).number)
	default:
		return p.pass(size, nil, (*properties).nextProperty)
	}
	return nil
}

// number takes a value of up to 32 bits.
func (p *properties) number(field []byte) error {
	if a := p.attachment; a != nil {
		n := binary.LittleEndian.Uint32(field)
		switch p.id {
		case propAttachMethod:
			a.method = n
		case propAttachFlags:
			a.inline = a.inline || n&renderedInBody != 0
		case propAttachmentHidden:
			a.inline = a.inline || n&0xffff != 0
		}
	}
	return p.nextProperty()
}

func (p *properties) nextValue() error {
	p.padding = false
	if p.values == 0 {
		return p.nextProperty()
	}
	p.values--
	p.expect(4, (*properties).begin)
	return nil
}

// begin begins a value with its length.
func (p *properties) begin(field []byte) error {
	p.length = binary.LittleEndian.Uint32(field)
	var err error
	switch a, kind := p.attachment, p.kind&^multiValued; {
	case a == nil:
		if p.id == propRTFCompressed && kind == typeBinary && p.length > 0 && !p.stream.hasRTF {
			p.stream.hasRTF = true
			p.value = newRTF(p.stream)
		}
	case p.id == propAttachData && kind == typeObject:
		if p.length >= 16 {
			p.expect(16, (*properties).object)
			return nil
		}
		p.stream.d.damage(ProblemProperty, "an object of %d bytes", p.length)
	case p.id == propAttachData && kind == typeBinary:
		p.value, err = a.begin(int64(p.length), false)
	case p.wanted() == nil || kind != typeString8 && kind != typeUnicode:
	case p.length > maxText:
		p.stream.d.report(ProblemLongText, "property %#x of %d bytes", p.id, p.length)
	default:
		p.text = p.text[:0]
		p.value = &p.text
	}
	if err != nil {
		return err
	}
	return p.pass(int64(p.length), p.value, (*properties).endValue)
}

// object takes the interface identifier that begins an object.
func (p *properties) object(field []byte) (err error) {
	length := int64(p.length) - 16
	if p.value, err = p.attachment.begin(length, bytes.Equal(field, interfaceMessage)); err != nil {
		return err
	}
	return p.pass(length, p.value, (*properties).endValue)
}

// wanted returns where the text of the property goes; nil if it is not needed.
func (p *properties) wanted() *string {
	a := p.attachment
	switch p.id {
	case propDisplayName:
		return &a.display
	case propAttachFilename:
		return &a.short
	case propAttachLongFilename:
		return &a.long
	case propAttachMimeTag:
		return &a.mediaType
	case propAttachContentID:
		return &a.contentID
	}
	return nil
}

func (p *properties) endValue() error {
	if value := p.value; value != nil {
		p.value = nil
		if err := value.end(true); err != nil {
			return err
		}
		if value == &p.text {
			p.setText()
		}
	}
	p.padding = true
	return p.pass(padded(p.length)-int64(p.length), nil, (*properties).nextValue)
}

func (p *properties) setText() {
	var s string
	if p.kind&^multiValued == typeUnicode {
		s = decode16(p.text)
	} else {
		s = p.stream.decode8(p.text)
	}
	switch p.id {
	case propAttachMimeTag:
		s = strings.ToLower(strings.TrimSpace(s))
	case propAttachContentID:
		s = strings.Trim(s, "<> ")
	}
	if to := p.wanted(); *to == "" {
		*to = s
	}
}

func (p *properties) fail(why string) error {
	p.stream.d.damage(ProblemProperty, "property %#x of type %#x: %s", p.id, p.kind, why)
	p.ended = true
	return p.pass(math.MaxInt64, nil, nil)
}

// end implements value.
func (p *properties) end(bool) error {
	if p.ended || p.padding && p.values == 0 && p.count == 0 { // the last padding may be missing
		return nil
	}
	p.stream.d.damage(ProblemTruncated, "property %#x of type %#x", p.id, p.kind)
	if p.value == nil {
		return nil
	}
	return p.value.end(false)
}

// padded returns a length with the padding behind it.
func padded(n uint32) int64 { return (int64(n) + 3) &^ 3 }
