package yenc

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// encode writes a file in lines of 128 characters.
func encode(name string, content []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "=ybegin line=128 size=%d name=%s\r\n", len(content), name)
	b.WriteString(encodeData(content))
	fmt.Fprintf(&b, "=yend size=%d crc32=%08x\r\n", len(content), crc32.ChecksumIEEE(content))
	return b.String()
}

func encodeData(content []byte) string {
	var b strings.Builder
	column := 0
	for _, c := range content {
		c += 42
		switch c {
		case 0, '\n', '\r', '=', '\t', '.':
			b.WriteByte('=')
			c += 64
			column++
		}
		b.WriteByte(c)
		if column++; column >= 128 {
			b.WriteString("\r\n")
			column = 0
		}
	}
	if column > 0 {
		b.WriteString("\r\n")
	}
	return b.String()
}

type file struct {
	bytes.Buffer
	header Header
	closed int
}

func (f *file) Close() error { f.closed++; return nil }

// decode feeds text in pieces of so many bytes and returns what is behind the file.
func decode(text string, piece int) (f *file, problems []string, rest string, err error) {
	d := NewDecoder(func(h Header) (io.WriteCloser, error) {
		if f != nil {
			return nil, errors.New("opened twice")
		}
		f = &file{header: h}
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
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	big := make([]byte, 100_000)
	rand.NewChaCha8([32]byte{1}).Read(big)
	for name, test := range map[string]struct {
		text     string
		want     []byte
		header   Header
		problems []string
		rest     string
	}{
		"every byte":       {encode("a b.bin", every) + "text", every, Header{Name: "a b.bin", Size: 256}, nil, "text"},
		"big":              {encode("big", big), big, Header{Name: "big", Size: 100_000}, nil, ""},
		"empty":            {encode("e", nil), nil, Header{Name: "e"}, nil, ""},
		"LF":               {strings.ReplaceAll(encode("a", every), "\r\n", "\n"), every, Header{Name: "a", Size: 256}, nil, ""},
		"a name in quotes": {encode(`"a b"`, []byte("x")), []byte("x"), Header{Name: "a b", Size: 1}, nil, ""},
		"a piece": {
			"=ybegin part=2 total=3 line=128 size=9 name=p.bin\r\n=ypart begin=4 end=6\r\n" + encodeData([]byte("def")) + fmt.Sprintf("=yend size=3 part=2 pcrc32=%08x crc32=00000000\r\n", crc32.ChecksumIEEE([]byte("def"))),
			[]byte("def"),
			Header{"p.bin", 9, 2, 3, 4, 6},
			nil, "",
		},
		"a wrong checksum":       {strings.Replace(encode("a", []byte("x")), "crc32=", "crc32=1", 1)[:len(encode("a", []byte("x")))-2] + "\r\n", []byte("x"), Header{Name: "a", Size: 1}, []string{WrongChecksum}, ""},
		"a wrong size":           {strings.Replace(encode("a", []byte("x")), "=yend size=1", "=yend size=2", 1), []byte("x"), Header{Name: "a", Size: 1}, []string{WrongSize}, ""},
		"a wrong size at first":  {strings.Replace(encode("a", []byte("x")), "line=128 size=1", "line=128 size=2", 1), []byte("x"), Header{Name: "a", Size: 2}, []string{WrongSize}, ""},
		"no end":                 {encode("a", every)[:150], nil, Header{Name: "a", Size: 256}, []string{Truncated}, ""},
		"the end without a CRLF": {strings.TrimSuffix(encode("a", every), "\r\n"), every, Header{Name: "a", Size: 256}, nil, ""},
		"nothing behind the =":   {"=ybegin line=128 size=0 name=a\r\n=\r\n=yend size=0\r\n", nil, Header{Name: "a", Size: 0}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, piece := range []int{1, 2, 3, 7, 1000, 1 << 20} {
				f, problems, rest, err := decode(test.text, piece)
				if err != nil || f == nil {
					t.Fatalf("in pieces of %d: %v, file %v", piece, err, f)
				}
				if test.want != nil && !bytes.Equal(f.Bytes(), test.want) || f.closed != 1 || f.header != test.header {
					t.Errorf("in pieces of %d: %d bytes, closed %d times, header %+v", piece, f.Len(), f.closed, f.header)
				}
				if !slices.Equal(problems, test.problems) || rest != test.rest {
					t.Errorf("in pieces of %d: problems %q, rest %q", piece, problems, rest)
				}
			}
		})
	}
}

// TestErrors: those of open and of the writer come back.
func TestErrors(t *testing.T) {
	t.Parallel()
	failure := errors.New("disk full")
	ignore := func(string, string) {}
	d := NewDecoder(func(Header) (io.WriteCloser, error) { return nil, failure }, ignore)
	if _, _, err := d.Feed([]byte(encode("a", []byte("x")))); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	d = NewDecoder(func(Header) (io.WriteCloser, error) { return nil, nil }, ignore)
	if _, done, err := d.Feed([]byte(encode("a", []byte("x")))); err != nil || !done {
		t.Errorf("left out: done %v, error %v", done, err)
	}
}

// FuzzDecoder: nothing panics, nothing grows, how text is cut does not matter, and
// what was encoded comes back.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte(encode("a", []byte("hello, y=y\r\n.."))), 3)
	f.Add([]byte("=ybegin name=\r\n=y\r\n=yend"), 1)
	f.Add([]byte("=ybegin part=1 size=-1 name=x\r\n=ypart begin=1\r\n==y\r\n="), 2)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		if !bytes.HasPrefix(text, []byte("=y")) {
			text = append([]byte("=ybegin line=128 name=x\r\n"), text...)
		}
		whole, problems, rest, err := decode(string(text), len(text)+1)
		cut, cutProblems, cutRest, cutErr := decode(string(text), 1+max(piece, -piece-1)%50)
		if err != nil || cutErr != nil {
			t.Fatal(err, cutErr)
		}
		if (whole == nil) != (cut == nil) || whole != nil && (whole.String() != cut.String() || whole.header != cut.header) || !slices.Equal(problems, cutProblems) || rest != cutRest {
			t.Errorf("in pieces %v %q %q, whole %v %q %q", cut, cutProblems, cutRest, whole, problems, rest)
		}
		back, problems, _, err := decode(encode("x", text), 1+max(piece, -piece-1)%50)
		if err != nil || !bytes.Equal(back.Bytes(), text) || len(problems) > 0 {
			t.Errorf("%q became %q, problems %q, error %v", text, back, problems, err)
		}
	})
}
