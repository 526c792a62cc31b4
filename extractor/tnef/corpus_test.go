package tnef

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus returns the folder of the TNEF streams, or skips the test.
func corpus(t *testing.T) string {
	t.Helper()
	root := os.Getenv("ATTACHD_CORPUS")
	if root == "" {
		t.Skip("ATTACHD_CORPUS is not set: it names a folder of mail corpora with known answers")
	}
	return filepath.Join(root, "tnef")
}

// Why an answer of the corpus (MimeKit's) is not ours.
const (
	bodyName      = "the RTF body is called message.rtf, as it is in the corpus's folders"
	textBody      = "HTML and plain text bodies are no attachments"
	listIsShort   = "the list lacks a file that the folder has"
	subjectName   = "an attached message is called by its subject; the text that Outlook puts in its place is no file; what is attached to it comes out too"
	lineEnds      = "the answer's line ends were converted"
	withInterface = "the answer begins with the 16 bytes of an interface identifier, which are not the object's"
)

// corpusNames are the names that come out where they are not the list's.
var corpusNames = map[string]struct {
	names  []string
	reason string
}{
	"MAPI_ATTACH_DATA_OBJ":   {[]string{"VIA_Nytt_1402.doc", "VIA_Nytt_1402.pdf", "VIA_Nytt_14021.htm", "message.rtf"}, bodyName},
	"MAPI_OBJECT":            {[]string{"Untitled_Attachment", "message.rtf"}, bodyName},
	"attachments":            {[]string{"bookmark.htm", "message.rtf", "zappa_av1.jpg"}, bodyName},
	"body":                   {[]string{}, textBody},
	"data-before-name":       {[]string{"AUTOEXEC.BAT", "CONFIG.SYS", "boot.ini", "message.rtf"}, bodyName},
	"long-filename":          {[]string{"allproductsmar2000.dat", "message.rtf"}, listIsShort},
	"missing-filenames":      {[]string{"TechlibDEC99-JAN00.doc", "TechlibDEC99.doc", "TechlibNOV99.doc", "generpts.src", "message.rtf"}, listIsShort},
	"multi-value-attribute":  {[]string{"208225__5_seconds__Voice_Mail.mp3", "message.rtf"}, bodyName},
	"panic":                  {[]string{"image001.jpg", "image002.jpg", "image003.png"}, textBody},
	"rtf":                    {[]string{"message.rtf"}, bodyName},
	"triples":                {[]string{"message.rtf"}, bodyName},
	"winmail":                {[]string{"Untitled Attachment", "Untitled Attachment", "message.rtf"}, "the list lacks the RTF body"},
	"unicode-mapi-attr-name": {[]string{"image001.png", "image002.png", "image003.png", "spaconsole2.cfg"}, "in another order"},
	"christmas": {[]string{
		"Build a train table.tnef", "Christmas Celebration!.tnef", "kitten-playing-with-a-christmas-tree.jpg",
		"kitten-playing-with-a-christmas-tree.jpg", "message.rtf", "message.rtf", "message.rtf",
	}, subjectName},
}

// corpusBytes are the files whose bytes are not the answer's, and why.
var corpusBytes = map[string]string{
	"MAPI_ATTACH_DATA_OBJ/VIA_Nytt_14021.htm": lineEnds, "attachments/bookmark.htm": lineEnds, "data-before-name/boot.ini": lineEnds,
	"long-filename/message.rtf": lineEnds, "long-filename/allproductsmar2000.dat": lineEnds, "missing-filenames/message.rtf": lineEnds,
	"multi-value-attribute/message.rtf": lineEnds, "unicode-mapi-attr-name/spaconsole2.cfg": lineEnds,

	"MAPI_OBJECT/Untitled_Attachment": withInterface, "winmail/Untitled Attachment.1": withInterface, "winmail/Untitled Attachment.2": withInterface,
}

// corpusFiles are the answers' names for files that are called otherwise here.
var corpusFiles = map[string][]string{
	"winmail/Untitled Attachment":           {"Untitled Attachment.1", "Untitled Attachment.2"},
	"christmas/Build a train table.tnef":    {"Untitled Attachment.2"},
	"christmas/Christmas Celebration!.tnef": {"Untitled Attachment.4"},
	"christmas/message.rtf":                 {"message.rtf", "", ""}, // there is no answer for those of attached messages
}

// corpusNotOurs are the answers that do not come out, and why.
var corpusNotOurs = map[string]string{
	"message.html": textBody, "message.txt": textBody,
	"christmas/Untitled Attachment.1": subjectName, "christmas/Untitled Attachment.3": subjectName,
}

// TestCorpus compares names and bytes with MimeKit's for each stream of the corpus.
func TestCorpus(t *testing.T) {
	folder := corpus(t)
	streams, err := filepath.Glob(filepath.Join(folder, "*.tnef"))
	if err != nil || len(streams) != 19 {
		t.Fatalf("%d streams, error %v, want 19", len(streams), err)
	}
	for _, path := range streams {
		name := strings.TrimSuffix(filepath.Base(path), ".tnef")
		t.Run(name, func(t *testing.T) {
			r := decode(read(t, path), Options{RTF: true}, 1000)
			if damaged := name == "panic"; r.err != nil || r.damaged != damaged { // a file's text follows the stream in panic.tnef
				t.Errorf("error %v, damaged %v, reports %q", r.err, r.damaged, r.reports)
			}
			checkNames(t, name, strings.Split(string(read(t, filepath.Join(folder, name+".list"))), "\n"), r)
			seen, compared := map[string]int{}, map[string]bool{}
			for _, f := range r.files {
				answer, nth := f.Name, seen[f.Name]
				seen[f.Name]++
				if answers := corpusFiles[name+"/"+f.Name]; answers != nil {
					answer = answers[nth]
				}
				if answer != "" {
					checkBytes(t, name+"/"+answer, f.Bytes(), read(t, filepath.Join(folder, name, answer)))
					compared[answer] = true
				}
			}
			answers, _ := os.ReadDir(filepath.Join(folder, name)) // there may be none
			for _, answer := range answers {
				file := answer.Name()
				notOurs := corpusNotOurs[file] != "" || corpusNotOurs[name+"/"+file] != ""
				if compared[file] == notOurs {
					t.Errorf("%s: compared %v, known not to be ours %v", file, compared[file], notOurs)
				}
			}
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func checkNames(t *testing.T, name string, list []string, r *result) {
	t.Helper()
	want := slices.DeleteFunc(list, func(s string) bool { return s == "" })
	if difference, ok := corpusNames[name]; ok {
		want = difference.names
	}
	got := []string{}
	for _, f := range r.files {
		got = append(got, f.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func checkBytes(t *testing.T, name string, got, want []byte) {
	t.Helper()
	switch corpusBytes[name] {
	case lineEnds:
		got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
		want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	case withInterface:
		want = want[16:]
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes that are not the %d of the answer", name, len(got), len(want))
	}
}

// TestCorpusMail decodes the winmail.dat of whole messages.
func TestCorpusMail(t *testing.T) {
	folder := corpus(t)
	christmas := decode(read(t, filepath.Join(folder, "christmas.tnef")), Options{}, 1000).String()
	for name, want := range map[string]string{
		"rich-text.eml": christmas, // the message that the stream is from
		"ukr.eml":       "reports [], damaged false, error <nil>\n",
	} {
		m, err := mail.ReadMessage(bytes.NewReader(read(t, filepath.Join(folder, name))))
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts, streams := multipart.NewReader(m.Body, params["boundary"]), 0
		for {
			part, err := parts.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if part.FileName() != "winmail.dat" {
				continue
			}
			streams++
			stream, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
			if err != nil {
				t.Fatal(err)
			}
			if got := decode(stream, Options{}, 1000).String(); got != want {
				t.Errorf("%s: %.300s\nwant %.300s", name, got, want)
			}
		}
		if streams != 1 {
			t.Errorf("%s: %d winmail.dat", name, streams)
		}
	}
}
