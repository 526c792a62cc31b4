package binhex

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const mark = "(This file must be converted with BinHex 4.0)\r\n"

// sum is the checksum as RFC 1741 has it.
func sum(b []byte) []byte {
	return binary.BigEndian.AppendUint16(nil, crcBytes(0, append(slices.Clone(b), 0, 0)))
}

// encode makes a BinHex text, runs shortened.
func encode(name string, data, resource []byte) string {
	header := append([]byte{byte(len(name))}, name...)
	header = append(header, "\x00TEXTttxt\x00\x00"...)
	header = binary.BigEndian.AppendUint32(header, uint32(len(data)))
	header = binary.BigEndian.AppendUint32(header, uint32(len(resource)))
	return mark + ":" + wrap(slices.Concat(header, sum(header), data, sum(data), resource, sum(resource))) + ":\r\n"
}

func wrap(b []byte) string {
	var short []byte
	for i := 0; i < len(b); {
		n := 1
		for i+n < len(b) && n < 255 && b[i+n] == b[i] {
			n++
		}
		short = append(short, b[i])
		if b[i] == runMark {
			short = append(short, 0)
		}
		switch {
		case n > 3:
			short = append(short, runMark, byte(n))
			i += n
		default:
			i++
		}
	}
	var out strings.Builder
	bits, n := uint32(0), 0
	put := func(v byte) {
		out.WriteByte(alphabet[v&0x3f])
		if (out.Len()+2)%66 == 64 {
			out.WriteString("\r\n")
		}
	}
	for _, c := range short {
		bits, n = bits<<8|uint32(c), n+8
		for n >= 6 {
			n -= 6
			put(byte(bits >> n))
		}
	}
	if n > 0 {
		put(byte(bits << (6 - n)))
	}
	return out.String()
}

type file struct {
	bytes.Buffer
	name   string
	closed int
}

func (f *file) Close() error { f.closed++; return nil }

func decode(text string, piece int) (f *file, problems []string, rest string, err error) {
	d := NewDecoder(func(name string) (io.WriteCloser, error) {
		if f != nil {
			return nil, errors.New("opened twice")
		}
		f = &file{name: name}
		return f, nil
	}, func(kind, _ string) { problems = append(problems, kind) })
	for done := false; text != "" && !done; {
		var n int
		p := []byte(text[:min(piece, len(text))])
		n, done, err = d.Feed(p)
		clear(p)
		if err != nil {
			return f, problems, text, err
		}
		text = text[n:]
	}
	return f, problems, text, d.Close()
}

func TestDecoder(t *testing.T) {
	t.Parallel()
	runs := []byte("a" + strings.Repeat("b", 1000) + strings.Repeat("\x90", 600) + "c\x90\x00\x90")
	big := make([]byte, 100_000)
	rand.NewChaCha8([32]byte{1}).Read(big)
	whole := encode("a", big, nil)
	for name, test := range map[string]struct {
		text     string
		want     []byte
		name     string
		problems []string
		rest     string
	}{
		"both forks":            {encode("Read me", []byte("hello"), []byte("resource")) + "text", []byte("hello"), "Read me", nil, "\r\ntext"},
		"runs":                  {encode("r", runs, nil), runs, "r", nil, "\r\n"},
		"big":                   {whole, big, "a", nil, "\r\n"},
		"no data fork":          {encode("e", nil, []byte("x")), nil, "e", []string{ResourceOnly}, "\r\n"},
		"no name":               {encode("", []byte("x"), nil), []byte("x"), "", nil, "\r\n"},
		"LF":                    {strings.ReplaceAll(whole, "\r\n", "\n"), big, "a", nil, "\n"},
		"blanks and other text": {strings.ReplaceAll(whole, "\r\n", " \r\n~"), big, "a", []string{Illegal}, " \r\n~"},
		"a wrong checksum":      {whole[:700] + string(alphabet[values[whole[700]]^1]) + whole[701:], nil, "a", []string{WrongChecksum}, "\r\n"},
		"cut":                   {whole[:1000], nil, "a", []string{Truncated}, ""},
		"cut, with its colon":   {whole[:1000] + ":\r\n", nil, "a", []string{Truncated}, "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, piece := range []int{1, 2, 3, 1000, 1 << 20} {
				f, problems, rest, err := decode(test.text, piece)
				if err != nil || f == nil {
					t.Fatalf("in pieces of %d: %v, file %v, problems %q", piece, err, f, problems)
				}
				if f.name != test.name || f.closed != 1 || test.want != nil && !bytes.Equal(f.Bytes(), test.want) {
					t.Errorf("in pieces of %d: %q, %d bytes, closed %d times", piece, f.name, f.Len(), f.closed)
				}
				if !slices.Equal(slices.Compact(problems), test.problems) || rest != test.rest {
					t.Errorf("in pieces of %d: problems %q, rest %q", piece, problems, rest)
				}
			}
		})
	}
}

// TestChecksum: the checksum is the one that others compute.
func TestChecksum(t *testing.T) {
	t.Parallel()
	// The check value of CRC-16/XMODEM, which is the same polynomial.
	if got := sum([]byte("123456789")); !bytes.Equal(got, []byte{0x31, 0xc3}) {
		t.Errorf("checksum %x", got)
	}
}

func TestNothingBegun(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", mark, mark + ":", mark + "::", mark + ":" + wrap([]byte{200, 'a', 'b'}) + ":"} {
		f, problems, _, err := decode(text, 1000)
		if err != nil || f != nil || !slices.Equal(problems, []string{Truncated}) {
			t.Errorf("%q: file %v, problems %q, error %v", text, f, problems, err)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	failure := errors.New("disk full")
	d := NewDecoder(func(string) (io.WriteCloser, error) { return nil, failure }, func(string, string) {})
	if _, _, err := d.Feed([]byte(encode("a", []byte("x"), nil))); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
}

// FuzzDecoder: nothing panics, how text is cut does not matter, and what was encoded comes back.
func FuzzDecoder(f *testing.F) {
	f.Add(encode("a", []byte("hello"), []byte("world")), "name", 3)
	f.Add(encode("a", bytes.Repeat([]byte{0x90}, 300), nil), strings.Repeat("x", 300), 1)
	f.Add(mark+"::", "", 2)
	f.Fuzz(func(t *testing.T, text, name string, piece int) {
		piece = 1 + max(piece, -piece-1)%50
		whole, problems, rest, err := decode(text, len(text)+1)
		cut, cutProblems, cutRest, cutErr := decode(text, piece)
		if err != nil || cutErr != nil {
			t.Fatal(err, cutErr)
		}
		if (whole == nil) != (cut == nil) || whole != nil && (whole.String() != cut.String() || whole.name != cut.name) || !slices.Equal(problems, cutProblems) || rest != cutRest {
			t.Errorf("in pieces %v %q %q, whole %v %q %q", cut, cutProblems, cutRest, whole, problems, rest)
		}
		if whole != nil && whole.Len() > 255*len(text) {
			t.Errorf("%d bytes out of %d", whole.Len(), len(text))
		}
		name = name[:min(len(name), 255)]
		back, problems, _, err := decode(encode(name, []byte(text), nil), piece)
		if err != nil || back.String() != text || back.name != name || len(problems) > 0 {
			t.Errorf("%q became %q, problems %q, error %v", text, back, problems, err)
		}
	})
}
