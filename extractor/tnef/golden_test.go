package tnef

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// brief tells of a result, in a few words a line.
func (r *result) brief() []string {
	var lines []string
	for _, f := range r.files {
		line := fmt.Sprintf("%q %s %q", f.Name, f.MediaType, f.Buffer.String())
		if f.Embedded {
			line = fmt.Sprintf("%q %s embedded", f.Name, f.MediaType)
		}
		if f.ContentID != "" {
			line += " cid=" + f.ContentID
		}
		if f.Depth > 0 {
			line += fmt.Sprintf(" depth=%d", f.Depth)
		}
		if f.Inline {
			line += " inline"
		}
		if f.Damaged {
			line += " damaged"
		}
		lines = append(lines, line)
	}
	lines = append(lines, r.reports...)
	if r.damaged {
		lines = append(lines, "damaged")
	}
	if r.err != nil {
		lines = append(lines, "error "+r.err.Error())
	}
	return lines
}

type golden struct {
	name   string
	stream []byte
	want   []string
}

// The example of [MS-OXRTFCP] section 3.1 and what it stands for.
const (
	rtfExample = "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
	rtfText    = "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func goldens() []golden {
	long := strings.Repeat("x", maxText+1)
	namespace := make([]byte, 16)
	named := func(kind, id int, name []byte, value ...byte) []byte {
		return join(le16(kind), le16(id), namespace, name, value)
	}
	numbered := join(le32(0), le32(0x8510))
	lettered := join(le32(1), sized(wide("keywords")))
	inner := build(codePage(1251), file("inner.txt", "inside"))
	return []golden{
		{"nothing attached", build(codePage(1252)), nil},
		{"content before its name", build(rendering(), content("abc"), title("a.txt")), []string{`"a.txt"  "abc"`}},
		{"name before the content", build(rendering(), title("a.txt"), content("abc")), []string{`"a.txt"  "abc"`}},
		{"no attribute that begins the attachment", build(title("a.txt"), content("abc")), []string{`"a.txt"  "abc"`}},
		{
			"two files, one empty", build(rendering(), content(""), title("a"), rendering(), content("b"), title("b")),
			[]string{`"a"  ""`, `"b"  "b"`},
		},
		{"no name", build(rendering(), content("abc")), []string{`""  "abc"`}},
		{"the long name", build(file("Größe 日本 😀.pdf", "abc")), []string{`"Größe 日本 😀.pdf"  "abc"`}},
		{
			"all that is said of a file",
			build(rendering(), content("abc"), described(
				string8(propAttachLongFilename, "a.PNG"), unicode(propAttachMimeTag, " Image/PNG"), string8(propAttachContentID, "<a@b>"),
				number(propAttachFlags, renderedInBody), string8(propDisplayName, "no"), string8(propAttachFilename, "no"))),
			[]string{`"a.PNG" image/png "abc" cid=a@b inline`},
		},
		{
			"hidden", build(rendering(), content("abc"), described(property(0x000b, propAttachmentHidden, 1, 0, 0, 0))),
			[]string{`""  "abc" inline`},
		},
		{
			"code page 1251", build(codePage(1251), rendering(), content("abc"), title("\xcf\xf0\xe8.txt")),
			[]string{`"При.txt"  "abc"`},
		},
		{
			"code page 932", build(codePage(932), rendering(), content("abc"), described(string8(propAttachLongFilename, "\x93\xfa\x96{.txt"))),
			[]string{`"日本.txt"  "abc"`},
		},
		{"UTF-8 in code page 1252", build(codePage(1252), title("Größe"), content("abc")), []string{`"Größe"  "abc"`}},
		{
			"unknown code page", build(codePage(4711), title("Gr\xf6\xdfe"), content("abc")),
			[]string{`"Größe"  "abc"`, "unknown-code-page: 4711"},
		},
		{
			"content in the properties", build(rendering(), described(variable(typeBinary, propAttachData, []byte("abc")), string8(propAttachLongFilename, "a"))),
			[]string{`"a"  "abc"`},
		},
		{
			"properties to pass over",
			build(rendering(), content("abc"), described(
				property(0, 0x1), property(1, 0x2), property(2, 0x3, 1, 0, 0, 0), property(5, 0x4, namespace[:8]...), property(0x48, 0x5, namespace...),
				property(0x1002, 0x6, join(le32(3), le32(1), le32(2), le32(3))...), property(0x1014, 0x7, join(le32(1), namespace[:8])...),
				property(0x1001, 0x8, le32(0xffffffff)...), variable(0x101f, 0x9, wide("one"), wide(""), wide("three")), variable(typeObject, 0xa, namespace),
				variable(typeServerID, 0xb, []byte("x")), named(3, 0x8001, numbered, le32(1)...), named(typeString8, 0x8002, lettered, variable(0, 0, []byte("x"))[4:]...),
				named(0x101e, 0x8003, lettered, variable(0, 0, []byte("x"), []byte("yz"))[4:]...), string8(propAttachLongFilename, "a"))),
			[]string{`"a"  "abc"`},
		},
		{
			"the first of several names", build(rendering(), content("abc"), described(variable(0x101e, propAttachLongFilename, []byte(""), []byte("a"), []byte("b")))),
			[]string{`"a"  "abc"`},
		},
		{
			"an attached message", build(codePage(1252), attached("Fwd: x", inner), file("b", "outside")),
			[]string{`"Fwd: x.tnef" application/vnd.ms-tnef embedded`, `"inner.txt"  "inside" depth=1`, `"b"  "outside"`},
		},
		{
			"attached messages within each other", build(attached("1", build(attached("2", inner)))),
			[]string{
				`"1.tnef" application/vnd.ms-tnef embedded`, `"2.tnef" application/vnd.ms-tnef embedded depth=1`, `"inner.txt"  "inside" depth=2`,
			},
		},
		{
			"an OLE object", build(rendering(), title("Picture"), described(object(interfaceStorage, []byte("\xd0\xcf\x11\xe0")))),
			[]string{`"Picture"  "\xd0\xcf\x11\xe0"`},
		},
		{
			"a placeholder without the message", build(rendering(), title("a"), content(string(placeholder)), described(number(propAttachMethod, 5))),
			[]string{`no-content: "a", method 5`, "damaged"},
		},
		{
			"a reference", build(rendering(), described(string8(propAttachLongFilename, "a"), number(propAttachMethod, 7))),
			[]string{`no-content: "a", method 7`, "damaged"},
		},
		{
			"a file as long as the placeholder", build(rendering(), title("a"), content(strings.Repeat("x", len(placeholder)))),
			[]string{`"a"  "` + strings.Repeat("x", len(placeholder)) + `"`},
		},
		{
			"two contents of one attachment", build(rendering(), title("a"), content("abc"), described(variable(typeBinary, propAttachData, []byte("def")))),
			[]string{`"a"  "abc"`, `"a"  "def"`, `second-content: of "a"`},
		},
		{
			"RTF", build(ofMessage(rtfBody(unhex(rtfExample)))),
			[]string{fmt.Sprintf("%q application/rtf %q", "message.rtf", rtfText)},
		},
		{
			"RTF that repeats itself", build(ofMessage(rtfBody(unhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")))),
			[]string{`"message.rtf" application/rtf "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"`},
		},
		{
			"RTF that is not compressed", build(ofMessage(rtfBody(join(le32(15), le32(3), le32(rtfUncompressed), le32(0), []byte("{a}"))))),
			[]string{`"message.rtf" application/rtf "{a}"`},
		},
		{
			"RTF with a wrong checksum", build(ofMessage(rtfBody(unhex(strings.Replace(rtfExample, "f1c5c7a7", "f1c5c7a6", 1))))),
			[]string{fmt.Sprintf("%q application/rtf %q", "message.rtf", rtfText), "bad-rtf: checksum 0xa7c7c5f1 instead of 0xa6c7c5f1"},
		},
		{
			"RTF that is too short", build(ofMessage(rtfBody(join(le32(16), le32(4), le32(rtfUncompressed), le32(0), []byte("{a}"))))),
			[]string{`"message.rtf" application/rtf "{a}" damaged`, "bad-rtf: 3 bytes instead of 4", "damaged"},
		},
		{
			"two RTF bodies", build(ofMessage(rtfBody(nil), rtfBody(compressedRTF("{a}")), rtfBody(compressedRTF("{b}")))),
			[]string{`"message.rtf" application/rtf "{a}"`},
		},
		{
			"RTF of an unknown compression", build(ofMessage(rtfBody(join(le32(15), le32(3), le32(1), le32(0), []byte("{a}"))))),
			[]string{"bad-rtf: compression 0x1", "damaged"},
		},
		{
			"a wrong checksum", build(rendering(), spoiled(content("abc")), title("a")),
			[]string{`"a"  "abc" damaged`, "wrong-checksum: attribute 0x800f: 0x0126 instead of 0x0226", "damaged"},
		},
		{
			"a wrong checksum over a content in the properties", build(rendering(), spoiled(described(variable(typeBinary, propAttachData, []byte("abc"))))),
			[]string{`""  "abc" damaged`, "wrong-checksum: attribute 0x9005: 0x0166 instead of 0x0266", "damaged"},
		},
		{"blanks at the end", join(build(title("a"), content("abc")), []byte("\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\n")), []string{`"a"  "abc"`}},
		{
			"garbage at the end", join(build(title("a"), content("abc")), []byte("\r\n-- \r\nregards\r\n")),
			[]string{`"a"  "abc"`, "garbage: behind the last attribute", "damaged"},
		},
		{
			"a length beyond the end", join(build(title("a")), []byte{2}, le32(0x6800f), le32(0xffffffff), []byte("abc")),
			[]string{`"a"  "abc" damaged`, "truncated: attribute 0x800f lacks 4294967292 bytes", "damaged"},
		},
		{
			"a value beyond its attribute",
			build(rendering(), attribute(2, attAttachment, join(le32(2), string8(propAttachLongFilename, "a"), property(typeBinary, propAttachData, join(le32(1), le32(4), []byte("abc"))...)))),
			[]string{`"a"  "abc" damaged`, "truncated: property 0x3701 of type 0x102", "damaged"},
		},
		{
			"more properties announced than there are", build(rendering(), content("abc"), attribute(2, attAttachment, join(le32(9), string8(propAttachLongFilename, "a")))),
			[]string{`"a"  "abc"`, "truncated: property 0x3707 of type 0x1e", "damaged"},
		},
		{
			"a last value without its padding", build(rendering(), content("abc"), attribute(2, attAttachment, join(le32(1), le16(typeString8), le16(propAttachLongFilename), le32(1), le32(1), []byte("a")))),
			[]string{`"a"  "abc"`},
		},
		{
			"a property of an unknown type", build(rendering(), content("abc"), described(property(0x77, 1), string8(propAttachLongFilename, "a")), title("b")),
			[]string{`"b"  "abc"`, "bad-property: property 0x1 of type 0x77: an unknown type", "damaged"},
		},
		{
			"a name of an unknown kind", build(rendering(), content("abc"), described(named(3, 0x8001, join(le32(2), le32(1)))), title("b")),
			[]string{`"b"  "abc"`, "bad-property: property 0x8001 of type 0x3: a name of an unknown kind", "damaged"},
		},
		{
			"an object too short for an interface", build(rendering(), title("a"), described(variable(typeObject, propAttachData, []byte("abc")))),
			[]string{"bad-property: an object of 3 bytes", `no-content: "a", method 0`, "damaged"},
		},
		{
			"an attached message that is none", build(rendering(), title("a"), described(object(interfaceMessage, []byte("hello world")))),
			[]string{`"a.tnef" application/vnd.ms-tnef embedded`, "no-tnef: 1 messages deep", "damaged"},
		},
		{
			"names that are too long", build(rendering(), title(long), content("abc"), described(string8(propAttachLongFilename, long), string8(propAttachFilename, "a"))),
			[]string{`"a"  "abc"`, "long-text: attribute 0x8010 of 4098 bytes", "long-text: property 0x3707 of 4098 bytes"},
		},
		{"no TNEF", []byte("Dear Sir or Madam"), []string{"no-tnef: 0 messages deep", "damaged", "error " + ErrFormat.Error()}},
		{"nothing", nil, []string{"no-tnef: 0 messages deep", "damaged", "error " + ErrFormat.Error()}},
		{
			"a signature and garbage", join(build(), []byte("Dear Sir or Madam")),
			[]string{"garbage: behind the last attribute", "no-tnef: 0 messages deep", "damaged", "error " + ErrFormat.Error()},
		},
	}
}

// TestGolden decodes small streams, in blocks of several lengths.
func TestGolden(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			whole := decode(g.stream, Options{RTF: true}, len(g.stream)+1)
			if diff := cmp.Diff(g.want, whole.brief()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, piece := range []int{1, 2, 3, 5, 8, 17} {
				if cut := decode(g.stream, Options{RTF: true}, piece); cut.String() != whole.String() {
					t.Errorf("in pieces of %d bytes:\n%s\nwant\n%s", piece, cut, whole)
				}
			}
		})
	}
}

// everything is a stream with one of each.
func everything() []byte {
	return build(codePage(1252), ofMessage(string8(0x37, "subject"), rtfBody(compressedRTF(rtfText+strings.Repeat("repeated text ", 50)))),
		file("a.txt", "the first file"),
		attached("message", build(ofMessage(rtfBody(compressedRTF(rtfText))), file("b.txt", "in the message"))),
		join(rendering(), title("c"), described(object(interfaceStorage, []byte("an OLE object")))),
		file("d.txt", "the last file"))
}

// TestPrefix cuts a good stream anywhere: what comes out begins like the whole, and
// where something is lacking the caller is told.
func TestPrefix(t *testing.T) {
	stream := everything()
	whole := decode(stream, Options{RTF: true}, 100)
	if whole.damaged || whole.err != nil || len(whole.files) != 7 {
		t.Fatal(whole)
	}
	for cut := range stream {
		r := decode(stream[:cut], Options{RTF: true}, 100)
		if r.err != nil && (r.err != ErrFormat || cut > 14) {
			t.Fatalf("cut at %d: %v", cut, r.err)
		}
		for i, f := range r.files {
			want := whole.files[i]
			if !strings.HasPrefix(want.Buffer.String(), f.Buffer.String()) || f.closed != 1 {
				t.Fatalf("cut at %d: %q, closed %d times, want the beginning of %q", cut, f.Buffer.String(), f.closed, want.Buffer.String())
			}
			if f.Len() < want.Len() && (!r.damaged || !f.Damaged) {
				t.Fatalf("cut at %d: %q is not said to be damaged", cut, f.Buffer.String())
			}
		}
	}
}

// TestRTFRoundTrip decompresses what a compressor of our own wrote, across the
// window's end many times.
func TestRTFRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, length := range []int{1, 100, 3889, 3890, 4096, 20_000} {
		var b strings.Builder
		for b.Len() < length {
			b.WriteString([]string{`\par `, "{", "}", "word ", string(rune('a' + random.IntN(26))), "\r\n"}[random.IntN(6)])
		}
		text := b.String()[:length]
		r := decode(build(ofMessage(rtfBody(compressedRTF(text)))), Options{RTF: true}, 1000)
		if r.err != nil || r.damaged || len(r.reports) > 0 || len(r.files) != 1 || r.files[0].Buffer.String() != text {
			t.Errorf("%d bytes: reports %q, %d bytes came out, error %v", length, r.reports, r.files[0].Len(), r.err)
		}
	}
}
