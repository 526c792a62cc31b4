package extractor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// seed is a message as it came out of a mailbox, with a boundary of unusual
// characters and soft line breaks on lines of their own.
const seed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"|1B031C1B1A9321EF01|\"\n\n" +
	"This is a MIME multipart/mixed message.\n\n--|1B031C1B1A9321EF01|\nContent-Type: text/plain;charset=UTF-8\nContent-Disposition: inline\n" +
	"Content-Transfer-Encoding: quoted-printable\nContent-Length: 72\n\nHallo!\n=\n\nIm Anhang liegt die Datei acht.png\n=\n\nMit freundlichem Gru=C3=9F\n=\n\nHans\n\n" +
	"--|1B031C1B1A9321EF01|\nContent-Type: image/png; name=\"acht.png\"\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\nContent-Length: 116\n\n" +
	"iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAYAAADED76LAAAAO0lEQVQYlX2PyQ0AMAjDnKr7\nr5x+egvIEyxwZDBFOoASxJoAEWUB0J6Zhedi5QFSh/0lkDnAd/pWK2sORyMOEhaL7BAAAAAA\nSUVORK5CYII=\n\n" +
	"--|1B031C1B1A9321EF01|--\n"

func TestSeed(t *testing.T) {
	t.Parallel()
	for name, eol := range map[string]string{"CRLF": "\r\n", "LF": "\n", "CR": "\r"} {
		all, _, err := capture(strings.NewReader(strings.ReplaceAll(seed, "\n", eol)), Limits{}, false)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %d attachments, error %v; want one", name, len(all), err)
		}
		const want = "5e2a4640b3e8732dd20c36a1e7a2dc89787901ca32028c016f64b8463a7574d8"
		sum := sha256.Sum256(all[0].content.Bytes())
		if all[0].Name != "acht.png" || all[0].content.Len() != 116 || hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: %s, %d bytes, digest %x", name, all[0].Name, all[0].content.Len(), sum)
		}
	}
}

// golden is one message and what its sender attached: a line per attachment, of
// part, name, media type and content. "|" stands for a line end, "~" before a
// name says that attachd made it up, since the sender gave none.
type golden struct {
	name, message string
	want          []string
}

// wantLine takes a line of a golden's want apart: part, made up or not, name, type, content.
var wantLine = regexp.MustCompile(`(?s)^(\S+) (~?)(.*?) (\S+/\S+) (.*)$`)

type goldenGroup struct {
	name    string
	goldens []golden
}

// pending are the goldens, by group and name, that attachd does not get right
// yet, and why.
var pending = map[string]string{}

// TestGolden runs all goldens, with each kind of line end, whole and in pieces.
func TestGolden(t *testing.T) {
	t.Parallel()
	waiting := maps.Clone(pending)
	for _, group := range goldenGroups() {
		for _, g := range group.goldens {
			id := group.name + " " + g.name
			delete(waiting, id)
			t.Run(id, func(t *testing.T) {
				t.Parallel()
				diff := g.run(t)
				reason, known := pending[id]
				switch {
				case diff != "" && known:
					t.Logf("pending: %s", reason)
				case diff != "":
					t.Error(diff)
				case known:
					t.Errorf("pending no more; the reason was: %s", reason)
				}
			})
		}
	}
	for id := range waiting {
		t.Errorf("pending, but no golden: %s", id)
	}
}

// run extracts the message in all forms and says where what comes out is not what
// must.
func (g golden) run(t *testing.T) string {
	for _, eol := range []string{"\r\n", "\n"} {
		message := strings.ReplaceAll(g.message, "|", eol)
		var want []string
		for _, w := range g.want {
			want = append(want, wantLine.ReplaceAllString(strings.ReplaceAll(w, "|", eol), "$1 $3 $4 $5"))
		}
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(message), "byte by byte": iotest.OneByteReader(strings.NewReader(message)), "in halves": iotest.HalfReader(strings.NewReader(message)),
		} {
			all, _, err := capture(r, Limits{}, false)
			if err != nil {
				return fmt.Sprintf("%q, %s: %v", eol, name, err)
			}
			var got []string
			for _, c := range all {
				if c.closed != 1 {
					t.Errorf("%q, %s: %s was closed %d times", eol, name, c.Part, c.closed)
				}
				if c.LeftOut == "" {
					got = append(got, fmt.Sprintf("%s %s %s %s", c.Part, c.Name, c.MediaType, &c.content))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Sprintf("%q, %s (-want +got):\n%s", eol, name, diff)
			}
		}
	}
	return ""
}

// TestLimits: a message beyond a limit is an error, at the limit it is none, and
// every writer is closed either way.
func TestLimits(t *testing.T) {
	t.Parallel()
	nested := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return b.String() + "Content-Type: a/b; name=t\n\nx"
	}
	tests := []struct {
		limit  string
		limits Limits
		at     string // message at the limit
		beyond string
	}{
		{"header bytes", Limits{HeaderBytes: 100}, "Subject: " + strings.Repeat("x", 89) + "\n\nbody", "Subject: " + strings.Repeat("x", 120) + "\n\nbody"},
		{"header fields", Limits{HeaderFields: 3}, strings.Repeat("A: b\n", 3) + "\nbody", strings.Repeat("A: b\n", 5) + "\nbody"},
		{"depth", Limits{Depth: 5}, nested(5), nested(6)},
		{"parts", Limits{Parts: 3}, "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 3), "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: a/b; name=t\n\nx\n", 4)},
	}
	for _, test := range tests {
		t.Run(test.limit, func(t *testing.T) {
			t.Parallel()
			if _, _, err := capture(strings.NewReader(test.at), test.limits, false); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			all, _, err := capture(strings.NewReader(test.beyond), test.limits, false)
			if limit, ok := errors.AsType[*LimitError](err); !ok || limit.Limit != test.limit {
				t.Errorf("beyond the limit: %v", err)
			}
			for _, c := range all {
				if c.closed != 1 {
					t.Errorf("part %s was closed %d times", c.Part, c.closed)
				}
			}
		})
	}
}
