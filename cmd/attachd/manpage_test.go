package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/manpage"
	"github.com/attachd/attachd/config/manual"
)

// manPages writes the pages and returns them by path.
func manPages(t *testing.T, date time.Time) (dir string, pages map[string]string) {
	t.Helper()
	dir, pages = t.TempDir(), map[string]string{}
	if err := manpage.Write(command(app.Hooks{}), dir, date); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		pages[strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(dir)+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, pages
}

// TestManPages: every command has a page, every key stands in attachd.yaml(5), and the same
// commands make the same bytes.
func TestManPages(t *testing.T) {
	t.Parallel()
	_, pages := manPages(t, time.Time{})
	_, again := manPages(t, time.Time{})
	if diff := cmp.Diff(pages, again); diff != "" {
		t.Errorf("written again (-first +second):\n%s", diff)
	}
	var commands func(*cobra.Command)
	commands = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		name := "man1/" + strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		if _, ok := pages[name]; !ok {
			t.Errorf("%s has no page", cmd.CommandPath())
		}
		if !strings.Contains(pages["man1/attachd.1"], strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), "attachd "), "-", `\-`)) {
			t.Errorf("attachd(1) does not mention %s", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			commands(sub)
		}
	}
	commands(command(app.Hooks{}))
	for _, e := range manual.Entries() {
		if !e.IsSource() && !strings.Contains(pages["man5/attachd.yaml.5"], strings.ReplaceAll(e.Path, "-", `\-`)) {
			t.Errorf("attachd.yaml(5) does not mention %s", e.Path)
		}
	}
	for _, path := range []string{"completions/attachd.bash", "completions/_attachd", "completions/attachd.fish"} {
		if !strings.Contains(pages[path], "__complete") {
			t.Errorf("%s is no completion", path)
		}
	}
	_, dated := manPages(t, time.Unix(1_700_000_000, 0))
	for path, text := range dated {
		if strings.HasPrefix(path, "man") != strings.Contains(text, `"2023-11-14"`) {
			t.Errorf("%s: the date is not that of SOURCE_DATE_EPOCH", path)
		}
	}
}

// TestManWithoutWarnings has man and mandoc read all pages.
func TestManWithoutWarnings(t *testing.T) {
	t.Parallel()
	dir, pages := manPages(t, time.Unix(1_700_000_000, 0))
	var files []string
	for path := range pages {
		if strings.HasPrefix(path, "man") {
			files = append(files, filepath.Join(dir, filepath.FromSlash(path)))
		}
	}
	for _, tool := range [][]string{{"man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"}, {"mandoc", "-Tlint", "-Wwarning"}} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
		cmd := exec.Command(tool[0], append(tool[1:], files...)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=", "MANROFFOPT=")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if tool[0] == "mandoc" {
			stderr.Write(out)
		}
		if err != nil || stderr.Len() > 0 {
			t.Errorf("%s: %v\n%s", tool[0], err, stderr.String())
		}
	}
}

// TestManExitCodes: attachd(1) explains each exit code.
func TestManExitCodes(t *testing.T) {
	t.Parallel()
	_, pages := manPages(t, time.Time{})
	for _, code := range []int{exitOK, exitFailure, exitUsage, exitTemporary, exitConfig} {
		if !regexp.MustCompile(`(?m)^\\fB` + strconv.Itoa(code) + `\\fR$`).MatchString(pages["man1/attachd.1"]) {
			t.Errorf("attachd(1) does not explain exit code %d", code)
		}
	}
}
