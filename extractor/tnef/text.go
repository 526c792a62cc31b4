package tnef

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// maxText is the longest text that is gathered, in bytes.
const maxText = 4 << 10

// text gathers a short value.
type text []byte

func (t *text) write(p []byte) error {
	*t = append(*t, p...)
	return nil
}

func (*text) end(bool) error { return nil }

// codePages are the code pages of Windows in use, by their numbers in
// https://learn.microsoft.com/windows/win32/intl/code-page-identifiers.
var codePages = map[uint32]encoding.Encoding{
	437: charmap.CodePage437, 850: charmap.CodePage850, 852: charmap.CodePage852, 855: charmap.CodePage855,
	858: charmap.CodePage858, 860: charmap.CodePage860, 862: charmap.CodePage862, 863: charmap.CodePage863,
	865: charmap.CodePage865, 866: charmap.CodePage866,
	874: charmap.Windows874, 1250: charmap.Windows1250, 1251: charmap.Windows1251, 1252: charmap.Windows1252,
	1253: charmap.Windows1253, 1254: charmap.Windows1254, 1255: charmap.Windows1255, 1256: charmap.Windows1256,
	1257: charmap.Windows1257, 1258: charmap.Windows1258, 10000: charmap.Macintosh,
	20866: charmap.KOI8R, 21866: charmap.KOI8U,
	28591: charmap.ISO8859_1, 28592: charmap.ISO8859_2, 28593: charmap.ISO8859_3, 28594: charmap.ISO8859_4,
	28595: charmap.ISO8859_5, 28596: charmap.ISO8859_6, 28597: charmap.ISO8859_7, 28598: charmap.ISO8859_8,
	28599: charmap.ISO8859_9, 28603: charmap.ISO8859_13, 28605: charmap.ISO8859_15,
	932: japanese.ShiftJIS, 50220: japanese.ISO2022JP, 51932: japanese.EUCJP,
	936: simplifiedchinese.GBK, 52936: simplifiedchinese.HZGB2312, 54936: simplifiedchinese.GB18030,
	949: korean.EUCKR, 51949: korean.EUCKR, 950: traditionalchinese.Big5,
}

// decode8 returns a text in the stream's code page, up to its terminator. If the code page
// has single bytes and the text is valid UTF-8, it is read as UTF-8: senders other than
// Outlook write it, whatever they announce.
func (s *stream) decode8(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	e, known := codePages[s.codePage]
	if _, single := e.(*charmap.Charmap); (single || !known) && utf8.Valid(b) {
		return string(b)
	}
	if !known {
		s.d.report(ProblemCodePage, "%d", s.codePage)
		if guess := s.d.options.Guess; guess != nil {
			return guess(s.codePage, string(b))
		}
		e = charmap.Windows1252
	}
	decoded, _ := e.NewDecoder().Bytes(b) // other bytes become U+FFFD
	return string(decoded)
}

// decode16 returns a text in UTF-16, up to its terminator.
func decode16(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		unit := binary.LittleEndian.Uint16(b)
		if unit == 0 {
			break
		}
		units = append(units, unit)
	}
	return string(utf16.Decode(units))
}
