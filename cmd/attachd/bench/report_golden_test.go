package bench

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// example is a report with all that can be in one.
func example() report {
	goals := func(line reportLine, all []reportLine, of ...goal) (said []string) {
		for _, g := range of {
			said = append(said, g.judge(line, all)...)
		}
		return said
	}
	lines := []reportLine{
		{name: "drain", limit: true, wall: time.Second, times: 1, cpu: "0.50 s", cpuTime: 270 * time.Millisecond, peak: 9 << 20, calls: 1234, fsyncs: 0},
		{name: "files-parallel", limit: true, wall: 2 * time.Second, times: 2, cpu: "1.00 s", cpuTime: 540 * time.Millisecond, peak: 8 << 20, calls: 999, fsyncs: 401},
		{name: "attachd", ours: true, wall: 1500 * time.Millisecond, times: 1.5, cpu: "1.10 s", cpuTime: 600 * time.Millisecond, peak: 31 << 20, calls: 1234567, fsyncs: 405},
		{name: "mpop+ripMIME", wall: 8 * time.Second, times: 8, cpu: "9.00 s", cpuTime: 4 * time.Second, peak: 7 << 20, calls: -1, fsyncs: -1, note: "2 of 400 not as they were sent, one run"},
	}
	polls := []reportLine{
		{name: "attachd, resumed", ours: true, cpu: "210 µs", cpuTime: 210 * time.Microsecond, calls: -1, fsyncs: -1},
		{name: "attachd, full handshake", cpu: "400 µs", cpuTime: 400 * time.Microsecond, calls: -1, fsyncs: -1},
	}
	return report{date: "2026-11-29", machine: `2 × <Processor> & "more", linux, go1.26`, rows: []reportRow{
		{name: "large", title: "400 × 1.36 MB", cpuPer: "GB", lines: lines, goals: goals(lines[2], lines,
			goal{"wall", []string{"drain"}, 1.2}, goal{"wall", []string{"drain", "files-parallel"}, 1.2},
			goal{"CPU", []string{"mpop+ripMIME"}, 1. / 8}, goal{"CPU", []string{"nobody"}, 1}, goal{"peak", nil, 32})},
		{name: "polls", title: "a poll", cpuPer: "poll", lines: polls, goals: goals(polls[0], polls, goal{"CPU", []string{"attachd, full handshake"}, 0.5})},
		{name: "many", title: "many: failed"},
	}}
}

// TestReport compares the writers' output with golden files.
func TestReport(t *testing.T) {
	for name, got := range map[string]string{
		"report.txt": example().text(), "report.svg": example().svg(), "report.page": example().page(), "report.section": example().section(),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s has become (-update takes it over)\n%s", name, got)
		}
	}
}

// TestPicture reads the picture as XML, with the machine's odd name unharmed in it.
func TestPicture(t *testing.T) {
	var texts strings.Builder
	in := xml.NewDecoder(strings.NewReader(example().svg()))
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, is := token.(xml.CharData); is {
			texts.Write(text)
		}
	}
	for _, want := range []string{example().machine, "attachd, full handshake", "1,234,567", "2 of 400 not as they were sent"} {
		if !strings.Contains(texts.String(), want) {
			t.Errorf("%q is not in the picture", want)
		}
	}
}

// TestPublish writes into a repository, twice with the same result, and not without its marks.
func TestPublish(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "README.md")
	if err := os.Mkdir(filepath.Join(root, "deploy"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("before\n"+sectionBegin+"\nold\n"+sectionEnd+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := "before\n" + sectionBegin + "\n" + example().section() + sectionEnd + "\nafter\n"
	for range 2 {
		if err := example().publish(root); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Fatalf("README.md is\n%s\n%v", got, err)
		}
	}
	if err := os.WriteFile(file, []byte("no marks"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := example().publish(root); err == nil {
		t.Error("a README.md without the marks was rewritten")
	}
}

// TestReadSummary reads what strace writes.
func TestReadSummary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls")
	text := `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.100000          10     10000           write
 30.00    0.050000          50      1000        12 futex
 10.00    0.010000         100       100           fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.160000                 11100        12 total
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if calls, fsyncs, err := readSummary(file); calls != 11100 || fsyncs != 100 || err != nil {
		t.Errorf("%d calls, %d fsyncs, %v", calls, fsyncs, err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readSummary(file); err == nil {
		t.Error("nothing at all was read as a summary")
	}
}

// TestFaults finds what is lost, broken or too much.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	m := mailFor(0, 1, 300)[0]
	digest, err := m.write(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	work := task{row{}, &source{mail: [][]mail{{m}}, files: []map[sum]mail{{digest: m}}}}
	content := &strings.Builder{}
	if err := m.copyContent(content); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		files        map[string]string
		wrong, fails bool
	}{
		{nil, true, false},
		{map[string]string{"a": content.String()}, false, false},
		{map[string]string{"a": content.String()[1:]}, true, false},
		{map[string]string{"a": content.String(), "b": "more"}, false, true},
	} {
		for name, content := range test.files {
			if err := os.MkdirAll(filepath.Join(dir, "out", "u0"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "out", "u0", name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := &result{contender: contender{files: "out/u%d", exactly: true, offline: true}}
		wrong, err := r.faults(work, dir)
		if (wrong != "") != test.wrong || (err != nil) != test.fails {
			t.Errorf("of %q: %q, %v", test.files, wrong, err)
		}
	}
}
