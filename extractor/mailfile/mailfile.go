// Package mailfile reads the messages that lie in files: single message files,
// Maildirs, mbox files, and folders of any of these.
//
// # What counts as what
//
// A folder that holds new or cur, and tmp, is a Maildir
// (https://cr.yp.to/proto/maildir.html): its messages are the files of new and
// cur, and its sub-folders are looked through like any other folder's. Elsewhere
// each file of a folder is taken that begins like a message or like an mbox;
// others (indexes, notes, pictures) are left out and counted. Names that begin
// with a dot are left out, except folders inside a Maildir, where Maildir++ keeps its
// sub-mailboxes. Symbolic links to files are followed, those to folders are not, so a
// loop of links ends. A file that is named itself, not found in a folder, is read
// whatever it looks like.
//
// A file whose first line is a postmark ("From sender date") is an mbox; see
// [Mbox] for its rules. Messages are streamed: nothing is held but one buffer.
package mailfile

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// bufferSize is the read buffer of one file.
const bufferSize = 128 << 10

// Messages calls each for every message below path, in the order of file
// names, and returns how many files of folders were left out because they do not
// look like mail. The source given to each is the file's path, with ":N" for the
// N-th message of an mbox; size is the octets of the file, or -1 where one file
// holds several. The reader is valid during the call only. An error of each
// ends it and is returned as it is.
func Messages(ctx context.Context, path string, each func(source string, size int64, r io.Reader) error) (ignored int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("read mail: %w", err)
	}
	if !info.IsDir() {
		return 0, file(path, info.Size(), each)
	}
	w := walk{ctx: ctx, each: each}
	err = w.folder(path, false)
	return w.ignored, err
}

type walk struct {
	ctx     context.Context
	each    func(source string, size int64, r io.Reader) error
	ignored int
}

func (w *walk) folder(path string, inMaildir bool) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read folder: %w", err)
	}
	maildir := isMaildir(entries)
	for _, e := range entries {
		if err := context.Cause(w.ctx); err != nil {
			return err
		}
		name := e.Name()
		full := filepath.Join(path, name)
		switch {
		case maildir && e.IsDir() && (name == "new" || name == "cur"):
			err = w.files(full)
		case maildir && e.IsDir() && name == "tmp":
			// Deliveries in progress, or given up.
		case maildir && !e.IsDir():
			// Dovecot and others keep their indexes beside new and cur.
		case e.IsDir() && (maildir || inMaildir || !strings.HasPrefix(name, ".")):
			err = w.folder(full, maildir)
		case e.IsDir() || strings.HasPrefix(name, "."):
		default:
			err = w.sniffed(full)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isMaildir(entries []fs.DirEntry) bool {
	has := make(map[string]bool)
	for _, e := range entries {
		if e.IsDir() {
			has[e.Name()] = true
		}
	}
	return has["tmp"] && (has["new"] || has["cur"])
}

// files reads every file of a Maildir's new or cur.
func (w *walk) files(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read folder: %w", err)
	}
	for _, e := range entries {
		if err := context.Cause(w.ctx); err != nil {
			return err
		}
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		full := filepath.Join(path, e.Name())
		size := int64(-1)
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		if err := open(full, func(r *bufio.Reader) error { return w.each(full, size, r) }); err != nil {
			return err
		}
	}
	return nil
}

// sniffed reads a file of an ordinary folder if it looks like mail.
func (w *walk) sniffed(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		// A dangling link or a socket in a folder is no reason to stop.
		w.ignored++
		return nil
	}
	return open(path, func(r *bufio.Reader) error {
		start, _ := r.Peek(1024)
		if !isPostmark(firstLine(start)) && !looksLikeMessage(start) {
			w.ignored++
			return nil
		}
		return read(path, info.Size(), r, w.each)
	})
}

func file(path string, size int64, each func(string, int64, io.Reader) error) error {
	return open(path, func(r *bufio.Reader) error { return read(path, size, r, each) })
}

func read(path string, size int64, r *bufio.Reader, each func(string, int64, io.Reader) error) error {
	start, _ := r.Peek(1024)
	if !isPostmark(firstLine(start)) {
		return each(path, size, r)
	}
	n := 0
	return Mbox(r, func(m io.Reader) error {
		n++
		return each(path+":"+strconv.Itoa(n), -1, m)
	})
}

func open(path string, use func(*bufio.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	defer f.Close()
	return use(bufio.NewReaderSize(f, bufferSize))
}

// looksLikeMessage reports whether data begins with a header field, after what
// broken exports put before it: a byte order mark and blank lines.
func looksLikeMessage(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.TrimLeft(data, "\r\n")
	name, _, ok := bytes.Cut(firstLine(data), []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !ok || len(name) == 0 || len(name) > 76 {
		return false
	}
	// RFC 5322 section 2.2 allows any printable character in a field's name;
	// letters, digits and dashes are what tells mail from other text.
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func firstLine(data []byte) []byte {
	if i := bytes.IndexAny(data, "\r\n"); i >= 0 {
		return data[:i]
	}
	return data
}
