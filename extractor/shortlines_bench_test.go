package extractor

import (
	"io"
	"strings"
	"testing"
)

// BenchmarkShortLines reads bodies of lines that cost most where each is looked at: none may cost
// many times what its bytes do.
func BenchmarkShortLines(b *testing.B) {
	const size = 1 << 20
	text := "Content-Type: text/plain\r\n\r\n"
	file := "Content-Type: a/b; name=x\r\n"
	part := "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
	in64 := file + "Content-Transfer-Encoding: base64\r\n\r\n"
	for _, test := range []struct{ name, head, line string }{
		{"text/LF", text, "\n"},
		{"text/CR", text, "a\r"},
		{"text/yEnc", text, "=ybegin line= size=\r\n"},
		{"text/BinHex", text + "(This file must be converted with BinHex 4.0)\r\n:", "#0V%T\r\n"},
		{"text/uuencode", text + "begin 644 x\r\n", "M\r\n"},
		{"text/base64", text + "begin-base64 644 x\r\n", "QQ\r\n"},
		{"HTML", part + "Content-Type: text/html\r\n\r\n", "cid:"},
		{"blanks before S-MIME", "Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\n", "\r\n"},
		{"blank lines before a header", "", "\n"},
		{"boundaries in a field", part + "Content-Type: a/b; name=\"\r\n", " --\r\n"},
		{"base64/dash", in64, "-\n"},
		{"base64/padding", in64, "QQ==\r\n"},
		{"base64/pad", in64, "=\r\n"},
		{"base64/words", in64, "foo bar\r\n"},
		{"base64/blanks", in64, "Q Q Q Q\r\n"},
		{"quoted-printable/LF", "Content-Transfer-Encoding: quoted-printable\r\n\r\n", "\n"},
		{"quoted-printable/escapes", file + "Content-Transfer-Encoding: quoted-printable\r\n\r\n", "=3D"},
		{"multipart/file", part + file + "\r\n", " --x\r\n"},
		{"multipart/gap", "Content-Type: multipart/mixed; boundary=x\r\n\r\n", "--\r\n"},
		{"multipart/encoded gap", "Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", "a\n"},
		{"multipart/attached", part + "Content-Type: multipart/mixed; boundary=y; name=x\r\n\r\n", "--xy\r\n"},
	} {
		b.Run(test.name, func(b *testing.B) {
			mail := test.head + strings.Repeat(test.line, size/len(test.line))
			for b.Loop() {
				r := blocksOf(mail)
				if _, err := Extract(&r, Options{}, func(*Attachment) (io.WriteCloser, error) { return discard{}, nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(mail)), "ns/byte")
		})
	}
}

// blocksOf is a text that comes in blocks, as over TLS.
type blocksOf string

func (t *blocksOf) Read(p []byte) (int, error) {
	if *t == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 16<<10)], *t)
	*t = (*t)[n:]
	return n, nil
}
