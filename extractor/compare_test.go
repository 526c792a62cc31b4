package extractor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// compared is a message that all tools get, or the pieces of one, with what its
// sender attached.
type compared struct {
	row, name string
	messages  [][]byte
	want      []attached
}

// attached is one file that must come out.
type attached struct {
	names   []string // any of these is right; empty when the name is not judged
	content []byte
	size    int64 // judged instead of the content when the answers tell no more; -1 otherwise
	lines   bool  // CRLF and LF are one: the answers know the lines, not their ends
}

// tool is a program that writes the attachments of messages into a folder.
type tool struct {
	name    string
	command func(messages []string, dir string) []string
}

// pythonScript saves every leaf, and an attached message as a whole besides.
const pythonScript = `
import email, email.policy, os, sys
dir = sys.argv[1]
def save(name, data):
    name = (name or "part").replace("/", "_").replace("\0", "")
    if name in (".", ".."):
        name = "part"
    name = name.encode("utf-8", "surrogateescape")[:240].decode("utf-8", "surrogateescape")
    path, n = os.path.join(dir, name), 1
    while os.path.exists(path):
        n += 1
        path = os.path.join(dir, "%s-%d" % (name, n))
    with open(path, "wb") as f:
        f.write(data)
def leaves(message):
    for part in message.walk():
        try:
            name = part.get_filename()
        except Exception:
            name = None
        try:
            if part.get_content_type() == "message/rfc822" and part.is_multipart():
                data = part.get_payload(0).as_bytes()
            elif part.is_multipart():
                continue
            else:
                data = part.get_payload(decode=True) or b""
            save(name, data)
        except Exception as e:
            print(e, file=sys.stderr)
for path in sys.argv[2:]:
    with open(path, "rb") as f:
        leaves(email.message_from_binary_file(f, policy=email.policy.default))
`

// TestCompare puts attachd beside other extraction programs: each is given the
// same messages, as a process of its own with an empty folder, and every file
// that it writes counts, whatever else it writes besides. It fails where attachd
// is not first. ATTACHD_COMPARE=cases lists what each tool missed.
func TestCompare(t *testing.T) {
	mode := os.Getenv("ATTACHD_COMPARE")
	if mode == "" {
		t.Skip("ATTACHD_COMPARE is not set: make compare runs this")
	}
	tools := comparedTools(t)
	cases := goldenCases(t)
	if os.Getenv("ATTACHD_CORPUS") == "" {
		fmt.Println("ATTACHD_CORPUS is not set: compared on the golden mail alone, without the corpora")
	} else {
		cases = slices.Concat(cases, mime4jCases(t), mimeToolsCases(t), tnefCases(t))
	}

	// The results stay in the order of the cases, whichever ends first.
	results := make([][]result, len(cases))
	next := make(chan int)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := range next {
				for _, tool := range tools {
					results[i] = append(results[i], judge(t, tool, cases[i]))
				}
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	workers.Wait()

	var rows []string
	for _, c := range cases {
		if !slices.Contains(rows, c.row) {
			rows = append(rows, c.row)
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "exact/named of expected")
	for _, tool := range tools {
		fmt.Fprintf(out, "\t%s", tool.name)
	}
	fmt.Fprintln(out)
	for _, row := range append(rows, "total") {
		wanted, sums := 0, make([]result, len(tools))
		for i, c := range cases {
			if row == c.row || row == "total" {
				wanted += len(c.want)
				for j, r := range results[i] {
					sums[j].exact += r.exact
					sums[j].named += r.named
				}
			}
		}
		fmt.Fprint(out, row)
		for _, sum := range sums {
			fmt.Fprintf(out, "\t%d/%d of %d", sum.exact, sum.named, wanted)
		}
		fmt.Fprintln(out)
		for j, sum := range sums[1:] {
			if sum.exact > sums[0].exact || sum.named > sums[0].named {
				t.Errorf("%s: %s is ahead of attachd", row, tools[j+1].name)
				for i, c := range cases {
					if ours, theirs := results[i][0], results[i][j+1]; c.row == row && (theirs.exact > ours.exact || theirs.named > ours.named) {
						t.Logf("  %s: attachd missed %s", c.name, strings.Join(ours.missed, ", "))
					}
				}
			}
		}
	}
	out.Flush()
	if mode == "cases" {
		for i, c := range cases {
			for j, r := range results[i] {
				if len(r.missed) > 0 {
					fmt.Printf("%s: %s: %s missed %s\n", c.row, c.name, tools[j].name, strings.Join(r.missed, ", "))
				}
			}
		}
	}
}

// comparedTools returns attachd, built as it stands, and those of the others that
// are installed.
func comparedTools(t *testing.T) []tool {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "attachd")
	build := exec.Command("go", "build", "-o", program, "github.com/attachd/attachd/cmd/attachd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build attachd: %v\n%s", err, out)
	}
	script := filepath.Join(folder, "leaves.py")
	if err := os.WriteFile(script, []byte(pythonScript), 0o600); err != nil {
		t.Fatal(err)
	}
	tools := []tool{{"attachd", func(messages []string, dir string) []string {
		return append([]string{program, "extract", "-o", dir}, messages...)
	}}}
	for _, rival := range []tool{
		{"ripmime", func(messages []string, dir string) []string {
			from := messages[0]
			if len(messages) > 1 {
				from = filepath.Dir(from)
			}
			return []string{"ripmime", "-i", from, "-d", dir}
		}},
		{"munpack", func(messages []string, dir string) []string {
			return append([]string{"munpack", "-t", "-q", "-C", dir}, messages...)
		}},
		{"uudeview", func(messages []string, dir string) []string {
			return append([]string{"uudeview", "-i", "-a", "-t", "-d", "-q", "-p", dir}, messages...)
		}},
		{"python3", func(messages []string, dir string) []string {
			return append([]string{"python3", script, dir}, messages...)
		}},
	} {
		if _, err := exec.LookPath(rival.name); err != nil {
			t.Errorf("%s is not installed: make compare installs it", rival.name)
			continue
		}
		tools = append(tools, rival)
	}
	return tools
}

// result is what one tool made of one message.
type result struct {
	exact, named int
	missed       []string
}

// judge runs a tool and looks for what was attached among what it wrote. The
// folder lies deep, as a sender's name may climb out of it.
func judge(t *testing.T, tool tool, c compared) result {
	root, err := os.MkdirTemp("", "attachd-compare-")
	if err != nil {
		t.Error(err)
		return result{}
	}
	defer os.RemoveAll(root)
	dir := filepath.Join(root, "a", "b", "c", "d", "files")
	err = errors.Join(os.MkdirAll(dir, 0o700), os.Mkdir(filepath.Join(root, "tmp"), 0o700), os.Mkdir(filepath.Join(root, "mail"), 0o700))
	var messages []string
	for i, m := range c.messages {
		path := filepath.Join(root, "mail", fmt.Sprintf("%d.eml", i+1))
		err = errors.Join(err, os.WriteFile(path, m, 0o600))
		messages = append(messages, path)
	}
	if err != nil {
		t.Error(err)
		return result{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	command := tool.command(messages, dir)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMPDIR="+filepath.Join(root, "tmp"))
	cmd.WaitDelay = time.Second
	_ = cmd.Run() // a tool that ends with an error is judged by what it wrote
	if ctx.Err() != nil {
		t.Logf("%s: %s: %s did not end within 20 s", c.row, c.name, tool.name)
	}
	return c.count(written(t, filepath.Join(root, "a")))
}

// writtenFile is what a tool wrote.
type writtenFile struct {
	name    string
	content []byte
}

func written(t *testing.T, root string) []writtenFile {
	var files []writtenFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if err := os.Chmod(path, 0o600); err != nil { // uuencode carries modes
			return err
		}
		content, err := os.ReadFile(path)
		files = append(files, writtenFile{filepath.Base(path), content})
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

// count finds each attachment among the files, those of the right name first, and
// uses no file twice.
func (c compared) count(files []writtenFile) result {
	var r result
	found := make([]bool, len(c.want))
	take := func(named bool) {
		for i, want := range c.want {
			if found[i] {
				continue
			}
			j := slices.IndexFunc(files, func(f writtenFile) bool { return want.is(f.content) && (!named || want.isNamed(f.name)) })
			if j < 0 || !named && len(files[j].content) == 0 { // any failure leaves an empty file
				continue
			}
			found[i] = true
			files = slices.Delete(files, j, j+1)
			r.exact++
			if named {
				r.named++
			} else {
				r.missed = append(r.missed, fmt.Sprintf("the name %q", want.names[0]))
			}
		}
	}
	take(true)
	take(false)
	for i, want := range c.want {
		if !found[i] {
			r.missed = append(r.missed, fmt.Sprintf("%q (%d bytes)", append(want.names, "a nameless one")[0], max(want.size, int64(len(want.content)))))
		}
	}
	return r
}

func (a attached) is(content []byte) bool {
	if a.size >= 0 {
		return int64(len(content)) == a.size
	}
	if a.lines {
		return bytes.Equal(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(a.content, []byte("\r\n"), []byte("\n")))
	}
	return bytes.Equal(content, a.content)
}

// isNamed is generous: every letter and digit must be there, in their order and
// their case; in place of any other character may stand another, an X, or none.
// A tool may number a name, leave out what is invisible, compose accents or not,
// and cut names beyond fifty characters.
func (a attached) isNamed(name string) bool {
	if len(a.names) == 0 {
		return true
	}
	return slices.ContainsFunc(a.names, func(want string) bool { return sameName(want, name) })
}

func sameName(want, got string) bool {
	if !utf8.ValidString(got) {
		return false
	}
	want, got = visible(want), visible(got)
	if harmless(want, true).MatchString(got) {
		return true
	}
	for len([]rune(want)) > 50 && len([]rune(got)) >= 50 {
		_, size := utf8.DecodeLastRuneInString(want)
		want = want[:len(want)-size]
		if harmless(want, false).MatchString(got) {
			return true
		}
	}
	return false
}

func visible(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, norm.NFC.String(name))
}

// harmless makes a pattern of a name; whole says that it has its extension.
func harmless(name string, whole bool) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	dot := strings.LastIndexByte(name, '.')
	number := `([-_.]\d+|_?\(\d+\))?`
	for i, r := range name {
		switch {
		case i == dot && whole && i > 0:
			b.WriteString(number + `\.`)
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), r == '.' && i > 0: // some tools avoid hidden files
			b.WriteString(regexp.QuoteMeta(string(r)))
		default:
			b.WriteString(`([^\pL\pN]|X)?`)
		}
	}
	if whole {
		b.WriteString(number + "$")
	} else {
		b.WriteString(`(\.\w+)?$`)
	}
	return regexp.MustCompile(b.String())
}
