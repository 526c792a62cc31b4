package extractor

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nestedMessages is a mail with an attachment of so many bytes within n attached messages.
func nestedMessages(n, size int) string {
	return strings.Repeat("Subject: s\nContent-Type: message/rfc822\n\n", n) + "Content-Type: a/b; name=x\n\n" + strings.Repeat("x", size)
}

// TestNestedMessages: the outermost of nested messages that becomes a file holds the others.
func TestNestedMessages(t *testing.T) {
	t.Parallel()
	rules := func(include, exclude []Rule) *Filter { return &Filter{include, exclude} }
	outer := int64(len(nestedMessages(2, 100)))
	for name, test := range map[string]struct {
		o    Options
		want string
	}{
		"by default":                     {Options{}, "1 1.1.1.1"},
		"when asked for":                 {Options{NestedMessages: true}, "1 1.1 1.1.1 1.1.1.1"},
		"that a rule takes":              {Options{Filter: rules([]Rule{{Types: []string{"message/*"}}}, nil)}, "1"},
		"that a rule leaves out by type": {Options{Filter: rules(nil, []Rule{{Types: []string{"message/*"}}})}, "1.1.1.1"},
		"whose outermost is too large":   {Options{Filter: rules([]Rule{{MaxSize: outer - 1}}, nil)}, "1.1 1.1.1 1.1.1.1"},
		"whose outermost may be small":   {Options{Filter: rules(nil, []Rule{{MaxSize: 10}})}, "1 1.1 1.1.1 1.1.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, m, err := captureWith(strings.NewReader(nestedMessages(3, 100)), test.o, false)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range all {
				if c.LeftOut == "" {
					got = append(got, c.Part)
				}
			}
			if s := strings.Join(got, " "); s != test.want {
				t.Errorf("saved %q, want %q", s, test.want)
			}
			if n := len(got) + len(m.LeftOut); n != 4 {
				t.Errorf("%d parts are saved or left out with a reason, want 4", n)
			}
		})
	}
}

// TestNestedMessagesCost: the attack of a hundred messages around one text that are each a file.
func TestNestedMessagesCost(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	message := nestedMessages(98, size)
	written := func(o Options) (n int64, err error) {
		_, err = Extract(strings.NewReader(message), o, func(*Attachment) (io.WriteCloser, error) { return counter{&n}, nil })
		return n, err
	}
	n, err := written(Options{})
	if err != nil || n > 3*size {
		t.Errorf("%d bytes of a message of %d, error %v", n, len(message), err)
	}
	// All of them count where they are asked for.
	_, err = written(Options{NestedMessages: true, Limits: Limits{Expansion: 20}})
	if diff := cmp.Diff(fmt.Sprint(&LimitError{"expansion", 20}), fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
}

// TestNestedKinds: an attachment that may hold others of its kind is not saved once for each
// level.
func TestNestedKinds(t *testing.T) {
	t.Parallel()
	const depth, size = 60, 100_000
	for name, level := range map[string]func(i int) string{
		"messages by name": func(int) string { return "MIME-Version: 1.0\nContent-Type: application/octet-stream; name=m.eml\n\n" },
		"messages by text": func(int) string { return "MIME-Version: 1.0\nContent-Type: text/rfc822; name=m\n\n" },
		"named multiparts": func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; name=m; boundary=b%d\n\n--b%[1]d\n", i)
		},
		"attached multiparts": func(i int) string {
			return fmt.Sprintf("Content-Disposition: attachment\nContent-Type: multipart/related; boundary=b%d\n\n--b%[1]d\n", i)
		},
		"leaves with boundary": func(i int) string { return fmt.Sprintf("Content-Type: a/b; name=m; boundary=b%d\n\n--b%[1]d\n", i) },
		"messages and multiparts": func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; name=m; boundary=b%d\n\n--b%[1]d\nContent-Type: message/rfc822\n\n", i)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			b.WriteString("Subject: s\nMIME-Version: 1.0\n")
			for i := range depth {
				b.WriteString(level(i))
			}
			b.WriteString("Content-Type: a/b; name=x\n\n" + strings.Repeat("x", size))
			var n int64
			_, err := Extract(strings.NewReader(b.String()), Options{Limits: Limits{Depth: 1000}}, func(*Attachment) (io.WriteCloser, error) { return counter{&n}, nil })
			if err != nil || n < size || n > 4*size {
				t.Errorf("%d bytes of a message of %d, error %v", n, b.Len(), err)
			}
		})
	}
}

// counter counts what is written to it.
type counter struct{ n *int64 }

func (c counter) Write(p []byte) (int, error) {
	*c.n += int64(len(p))
	return len(p), nil
}

func (counter) Close() error { return nil }
