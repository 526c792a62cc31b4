package extractor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/config/testsize"
)

// composer writes well-formed messages at random and knows what is in them.
type composer struct {
	*rand.Rand
	want []string // part number and content of each attachment, in order
}

// content makes up bytes: text, line ends of all kinds, dashes, or anything.
func (c *composer) content() []byte {
	pieces := []string{"text ", "\r\n", "\n", "\r", "--", "\r\n--", "\n-- \n", " \t", "=", "=3D", "\x00\xff", "From x", "\r\n\r\n", strings.Repeat("long", 300), "QUJD\r\n"}
	var b bytes.Buffer
	for range c.IntN(40) {
		b.WriteString(pieces[c.IntN(len(pieces))])
	}
	return b.Bytes()
}

// leaf writes an attachment of the given part number.
func (c *composer) leaf(w *bytes.Buffer, number string) {
	content := c.content()
	c.want = append(c.want, fmt.Sprintf("%s %q", number, content))
	fmt.Fprintf(w, "Content-Disposition: attachment; filename=f\r\nContent-Type: application/x-test\r\n")
	switch c.IntN(3) {
	case 0:
		w.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
		text := base64.StdEncoding.EncodeToString(content)
		for width := 4 * (1 + c.IntN(19)); text != ""; {
			n := min(width, len(text))
			w.WriteString(text[:n] + "\r\n")
			text = text[n:]
		}
	case 1:
		w.WriteString("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
		q := quotedprintable.NewWriter(w)
		q.Binary = true
		_, _ = q.Write(content)
		_ = q.Close()
	default:
		w.WriteString("Content-Transfer-Encoding: binary\r\n\r\n")
		w.Write(content)
	}
}

// entity writes a part's header and body. The boundary of a multipart may be the
// beginning of the one within it.
func (c *composer) entity(w *bytes.Buffer, number, boundary string, depth int) {
	switch kind := c.IntN(5); {
	case depth > 0 && kind < 2:
		boundary += []string{"x", "-", "--", "=_1", " y"}[c.IntN(5)]
		fmt.Fprintf(w, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\npreamble\r\n", boundary)
		for i := range 1 + c.IntN(3) {
			fmt.Fprintf(w, "\r\n--%s\r\n", boundary)
			c.entity(w, childNumber(number, i+1), boundary, depth-1)
		}
		fmt.Fprintf(w, "\r\n--%s--\r\nepilogue", boundary)
	case depth > 0 && kind == 2 && number != "":
		var message bytes.Buffer
		at := len(c.want)
		c.want = append(c.want, "")
		c.message(&message, number, depth-1)
		c.want[at] = fmt.Sprintf("%s %q", number, message.Bytes())
		w.WriteString("Content-Type: message/rfc822\r\n\r\n")
		w.Write(message.Bytes())
	default:
		if number == "" {
			number = "1"
		}
		c.leaf(w, number)
	}
}

func (c *composer) message(w *bytes.Buffer, number string, depth int) {
	w.WriteString("Subject: s\r\nMIME-Version: 1.0\r\n")
	var body bytes.Buffer
	boundary := fmt.Sprintf("b%x", c.Uint64())
	at := len(c.want)
	c.entity(&body, number, boundary, depth)
	if number != "" && !bytes.HasPrefix(body.Bytes(), []byte("Content-Type: multipart/")) {
		// The only part of an attached message is its first one.
		c.want = c.want[:at]
		body.Reset()
		c.leaf(&body, number+".1")
	}
	w.Write(body.Bytes())
}

// TestRoundTrip takes random well-formed messages apart: every attachment comes
// out byte for byte, in its order and with its part number, and nothing else does.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for seed := range testsize.Of[uint64](500, 2000) {
		c := &composer{Rand: rand.New(rand.NewPCG(seed, 1))}
		var message bytes.Buffer
		c.message(&message, "", 4)
		all, _, err := captureWith(&pieces{message.Bytes(), uint32(seed)}, Options{NestedMessages: true}, false)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var got []string
		for _, a := range all {
			got = append(got, fmt.Sprintf("%s %q", a.Part, a.content.Bytes()))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s\n%q", seed, diff, &message)
		}
	}
}
