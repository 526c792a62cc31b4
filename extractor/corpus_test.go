package extractor

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// corpus returns the folder of the mail corpora, or skips the test.
func corpus(t *testing.T, folder string) string {
	t.Helper()
	root := os.Getenv("ATTACHD_CORPUS")
	if root == "" {
		t.Skip("ATTACHD_CORPUS is not set: it names a folder of mail corpora with known answers")
	}
	return filepath.Join(root, folder)
}

// captured is one leaf or attachment with its content.
type captured struct {
	*Attachment
	content bytes.Buffer
	closed  int
}

func (c *captured) Write(p []byte) (int, error) { return c.content.Write(p) }

func (c *captured) Close() error {
	c.closed++
	return nil
}

// capture runs the extractor and gathers what is kept, the message's own texts
// too when bodies is set.
func capture(r io.Reader, limits Limits, bodies bool) ([]*captured, *Message, error) {
	all, m, err := captureWith(r, Options{Limits: limits}, bodies)
	return slices.DeleteFunc(all, func(c *captured) bool { return c.LeftOut != "" && !bodies }), m, err
}

// captureWith gathers what is left out, too.
func captureWith(r io.Reader, o Options, bodies bool) ([]*captured, *Message, error) {
	var all []*captured
	m, err := extract(r, &run{options: o, limits: o.Limits.withDefaults(), message: &Message{}, bodies: bodies, open: func(a *Attachment) (io.WriteCloser, error) {
		c := &captured{Attachment: a}
		all = append(all, c)
		return c, nil
	}})
	return all, m, err
}

// extract is Extract for a run that the test made.
func extract(r io.Reader, x *run) (*Message, error) {
	in := &intake{run: *x}
	m, err := in.message(r)
	*x = in.run
	return m, err
}

var bodyName = regexp.MustCompile(`-body name="([^"]+)"`)

// mime4jDifferences are the messages whose bodies differ from mime4j's answer,
// and why.
var mime4jDifferences = map[string]string{
	"empty-preamble": lineEnds, "german-qp": lineEnds, "jt-0498": lineEnds, "mp-msg-rfc822": lineEnds,

	"frag":       "the last bytes of base64 that is cut off within four characters are kept; mime4j drops them",
	"multi-frag": "the picture's base64 ends where a broken boundary and text follow it; mime4j decodes the broken boundary too",

	"hdr-fakeout": bodyWithoutBlank, "basic-plain-with-bad-header-separator": bodyWithoutBlank,
	"malformedHeader-noheader": bodyWithoutBlank, "malformedHeaderStartsBody-noheader": bodyWithoutBlank,

	"malformedHeaderStartsBody-nocrlfcrlf": "a line that is no field, right before the blank line, is the header's; mime4j takes it for the body's",

	"very-long-boundary": boundaryBlanks, "very-very-long-boundary": boundaryBlanks, "weird-boundary": boundaryBlanks,
}

const (
	lineEnds         = "line ends stay as they were sent; mime4j writes CRLF"
	bodyWithoutBlank = "text that is no header is the body, though no blank line stands before it; mime4j gives no body"
	boundaryBlanks   = "blanks at the end of a boundary do not count, since gateways cut them off; mime4j counts them"
)

// TestMime4j compares every leaf's bytes with those that Apache mime4j decodes.
func TestMime4j(t *testing.T) {
	messages, err := filepath.Glob(filepath.Join(corpus(t, "mime4j"), "*", "*.msg"))
	if err != nil || len(messages) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	for _, path := range messages {
		name := strings.TrimSuffix(filepath.Base(path), ".msg")
		t.Run(name, func(t *testing.T) {
			problem := compareMime4j(t, path)
			reason, known := mime4jDifferences[name]
			switch {
			case problem != "" && !known:
				t.Error(problem)
			case problem == "" && known:
				t.Errorf("differs no more; it was listed for: %s", reason)
			}
		})
	}
}

func compareMime4j(t *testing.T, path string) string {
	base := strings.TrimSuffix(path, ".msg")
	structure, err := os.ReadFile(base + "_decoded.xml")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := capture(bytes.NewReader(raw), Limits{}, true)
	if err != nil {
		return fmt.Sprintf("extract: %v", err)
	}
	var got [][]byte
	for _, c := range all {
		if c.MediaType != "message/rfc822" && c.Container == "" {
			got = append(got, c.content.Bytes())
		}
	}
	names := bodyName.FindAllSubmatch(structure, -1)
	if len(got) != len(names) {
		return fmt.Sprintf("%d leaves, want %d", len(got), len(names))
	}
	for i, name := range names {
		want, err := os.ReadFile(filepath.Join(filepath.Dir(path), string(name[1])))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got[i], want) {
			return fmt.Sprintf("leaf %d: %d bytes, want %d (%s)\n got %q\nwant %q", i+1, len(got[i]), len(want), name[1], short(got[i]), short(want))
		}
	}
	return ""
}

func short(b []byte) []byte {
	if len(b) > 300 {
		return append(b[:150:150], b[len(b)-150:]...)
	}
	return b
}

var (
	refMessage = regexp.MustCompile(`"Message" => "testmsgs/([^"]+)"`)
	refPart    = regexp.MustCompile(`(?s)"(Msg|Part_[0-9_]+)" => \{(.*?)\n  \}`)
	refField   = regexp.MustCompile(`"(\w+)" => (?:"((?:[^"\\]|\\.)*)"|qq\{([^}]*)\}|(\d+))`)
)

// mimeToolsDifferences are the parts whose name or size differs from MIME-tools'
// answer, by file and part, and why.
var mimeToolsDifferences = map[string]string{
	"multi-2evil 2": `the backslashes of the name escape nothing and stay; MIME-tools drops them`,
	"multi-2evil 3": "the answer leaves the sender's name out",

	"multi-digest 2.1":   "a Content-Type that is no type stands for the default, text/plain",
	"multi-nested2 5.1":  "counted by hand: 57 bytes stand before the line end that belongs to the boundary",
	"multi-weirdspace 1": "counted by hand: 421 bytes stand before the line end that belongs to the boundary",
	"re-fwd 1.1":         "numbered as IMAP does: the message within the message is 1.1, its text 1.1.1",

	"uu-junk-extracted 2.1": "the text around uuencoded files is no file of its own",
}

// TestMIMETools compares types, sizes and names of leaves with those that the
// Perl module MIME-tools finds.
func TestMIMETools(t *testing.T) {
	folder := corpus(t, "mime-tools")
	refs, err := filepath.Glob(filepath.Join(folder, "*.ref"))
	if err != nil || len(refs) == 0 {
		t.Fatalf("no answers: %v", err)
	}
	for _, ref := range refs {
		name := strings.TrimSuffix(filepath.Base(ref), ".ref")
		t.Run(name, func(t *testing.T) {
			answer, err := os.ReadFile(ref)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(filepath.Join(folder, string(refMessage.FindSubmatch(answer)[1])))
			if err != nil {
				t.Fatal(err)
			}
			all, _, err := capture(bytes.NewReader(raw), Limits{}, true)
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]string)
			// What was unpacked is numbered below its text, and has no declared type.
			unpacked := make(map[string]bool)
			for _, c := range all {
				unpacked[fmt.Sprintf("%s %d %q", c.Container, c.content.Len(), c.OriginalName)] = true
				got[c.Part] = fmt.Sprintf("%s %d %q", c.MediaType, c.content.Len(), c.OriginalName)
			}
			for _, part := range refPart.FindAllSubmatch(answer, -1) {
				number := strings.ReplaceAll(strings.TrimPrefix(string(part[1]), "Part_"), "_", ".")
				if number == "Msg" {
					number = "1"
				}
				fields := make(map[string]string)
				for _, f := range refField.FindAllSubmatch(part[2], -1) {
					fields[string(f[1])] = string(f[2]) + string(f[3]) + string(f[4])
				}
				if fields["Size"] == "" {
					continue // no leaf
				}
				want := fmt.Sprintf("%s %s %q", fields["Type"], fields["Size"], fields["Filename"])
				if unpacked[fmt.Sprintf("uuencode %s %q", fields["Size"], fields["Filename"])] {
					continue
				}
				reason, known := mimeToolsDifferences[name+" "+number]
				switch {
				case got[number] != want && !known:
					t.Errorf("part %s: %s, want %s", number, got[number], want)
				case got[number] == want && known:
					t.Errorf("part %s differs no more; it was listed for: %s", number, reason)
				}
			}
		})
	}
}
