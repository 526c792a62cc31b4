package extractor

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// signed wraps content in SignedData without signers (RFC 5652 section 5), in DER.
func signed(content string) string {
	element := func(tag byte, contents string) string {
		n := len(contents)
		return string([]byte{tag, 0x82, byte(n >> 8), byte(n)}) + contents
	}
	data := "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
	return element(0x30, data+"\x02"+element(0xa0, element(0x30, "\x02\x01\x01\x31\x00"+element(0x30, data+"\x01"+element(0xa0, element(0x04, content)))+"\x31\x00")))
}

// TestSMIME: what is signed comes out, however the message is armoured; the .p7m stays
// when it was what the sender attached, or when it is damaged.
func TestSMIME(t *testing.T) {
	t.Parallel()
	entity := signed("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\npdf\r\n--b--\r\n")
	document := signed("<invoice/>")
	lines := func(s string) string {
		var b strings.Builder
		for s = base64.StdEncoding.EncodeToString([]byte(s)); s != ""; {
			n := min(64, len(s))
			b.WriteString(s[:n] + "\n")
			s = s[n:]
		}
		return b.String()
	}
	pem := func(s string) string { return "-----BEGIN PKCS7-----\n" + lines(s) + "-----END PKCS7-----\n" }
	for name, test := range map[string]struct{ file, content, want string }{
		"an entity":            {"smime.p7m", entity, "1.1 a.pdf pdf"},
		"an entity in PEM":     {"smime.p7m", pem(entity), "1.1 a.pdf pdf"},
		"an entity in base64":  {"smime.p7m", lines(entity), "1.1 a.pdf pdf"},
		"a cut entity":         {"smime.p7m", entity[:len(entity)-1], "1 smime.p7m, 1.1 a.pdf pdf"},
		"a document":           {"IT1.xml.p7m", document, "1 IT1.xml.p7m, 1.1 IT1.xml <invoice/>"},
		"a document in PEM":    {"IT1.xml.P7M", pem(document), "1 IT1.xml.P7M, 1.1 IT1.xml <invoice/>"},
		"a document in base64": {"IT1.xml.p7m", base64.StdEncoding.EncodeToString([]byte(document)), "1 IT1.xml.p7m, 1.1 IT1.xml <invoice/>"},
		"signed twice":         {"IT1.xml.p7m.p7m", signed(document), "1 IT1.xml.p7m.p7m, 1.1 IT1.xml.p7m, 1.1.1 IT1.xml <invoice/>"},
		"none at all":          {"a.p7m", "text", "1 a.p7m"},
		"empty":                {"a.p7m", "", "1 a.p7m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := "Content-Type: application/octet-stream; name=" + test.file + "\nContent-Transfer-Encoding: base64\n\n" + lines(test.content)
			for _, r := range []io.Reader{strings.NewReader(message), iotest.OneByteReader(strings.NewReader(message))} {
				all, _, err := capture(r, Limits{}, false)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, c := range all {
					line := fmt.Sprintf("%s %s %s", c.Part, c.Name, &c.content)
					if strings.HasSuffix(strings.ToLower(c.Name), ".p7m") {
						line = c.Part + " " + c.Name
					}
					got = append(got, line)
				}
				if s := strings.Join(got, ", "); s != test.want {
					t.Errorf("got %q, want %q", s, test.want)
				}
			}
		})
	}
}
