package extractor

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// pieces reads its bytes in pieces whose lengths a seed decides.
type pieces struct {
	rest []byte
	seed uint32
}

func (r *pieces) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	r.seed = r.seed*1664525 + 1013904223
	n := 1 + int(r.seed>>24)%17
	if r.seed&0x800000 != 0 {
		n *= 9
	}
	n = copy(p[:min(n, len(p))], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// summary says all that came of a message, to compare two runs.
func summary(all []*captured, m *Message, err error) string {
	var b strings.Builder
	if m != nil { // a decoder may report before or after the parser has seen more
		slices.SortFunc(m.Problems, func(a, b Problem) int { return strings.Compare(a.String(), b.String()) })
	}
	for _, c := range all {
		fmt.Fprintf(&b, "%+v %q\n", *c.Attachment, c.content.Bytes())
	}
	if m != nil {
		for _, a := range m.LeftOut {
			fmt.Fprintf(&b, "left out: %+v\n", *a)
		}
		flat := *m
		flat.LeftOut = nil
		fmt.Fprintf(&b, "%+v\n", flat)
	}
	fmt.Fprintf(&b, "error: %v\n", err)
	return b.String()
}

// FuzzExtract: whatever comes, nothing panics; how the message is cut into blocks
// does not matter; every writer is closed exactly once; names are safe; all that
// is written together is no more than every level of nesting could hold.
func FuzzExtract(f *testing.F) {
	for i, g := range goldens(f) {
		eol := []string{"\n", "\r\n", "\r"}[i%3]
		f.Add(bytes.ReplaceAll(bytes.ReplaceAll(g.message, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte(eol)), uint32(i))
	}
	for _, cte := range []string{"", "Content-Type: a/b\nContent-Transfer-Encoding: x-uuencode\n"} {
		f.Add([]byte("Subject: x\n"+cte+"\ntext\n"+uuencoded("a", strings.Repeat("abc", 40), '`', "\n")+"begin-base64 644 b\naGFs\n====\n"), uint32(3))
	}
	limits := Limits{HeaderBytes: 1 << 16, HeaderFields: 100, Depth: 8, Parts: 50}
	f.Fuzz(func(t *testing.T, message []byte, cut uint32) {
		all, m, err := capture(bytes.NewReader(message), limits, false)
		if _, ok := errors.AsType[*LimitError](err); err != nil && !ok {
			t.Fatalf("error %v, which is no limit", err)
		}
		total := 0
		for _, c := range all {
			if c.closed != 1 {
				t.Errorf("part %s was closed %d times", c.Part, c.closed)
			}
			if c.Name == "" || SafeName(c.Name) != c.Name {
				t.Errorf("part %s has the name %q, which is not safe", c.Part, c.Name)
			}
			total += c.content.Len()
		}
		// A uuencoded line of zeros may be cut to its first character.
		if most := (limits.Depth + 1) * len(message) * 45; total > most {
			t.Errorf("%d bytes written out of %d", total, len(message))
		}
		cutAll, cutM, cutErr := capture(&pieces{message, cut}, limits, false)
		if err != nil || cutErr != nil { // how far it came depends on the blocks
			if fmt.Sprint(err) != fmt.Sprint(cutErr) {
				t.Errorf("error %v, in pieces %v", err, cutErr)
			}
			return
		}
		if m.Size != int64(len(message)) || m.Attachments != len(all) {
			t.Errorf("message of %d bytes and %d attachments, want %d and %d", m.Size, m.Attachments, len(message), len(all))
		}
		if got, want := summary(cutAll, cutM, cutErr), summary(all, m, err); got != want {
			t.Errorf("in pieces:\n%s\nwhole:\n%s", got, want)
		}
	})
}

// FuzzSafeName: a safe name is valid UTF-8 in NFC, one path component of at most
// 255 bytes that no system reserves, and safe already.
func FuzzSafeName(f *testing.F) {
	for _, name := range []string{
		"acht.png", "", ".", "..", "a/b", `a\b`, "CON", "con.txt", "COM¹", "a\x00b", "\xff\xfe", "x\u202etxt.exe", "  a . ", ".bashrc", "LPT1 .a", "_CON",
		strings.Repeat("ä", 200) + ".tar.gz", "a\u0301", strings.Repeat("e\u0301", 130), "_.", "CON .txt", "a" + strings.Repeat(".", 300), "\ufeff.\ufeff.a",
		strings.Repeat("x", 254) + " .pdf", "nul.", "\u00a0.x", "\ufb01\u0300", "a\u2028b", strings.Repeat("a", 252) + ". .b", "..\u200b/..", "x. ",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		safe := SafeName(name)
		switch {
		case safe == "":
			return
		case !utf8.ValidString(safe), !norm.NFC.IsNormalString(safe):
			t.Errorf("SafeName(%q) = %q, which is not UTF-8 in NFC", name, safe)
		case len(safe) > maxName:
			t.Errorf("SafeName(%q) = %q, %d bytes", name, safe, len(safe))
		case strings.ContainsAny(safe, `/\:*?"<>|`), strings.ContainsFunc(safe, unicode.IsControl), strings.ContainsFunc(safe, isInvisible),
			strings.ContainsAny(safe[:1], ". "), strings.ContainsAny(safe[len(safe)-1:], ". "):
			t.Errorf("SafeName(%q) = %q, which is no safe component", name, safe)
		case isReserved(safe):
			t.Errorf("SafeName(%q) = %q, which is reserved", name, safe)
		}
		if again := SafeName(safe); again != safe {
			t.Errorf("SafeName(%q) = %q, and of that %q", name, safe, again)
		}
	})
}

// decode runs a decoder on text, whole or in pieces that a seed decides.
func decode(text []byte, cut uint32, decoder func(w io.Writer, report func(ProblemKind, string)) io.WriteCloser) (string, []ProblemKind) {
	var out bytes.Buffer
	var problems []ProblemKind
	d := decoder(&out, func(kind ProblemKind, _ string) { problems = append(problems, kind) })
	r := io.Reader(bytes.NewReader(text))
	if cut != 0 {
		r = &pieces{text, cut}
	}
	buf := make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		_, _ = d.Write(buf[:n])
		clear(buf[:n]) // the block is used again, so nothing may point into it
		if err != nil {
			break
		}
	}
	_ = d.Close()
	slices.Sort(problems)
	return out.String(), slices.Compact(problems)
}

func newBase64(w io.Writer, report func(ProblemKind, string)) io.WriteCloser {
	return &base64Decoder{w: w, report: report}
}

func newQP(w io.Writer, report func(ProblemKind, string)) io.WriteCloser {
	return &qpDecoder{w: w, report: report}
}

// FuzzBase64: what encoding/base64 takes decodes to the same, in lines of any
// length; how text is cut into blocks does not matter; nothing grows.
func FuzzBase64(f *testing.F) {
	for _, text := range []string{
		"aGFsbG8=", "aGFs\r\nbG8=\r\n", "aGFsbG8", "aGFs=bG8=", "!aGF*sbG8=", "aGFsbG8=\r\n-- \r\nfooter", "aGFs\nbG8=\nd2Vs\ndA==\n", "_-_-", "a\nG\nF\ns\n", "=\n=\n",
		strings.Repeat("QUJD", 2000), strings.Repeat("QUJD\n", 500) + "x", "aGFsbG8=\r", "aGFsbG8=\rd2Vs\r", "aGFs  bG8 =", "aGFsbG8=\n____________\nfooter\n",
		strings.Repeat(strings.Repeat("QUJD", 6)+"\r\n", 100), strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 20) + strings.Repeat("QUJD", 9) + "=\r\n",
		strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 20) + strings.Repeat("Q\r", 38) + "\r\n",
	} {
		f.Add([]byte(text), uint32(7))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint32) {
		got, problems := decode(text, 0, newBase64)
		if want, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
			if got != string(want) {
				t.Errorf("decoded %q, want %q", got, want)
			}
			if len(problems) > 0 {
				t.Errorf("problems %v in well-formed text", problems)
			}
		}
		if len(got) > len(text) {
			t.Errorf("%d bytes out of %d", len(got), len(text))
		}
		if again, p := decode(text, cut|1, newBase64); again != got || !slices.Equal(p, problems) {
			t.Errorf("in pieces %q %v, whole %q %v", again, p, got, problems)
		}
		var lines bytes.Buffer
		for encoded := base64.StdEncoding.EncodeToString(text); encoded != ""; {
			n := min(1+int(cut%97), len(encoded))
			lines.WriteString(encoded[:n] + "\r\n")
			encoded = encoded[n:]
		}
		if back, p := decode(lines.Bytes(), cut|1, newBase64); back != string(text) || len(p) > 0 {
			t.Errorf("%q became %q, problems %v", text, back, p)
		}
	})
}

// FuzzQuotedPrintable: what mime/quotedprintable writes decodes to what went in,
// and how text is cut into blocks does not matter.
func FuzzQuotedPrintable(f *testing.F) {
	for _, text := range []string{
		"f=C3=BCr\r\n", "soft=\r\nbreak", "soft= \t\nbreak", "=ZZ=", "a \t\r\nb", "=\r=\n==", "a  ", "\t=", "=3", "=3D=3", "a\rb\r\r\n", strings.Repeat(" ", 2000) + "x",
		"=" + strings.Repeat(" ", 2000) + "\n", "\x00\xff=\x00", "a=\r", strings.Repeat(" ", 1030) + "\n",
	} {
		f.Add([]byte(text), uint32(7))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint32) {
		got, problems := decode(text, 0, newQP)
		if len(got) > len(text) {
			t.Errorf("%d bytes out of %d", len(got), len(text))
		}
		if again, p := decode(text, cut|1, newQP); again != got || !slices.Equal(p, problems) {
			t.Errorf("in pieces %q %v, whole %q %v", again, p, got, problems)
		}
		var encoded bytes.Buffer
		w := quotedprintable.NewWriter(&encoded)
		w.Binary = true
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if back, p := decode(encoded.Bytes(), cut|1, newQP); back != string(text) || len(p) > 0 {
			t.Errorf("%q was encoded as %q and decoded to %q, problems %v", text, &encoded, back, p)
		}
	})
}

// FuzzParams: nothing panics; a value has no blanks or capitals in it; nothing is
// longer than the field; every decoded text is UTF-8.
func FuzzParams(f *testing.F) {
	for _, g := range goldens(f) {
		header, _, _ := strings.Cut(string(g.message), "\n\n")
		for field := range strings.SplitSeq(strings.ReplaceAll(header, "\n ", " "), "\n") {
			if name, value, ok := strings.Cut(field, ": "); ok && strings.HasPrefix(name, "Content-") && strings.HasSuffix(g.row(), "names") {
				f.Add(value)
			}
		}
	}
	f.Add(`attachment; filename*999999999999999999999*=a; filename*-1=b; filename**=c; filename*0*=utf-8''%`)
	f.Add(`"=?utf-8?q?a/b?="; name="=?big5?B?pA==?= =?big5?B?fw==?=`)
	f.Fuzz(func(t *testing.T, field string) {
		p := parseParameters(field)
		if strings.ContainsAny(p.value, " \t") || p.value != strings.ToLower(p.value) {
			t.Errorf("value %q", p.value)
		}
		for _, q := range p.params {
			if len(q.value) > len(field) || q.name == "" {
				t.Errorf("parameter %q=%q", q.name, q.value)
			}
		}
		for _, name := range []string{"filename", "name", "boundary"} {
			if text := p.text(name, (texts{report: ignore})); !utf8.ValidString(text) {
				t.Errorf("%s %q is not UTF-8", name, text)
			}
		}
	})
}
