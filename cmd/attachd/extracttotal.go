package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/extractor/mailfile"
)

// total is what an extraction came to.
type total struct {
	messages, files, leftOut int
	octets                   int64
}

// say prints it where a person looks; a program counts its lines.
func (x *extraction) say(where string) {
	if x.json {
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
	fmt.Fprintf(x.progress, "attachd: %s\n", text)
}

// sniffed is how much of a file is looked at.
const sniffed = 3072

// noMail says that a file was named that is something else. A broken mail is read whatever it begins with.
func noMail(start []byte) error {
	if mailfile.LooksLikeMail(start) {
		return nil
	}
	found := mimetype.Detect(start)
	for m := found; m != nil; m = m.Parent() {
		if m.Is("text/plain") { // HTML and the like: a mail may begin with anything
			return nil
		}
	}
	switch {
	case found.Is("application/octet-stream"):
		return nil
	case found.Is("application/vnd.ms-outlook"), found.Is("application/x-ole-storage"):
		return errors.New("no mail that attachd reads: it looks like Outlook's own format (.msg); save it as .eml")
	default:
		kind, _, _ := strings.Cut(found.String(), ";")
		return fmt.Errorf("no mail: it looks like %s (%s)", strings.ToUpper(strings.TrimPrefix(found.Extension(), ".")), kind)
	}
}

// noMailFile says so of the file that a path names, nil of a folder.
func noMailFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil // which reading it will report
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	start := make([]byte, sniffed)
	n, _ := io.ReadFull(f, start) // what can't be read is reported later
	return noMail(start[:n])
}

// standardInput is the message that is piped in, unless that is none.
func (x *extraction) standardInput() (io.Reader, error) {
	r := bufio.NewReaderSize(x.stdin, sniffed)
	start, _ := r.Peek(sniffed)
	return r, noMail(start)
}
