package extractor

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"
)

// FuzzExtract: any input is read without a panic, every writer is closed once, no
// more comes out than went in times the depth, and it does not matter in which
// pieces it arrives.
func FuzzExtract(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(seed, "\n", "\r\n")))
	for _, goldens := range [][]golden{structureGoldens(), contentGoldens(), nameGoldens()} {
		for _, g := range goldens {
			f.Add([]byte(strings.ReplaceAll(g.message, "|", "\r\n")))
		}
	}
	limits := Limits{Depth: 10, Parts: 50, HeaderBytes: 1 << 16, HeaderFields: 100}
	f.Fuzz(func(t *testing.T, message []byte) {
		all, _, err := capture(bytes.NewReader(message), limits, false)
		total := 0
		for _, c := range all {
			if c.closed != 1 {
				t.Fatalf("part %s was closed %d times", c.Part, c.closed)
			}
			if c.Name == "" || len(c.Name) > maxName || strings.ContainsAny(c.Name, "/\\\x00") {
				t.Fatalf("part %s has the name %q", c.Part, c.Name)
			}
			total += c.content.Len()
		}
		if total > 12*len(message) {
			t.Fatalf("%d bytes came out of %d", total, len(message))
		}
		pieces, _, err2 := capture(iotest.OneByteReader(bytes.NewReader(message)), limits, false)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("whole: %v, byte by byte: %v", err, err2)
		}
		if err != nil {
			return
		}
		if len(all) != len(pieces) {
			t.Fatalf("whole: %d attachments, byte by byte: %d", len(all), len(pieces))
		}
		for i, c := range all {
			if p := pieces[i]; c.Part != p.Part || c.Name != p.Name || !bytes.Equal(c.content.Bytes(), p.content.Bytes()) {
				t.Fatalf("attachment %d differs:\n%s %q %q\n%s %q %q", i, c.Part, c.Name, &c.content, p.Part, p.Name, &p.content)
			}
		}
	})
}

// FuzzSafeName: a name is UTF-8, short, without separators, and safe already.
func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"a.pdf", "../../x", `C:\x`, "CON", "con.txt", ". . .", "e\u0301", "a\u202eb", strings.Repeat("ü", 200) + ".tar.gz", "\xff\xfe", "x. ", "LPT1 .a", "_CON"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := SafeName(s)
		if !utf8.ValidString(name) || len(name) > maxName || strings.ContainsAny(name, "/\\\x00<>:\"|?*") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
			t.Fatalf("SafeName(%q) = %q", s, name)
		}
		for _, r := range name {
			if unicode.IsControl(r) {
				t.Fatalf("SafeName(%q) = %q holds a control character", s, name)
			}
		}
		if again := SafeName(name); again != name {
			t.Fatalf("SafeName(%q) = %q, and of that %q", s, name, again)
		}
	})
}

func decode(t *testing.T, d io.WriteCloser, out *bytes.Buffer, in []byte, piece int) []byte {
	t.Helper()
	for len(in) > 0 {
		n := min(piece, len(in))
		if _, err := d.Write(in[:n]); err != nil {
			t.Fatal(err)
		}
		in = in[n:]
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(out.Bytes())
}

func quiet(ProblemKind, string) {}

// FuzzBase64: what encoding/base64 encodes, in lines of any length, comes out as
// it went in; and of any input it does not matter how it is cut.
func FuzzBase64(f *testing.F) {
	f.Add([]byte("hallo"), 76)
	f.Add([]byte("aGFsbG8=\n____________\nfooter\n"), 4)
	f.Add(bytes.Repeat([]byte("x"), 3000), 1)
	f.Fuzz(func(t *testing.T, in []byte, width int) {
		width = 4 + max(width, -width)%200
		var lines bytes.Buffer
		for text := base64.StdEncoding.EncodeToString(in); text != ""; {
			n := min(width, len(text))
			lines.WriteString(text[:n] + "\r\n")
			text = text[n:]
		}
		var out bytes.Buffer
		if got := decode(t, &base64Decoder{w: &out, report: quiet}, &out, lines.Bytes(), 1<<20); !bytes.Equal(got, in) {
			t.Fatalf("decoded %q, want %q", got, in)
		}
		var whole, pieces bytes.Buffer
		a := decode(t, &base64Decoder{w: &whole, report: quiet}, &whole, in, 1<<20)
		b := decode(t, &base64Decoder{w: &pieces, report: quiet}, &pieces, in, width%7+1)
		if !bytes.Equal(a, b) {
			t.Fatalf("%q: whole %q, in pieces %q", in, a, b)
		}
	})
}

// FuzzQuotedPrintable: what mime/quotedprintable encodes comes out as it went in;
// and of any input it does not matter how it is cut.
func FuzzQuotedPrintable(f *testing.F) {
	f.Add([]byte("für dich =\r\n \t\r\n."), 3)
	f.Add([]byte("a=\r"), 1)
	f.Fuzz(func(t *testing.T, in []byte, piece int) {
		piece = 1 + max(piece, -piece)%9
		var encoded bytes.Buffer
		w := quotedprintable.NewWriter(&encoded)
		w.Binary = true
		if _, err := w.Write(in); err != nil {
			t.Fatal(err)
		}
		w.Close()
		var out bytes.Buffer
		if got := decode(t, &qpDecoder{w: &out, report: quiet}, &out, encoded.Bytes(), piece); !bytes.Equal(got, in) {
			t.Fatalf("decoded %q, want %q", got, in)
		}
		var whole, pieces bytes.Buffer
		a := decode(t, &qpDecoder{w: &whole, report: quiet}, &whole, in, 1<<20)
		b := decode(t, &qpDecoder{w: &pieces, report: quiet}, &pieces, in, piece)
		if !bytes.Equal(a, b) {
			t.Fatalf("%q: whole %q, in pieces %q", in, a, b)
		}
	})
}

// FuzzParameters: any field is read without a panic, and what is decoded is UTF-8.
func FuzzParameters(f *testing.F) {
	for _, g := range nameGoldens() {
		_, value, _ := strings.Cut(g.name, ": ")
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := parseParameters(s)
		for _, name := range []string{"name", "filename", "boundary"} {
			if text := p.text(name, quiet); !utf8.ValidString(text) {
				t.Fatalf("%s of %q is %q", name, s, text)
			}
		}
	})
}
