package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are the pages for users and for contributors, by path below the module's folder.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	pages := make(map[string]string)
	read := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[path] = string(text)
	}
	top, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil || len(top) == 0 {
		t.Fatalf("there are no pages: %v", err)
	}
	for _, path := range top {
		read(path)
	}
	err = filepath.WalkDir(filepath.Join(root, "deploy"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			read(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestLinks follows the links of every page to files of the repository.
func TestLinks(t *testing.T) {
	t.Parallel()
	for path, text := range pages(t) {
		for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			to, _, _ := strings.Cut(link[1], "#")
			if to == "" || strings.Contains(to, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), to)); err != nil {
				t.Errorf("%s: the link to %s leads nowhere: %v", path, to, err)
			}
		}
	}
}

// TestTroubleshooting looks for the words that people will search for: each heading in quotes must
// be in a message of the program.
func TestTroubleshooting(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, file := range sources(t, 0) {
		if file.test {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file.pkg), file.name))
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	page := pages(t)[filepath.Join("..", "..", "deploy", "troubleshooting.md")]
	headings := regexp.MustCompile(`(?m)^### "(.*)"$`).FindAllStringSubmatch(page, -1)
	if len(headings) == 0 {
		t.Fatal("the page has no heading in quotes")
	}
	for _, heading := range headings {
		if !strings.Contains(code.String(), heading[1]) {
			t.Errorf("deploy/troubleshooting.md explains %q, which nothing says any more: change the heading with the message", heading[1])
		}
	}
}
