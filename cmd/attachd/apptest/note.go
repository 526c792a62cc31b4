package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// Notes makes messages with a file "note.txt" each, whose content is the number
// of the message.
func Notes(n int) []pop3test.Message {
	messages := make([]pop3test.Message, n)
	for i := range messages {
		messages[i] = pop3test.Message{UIDL: fmt.Sprintf("note-%d", i), Raw: fmt.Appendf(nil,
			"Subject: %[1]d\r\nContent-Type: text/plain; name=note.txt\r\nContent-Disposition: attachment\r\n\r\n%[1]d", i)}
	}
	return messages
}

// NotesIn returns the contents of the files in a folder, each with its count.
func NotesIn(t testing.TB, folder string) map[string]int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]int)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSpace(string(content))]++
	}
	return found
}

// CheckNotes fails the test unless the folder holds each of the first n notes once, and nothing
// else.
func CheckNotes(t testing.TB, folder string, n int) {
	t.Helper()
	found := NotesIn(t, folder)
	for i := range n {
		if count := found[fmt.Sprint(i)]; count != 1 {
			t.Errorf("note %d stands %d times, want once", i, count)
		}
	}
	if len(found) != n {
		t.Errorf("%d different files, want %d", len(found), n)
	}
}

// TakeAll takes every file of a folder away, as a consumer does.
func TakeAll(t testing.TB, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "[^.]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}
