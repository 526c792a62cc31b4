package extractor

import (
	"encoding/base64"
	"strings"
)

// generatedGoldens are golden mail whose matter is its length, so that it is made here.
// What comes out of it is in .want files like that of others.
func generatedGoldens() []goldenMail {
	a := "--b\n" + filePart("a", "one")
	both := a + "--b\n" + filePart("b", "two") + "--b--\n"
	short := "--b\nContent-Type: application/x-test; name=a\nContent-Transfer-Encoding: base64\n\nb25l\n"
	shortBoth := short + strings.NewReplacer("=a\n", "=b\n", "b25l", "dHdv").Replace(short) + "--b--\n"
	bounded := func(boundary, parts string) string {
		return strings.NewReplacer("=b\n\n", "="+boundary+"\n\n", "--b", "--"+boundary).Replace(mixedHeader + parts)
	}
	encoded := func(name, encoding, body string) string {
		return "Content-Type: a/b; name=" + name + "\nContent-Transfer-Encoding: " + encoding + "\n\n" + body
	}
	x := func(n int) string { return strings.Repeat("x", n) }
	var all []goldenMail
	for _, g := range [][2]string{
		{"encodings/18-long-line-of-quoted-printable", encoded("t", "quoted-printable", x(9000)+"=3D")},
		{"encodings/21-base64-on-one-line", encoded("t", "base64", base64.StdEncoding.EncodeToString([]byte(x(9000))))},
		{"odd-encodings/04-blanks-behind-every-line", encoded("a", "base64", strings.Repeat("QUJD \n", 30_000))},
		{"odd-encodings/05-exclamation-mark-in-base64", encoded("a", "base64", strings.Repeat("QUJD\n", 15_000)+"! QUJD\n"+strings.Repeat("QUJD\n", 15_000))},
		{"odd-encodings/07-quoted-printable-of-100-kb", encoded("a", "quoted-printable", strings.Repeat("=41b ", 20_000)+"=\n")},
		{"odd-structure/05-cr-within-lines", "Subject: a\rb\nX: " + strings.Repeat("y", 9000) + "\r\n" + mixedHeader + shortBoth},
		{"odd-structure/07-10000-characters-in-the-preamble", mixedHeader + strings.Repeat("preamble ", 1200) + "\n" + shortBoth},
		{"odd-structure/08-boundary-of-8000-characters", bounded(x(8000), shortBoth)},
		{"odd-structure/24-20000-characters-behind-the-header", mixedHeader + "--b\nContent-Type: text/plain; name=a\n" + strings.Repeat("text ", 4000) + "\nmore\n--b--\n"},
		{"odd-structure/25-120000-characters-behind-the-header", "Content-Type: a/b; name=a\nContent-Transfer-Encoding: base64\n" + strings.Repeat("QUJD", 30_000) + "\n"},
		{"odd-structure/45-longest-boundary", bounded(x(longestBoundary), short+"--b--\n")},
		{"odd-structure/46-junk-before-the-header", x(100_000) + "\n" + mixedHeader + short + "--b--\n"},
		{"odd-structure/54-header-lf-body-without", "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + x(40_000)},
		{"odd-structure/55-boundary-too-long", bounded(x(longestBoundary+1), "--b\n")},
		{"structure/21-boundary-of-3000-characters", bounded(x(3000), a+"--b--\n")},
		{"structure/51-long-line-in-preamble", mixedHeader + strings.Repeat("preamble ", 700) + "\n" + both},
		{"structure/52-boundary-of-5000-characters", bounded(x(5000), a+"--b--\n")},
		{"structure/61-header-of-1-mib", strings.Repeat("X-Long: "+x(900)+"\n", 1200) + mixedHeader + a + "--b--\n"},
	} {
		all = append(all, goldenMail{g[0], []byte(g[1])})
	}
	return all
}

// mixedHeader is the header of a message whose parts follow.
const mixedHeader = "Content-Type: multipart/mixed; boundary=b\n\n"

// rest makes contents as long as those of real files, and as awkward: some tools take a
// line or two of base64 for text, or convert line ends.
var rest = strings.Repeat("\x00\xff\r\n\n and so on", 30)

// filePart is a part with a file that begins with start, in base64.
func filePart(name, start string) string {
	var b strings.Builder
	b.WriteString("Content-Type: application/x-test; name=" + name + "\nContent-Transfer-Encoding: base64\n\n")
	encoded := base64.StdEncoding.EncodeToString([]byte(start + rest))
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\n")
		encoded = encoded[76:]
	}
	b.WriteString(encoded + "\n")
	return b.String()
}
