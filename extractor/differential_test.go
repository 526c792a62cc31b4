package extractor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	message "github.com/emersion/go-message"
	"github.com/google/go-cmp/cmp"
)

// compose has go-message write a message. The bytes of shape decide on its shape and encodings, and
// its files hold pieces of content.
func compose(w *message.Writer, shape *[]byte, content []byte, depth int) error {
	next := func(n int) int {
		if len(*shape) == 0 {
			return 0
		}
		v := int((*shape)[0]) % n
		*shape = (*shape)[1:]
		return v
	}
	for range 1 + next(4) {
		var h message.Header
		if depth < 4 && next(3) == 1 {
			h.SetContentType("multipart/"+[]string{"mixed", "alternative", "related"}[next(3)], nil)
			child, err := w.CreatePart(h)
			if err != nil {
				return err
			}
			if err := compose(child, shape, content, depth+1); err != nil {
				return err
			}
			if err := child.Close(); err != nil {
				return err
			}
			continue
		}
		name := []string{"a.bin", "Übersicht März.pdf", "two words.txt", "請求書.pdf", strings.Repeat("long ", 20) + "name.doc"}[next(5)]
		h.SetContentType("application/x-test", map[string]string{"name": name})
		h.SetContentDisposition("attachment", map[string]string{"filename": name})
		h.Set("Content-Transfer-Encoding", []string{"base64", "quoted-printable"}[next(2)])
		child, err := w.CreatePart(h)
		if err != nil {
			return err
		}
		from := next(256) * len(content) / 256
		if _, err := child.Write(content[from:]); err != nil {
			return err
		}
		if err := child.Close(); err != nil {
			return err
		}
	}
	return nil
}

// FuzzGoMessage: of what go-message writes, it and the extractor read the same.
func FuzzGoMessage(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 5, 1, 2, 0, 1, 9}, []byte("hello\r\n--\r\n world"))
	f.Add([]byte{3, 1, 1, 2, 0, 3, 1, 200, 0, 4, 0, 100, 1, 0, 1, 0, 2, 1}, bytes.Repeat([]byte{0, 255, '\n', '='}, 100))
	f.Fuzz(func(t *testing.T, shape, content []byte) {
		var mail bytes.Buffer
		var h message.Header
		h.SetContentType("multipart/mixed", nil)
		w, err := message.CreateWriter(&mail, h)
		if err == nil {
			err = compose(w, &shape, content, 0)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		e, err := message.Read(bytes.NewReader(mail.Bytes()))
		if err == nil {
			err = e.Walk(func(path []int, e *message.Entity, err error) error {
				if err != nil || e.MultipartReader() != nil {
					return err
				}
				body, err := io.ReadAll(e.Body)
				if err != nil && !errors.Is(err, io.EOF) {
					return err
				}
				_, params, err := e.Header.ContentDisposition()
				want = append(want, fmt.Sprintf("%s %q", params["filename"], body))
				return err
			})
		}
		if err != nil {
			t.Fatalf("go-message: %v\n%s", err, &mail)
		}
		all, m, err := capture(bytes.NewReader(mail.Bytes()), Limits{}, false)
		if err != nil || len(m.Problems) > 0 {
			t.Errorf("error %v, problems %v", err, m.Problems)
		}
		for _, c := range all {
			got = append(got, fmt.Sprintf("%s %q", c.OriginalName, &c.content))
			if len(c.Problems) > 0 {
				t.Errorf("%s: problems %v", c.OriginalName, c.Problems)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-go-message +attachd):\n%s\n%s", diff, &mail)
		}
	})
}

func newUU(w io.Writer, report func(ProblemKind, string)) io.WriteCloser {
	return &uuDecoder{w: w, report: report, named: func(string) {}}
}

// FuzzUUEncode: what was encoded comes back, as a transfer encoding and out of a
// text; how text is cut into blocks does not matter.
func FuzzUUEncode(f *testing.F) {
	for _, text := range []string{uuencoded("a", "hello", '`', "\n"), "begin 644 x\n", "M\nM\n", "end\n", "text\nbegin 644 a\n!!\nend", strings.Repeat("#", 70_000), "\r\r\nbegin 644 a\r#86)C\r`\rend\r"} {
		f.Add([]byte(text), uint32(7))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint32) {
		got, problems := decode(text, 0, newUU)
		if again, p := decode(text, cut|1, newUU); again != got || fmt.Sprint(p) != fmt.Sprint(problems) {
			t.Errorf("in pieces %q %v, whole %q %v", again, p, got, problems)
		}
		zero, eol := []byte{'`', ' '}[cut%2], []string{"\n", "\r\n", "\r"}[cut%3]
		encoded := uuencoded("name", string(text), zero, eol)
		if back, p := decode([]byte(encoded), cut|1, newUU); back != string(text) || len(p) > 0 {
			t.Errorf("%q became %q, problems %v", text, back, p)
		}
		all, _, err := capture(&pieces{[]byte("Subject: x" + eol + eol + "Hello" + eol + encoded + "Bye"), cut | 1}, Limits{}, false)
		if err != nil || len(all) != 1 || all[0].content.String() != string(text) {
			t.Errorf("%d files out of the text, error %v", len(all), err)
		}
	})
}
