package extract

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/foreign"
)

// total is what an extraction came to.
type total struct {
	messages, files, leftOut, problems int
	octets                             int64
}

// say prints the total, unless a program reads along.
func (x *Extraction) say(where string) {
	if x.JSON {
		return
	}
	t := x.total
	text := fmt.Sprintf("%s, %s", console.Count(t.messages, "message"), console.Count(t.files, "attachment"))
	if t.files > 0 {
		text += fmt.Sprintf(" (%s) in %s", console.Bytes(t.octets), where)
	}
	if t.leftOut > 0 {
		text += fmt.Sprintf(", %d left out by the rules", t.leftOut)
	}
	if t.problems > 0 {
		text += ", " + console.Count(t.problems, "problem")
	}
	fmt.Fprintf(x.progress, "attachd: %s\n", text)
}

// sayProblems says what could not be read right of a message and its attachments, or had to be
// mended, and counts it. It passes over what concerns names and declarations alone, which would
// hide the rest. With JSON the lines of the attachments tell; a message without any has none.
func (x *Extraction) sayProblems(source string, m *extractor.Message, files []*sink.Staged) {
	if x.JSON && slices.ContainsFunc(files, printed) {
		return
	}
	x.sayEach(sourceName(source), m.Problems)
	for _, f := range files {
		x.sayEach(sourceName(source)+": "+foreign.Text(f.Attachment.Name), f.Attachment.Problems)
	}
}

func (x *Extraction) sayEach(where string, problems []extractor.Problem) {
	for _, p := range problems {
		if !p.Kind.Cosmetic() {
			x.total.problems++
			fmt.Fprintf(x.progress, "attachd: %s: %s\n", where, foreign.Text(p.Words()))
		}
	}
}

// printed reports whether a file has a line of its own.
func printed(f *sink.Staged) bool { return f.Kind != sink.Sidecar }

// outcome says how much was passed over, and fails if something could not be read.
func (x *Extraction) outcome() error {
	if x.ignored > 0 {
		fmt.Fprintf(x.progress, "attachd: %s left out: no mail by the look of the first lines\n", console.Count(x.ignored, "file"))
	}
	if x.failed > 0 {
		return fmt.Errorf("%d of the messages and files could not be read, or written", x.failed)
	}
	return nil
}

func (x *Extraction) report(err error) {
	x.failed++
	fmt.Fprintf(x.progress, "attachd: %s\n", foreign.Error(err))
}

// line is what --json prints of one attachment. It is a stable contract: fields are added, and
// never changed.
type line struct {
	Source       string              `json:"source"`
	Path         string              `json:"path"`
	Name         string              `json:"name"`
	OriginalName string              `json:"original_name"`
	MediaType    string              `json:"media_type"`
	Disposition  string              `json:"disposition"`
	Size         int64               `json:"size"`
	SHA256       string              `json:"sha256"`
	Problems     []extractor.Problem `json:"problems"`
}

func (x *Extraction) print(e extracted) error {
	f := e.file
	if !x.JSON {
		_, err := fmt.Fprintf(x.Out, "%s\t%s\t%s\tfrom %s\n", foreign.Text(f.Path), foreign.Text(f.Attachment.MediaType), console.Bytes(f.Size), foreign.Text(e.source))
		return err
	}
	return json.NewEncoder(foreign.JSONWriter{W: x.Out}).Encode(line{
		e.source, f.Path, f.Attachment.Name, f.Attachment.OriginalName, f.Attachment.MediaType, f.Attachment.Disposition,
		f.Size, f.Digests.Get(digest.SHA256).String(), wiring.Problems(e.message, &f.Attachment),
	})
}
