package tnef

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"unicode/utf16"
)

func le16(n int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }
func le32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

func join(pieces ...[]byte) []byte { return bytes.Join(pieces, nil) }

// build puts a stream together.
func build(attributes ...[]byte) []byte {
	return join(signature, le16(1), join(attributes...))
}

// attribute builds one, with the high half of the tag that the standard gives it.
func attribute(level, tag int, value []byte) []byte {
	kinds := map[int]int{attAttachTitle: 1, attAttachRenddata: 6, attAttachData: 6, attMsgProps: 6, attAttachment: 6, attOemCodepage: 6}
	sum := 0
	for _, c := range value {
		sum += int(c)
	}
	return join([]byte{byte(level)}, le16(tag), le16(kinds[tag]), le32(len(value)), value, le16(sum))
}

// spoiled gives an attribute a wrong checksum.
func spoiled(attribute []byte) []byte {
	attribute[len(attribute)-1]++
	return attribute
}

func codePage(n int) []byte { return attribute(1, attOemCodepage, join(le32(n), le32(0))) }

// rendering begins an attachment.
func rendering() []byte { return attribute(2, attAttachRenddata, make([]byte, 14)) }

func title(name string) []byte { return attribute(2, attAttachTitle, []byte(name+"\x00")) }

func content(data string) []byte { return attribute(2, attAttachData, []byte(data)) }

func list(properties ...[]byte) []byte {
	return join(le32(len(properties)), join(properties...))
}

// described is the attribute with an attachment's properties.
func described(properties ...[]byte) []byte { return attribute(2, attAttachment, list(properties...)) }

// ofMessage is the attribute with the message's properties.
func ofMessage(properties ...[]byte) []byte { return attribute(1, attMsgProps, list(properties...)) }

func property(kind, id int, value ...byte) []byte { return join(le16(kind), le16(id), value) }

// sized is a value with its length before it and padding behind it.
func sized(value []byte) []byte {
	return join(le32(len(value)), value, make([]byte, -len(value)&3))
}

func variable(kind, id int, values ...[]byte) []byte {
	b := property(kind, id, le32(len(values))...)
	for _, v := range values {
		b = append(b, sized(v)...)
	}
	return b
}

func string8(id int, s string) []byte { return variable(typeString8, id, []byte(s+"\x00")) }

func unicode(id int, s string) []byte { return variable(typeUnicode, id, wide(s)) }

// wide is a string in UTF-16 with its terminator.
func wide(s string) (b []byte) {
	for _, unit := range append(utf16.Encode([]rune(s)), 0) {
		b = append(b, le16(int(unit))...)
	}
	return b
}

func number(id, n int) []byte { return property(3, id, le32(n)...) }

// object is the content of an attached message or of an OLE object.
func object(iid, data []byte) []byte {
	return variable(typeObject, propAttachData, join(iid, data))
}

var interfaceStorage = []byte("\x0b\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")

// attached is an attached message, as Outlook writes it.
func attached(subject string, stream []byte) []byte {
	return join(rendering(), title("Untitled Attachment"), content(string(placeholder)),
		described(string8(propDisplayName, subject), object(interfaceMessage, stream), number(propAttachMethod, 5)))
}

// file is a file, as Outlook writes it.
func file(name, data string) []byte {
	return join(rendering(), content(data), title("SHORT~1"), described(unicode(propAttachLongFilename, name), number(propAttachMethod, 1)))
}

// compress compresses RTF as [MS-OXRTFCP] section 2.2 has it, each time with the
// longest match that the window holds.
func compress(s string) []byte {
	var window [4096]byte
	at := copy(window[:], rtfDictionary)
	filled := at
	var out, tokens []byte
	flags, n := byte(0), 0
	token := func(flag byte, b ...byte) {
		flags |= flag << n
		tokens = append(tokens, b...)
		if n++; n == 8 {
			out = append(append(out, flags), tokens...)
			flags, n, tokens = 0, 0, nil
		}
	}
	reference := func(offset, length int) { token(1, byte(offset>>4), byte(offset<<4|(length-2))) }
	for s != "" {
		offset, longest := 0, 0
		for from := range filled {
			length := 0
			// Bytes behind the window's newest are not known yet, so no match runs into them.
			for length < min(17, len(s)) && (from+length)%4096 != at && window[(from+length)%4096] == s[length] {
				length++
			}
			if length > longest && from != at {
				offset, longest = from, length
			}
		}
		length := 1
		if longest >= 2 {
			length = longest
			reference(offset, length)
		} else {
			token(0, s[0])
		}
		for i := range length {
			window[at] = s[i]
			at = (at + 1) % 4096
			filled = max(filled, at)
		}
		if at < filled {
			filled = 4096
		}
		s = s[length:]
	}
	reference(at, 2)
	out = append(append(out, flags), tokens...)
	return out
}

// compressedRTF is the property's value with its header.
func compressedRTF(s string) []byte {
	body := compress(s)
	sum := ^crc32.Update(^uint32(0), crc32.IEEETable, body)
	return join(le32(len(body)+12), le32(len(s)), le32(rtfCompressed), le32(int(sum)), body)
}

func rtfBody(value []byte) []byte { return variable(typeBinary, propRTFCompressed, value) }
