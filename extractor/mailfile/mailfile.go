// Package mailfile reads messages from files: single message files, Maildirs, mbox files,
// and folders of any of these.
//
// # What is read
//
//   - A folder with tmp, and new or cur, is a Maildir (https://cr.yp.to/proto/maildir.html).
//     Its messages are the files in new and cur. Its other sub-folders are read like those
//     of any folder.
//   - In another folder, each file that begins like a message or like an mbox is read. Other
//     files (indexes, notes, pictures) are left out and counted.
//   - A name that begins with a dot is left out, except a folder inside a Maildir: Maildir++
//     keeps its sub-mailboxes there.
//   - A symbolic link to a file is followed, a link to a folder is not, so that a loop of
//     links ends.
//   - A file named by the caller is read, whatever it looks like.
//
// A file whose first line is a postmark ("From sender date") is an mbox (RFC 4155): see
// [Mbox]. Messages are streamed. Nothing is held but one buffer of 128 KiB.
package mailfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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

// Messages calls each for every message at and below path, in the order of file names. It
// returns how many files in folders were ignored because they do not look like mail.
//
// source is the path of the file, with ":N" behind it for the Nth message of an mbox. size is
// the size of the file in bytes, or -1 if the file has several messages. The reader is valid
// during the call only.
//
// An error of each ends Messages, which returns it as it is; so does the end of ctx. Files
// and folders below path that can't be opened do not end it: Messages returns them at the
// end, as an [*UnreadableError]. The folder except is passed over, so that the caller's own
// output is not read; "" excepts nothing.
func Messages(ctx context.Context, path, except string, each func(source string, size int64, r io.Reader) error) (ignored int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("read mail: %w", err)
	}
	if !info.IsDir() {
		return 0, file(path, info.Size(), each)
	}
	w := walk{ctx: ctx, each: each}
	w.except, _ = os.Stat(except) // nil where there is no such folder
	if err := w.folder(path, false); err != nil {
		return w.ignored, err
	}
	if len(w.unreadable) > 0 {
		return w.ignored, &UnreadableError{w.unreadable}
	}
	return w.ignored, nil
}

// UnreadableError has the errors of the files and folders that could not be opened.
type UnreadableError struct{ Errs []error }

// Error returns one line per file.
func (e *UnreadableError) Error() string { return errors.Join(e.Errs...).Error() }

// Unwrap returns the errors, one per file or folder.
func (e *UnreadableError) Unwrap() []error { return e.Errs }

// Octets returns the size of all files at and below path, in bytes: about as much as
// Messages will read. A file or folder that can't be read counts nothing.
func Octets(path string) int64 {
	var total int64
	_ = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

type walk struct {
	ctx     context.Context
	each    func(source string, size int64, r io.Reader) error
	except  fs.FileInfo
	ignored int

	unreadable []error
}

// open calls use with a file of a folder, or notes that it can't be opened.
func (w *walk) open(path string, use func(*bufio.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		w.unreadable = append(w.unreadable, fmt.Errorf("read mail: %w", err))
		return nil
	}
	defer f.Close()
	return use(bufio.NewReaderSize(f, bufferSize))
}

// isExcepted reports whether e is the folder that is passed over.
func (w *walk) isExcepted(e fs.DirEntry) bool {
	if w.except == nil || !e.IsDir() {
		return false
	}
	info, err := e.Info()
	return err == nil && os.SameFile(info, w.except)
}

func (w *walk) folder(path string, inMaildir bool) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		w.unreadable = append(w.unreadable, fmt.Errorf("read folder: %w", err))
		return nil
	}
	maildir := isMaildir(entries)
	for _, e := range entries {
		if err := context.Cause(w.ctx); err != nil {
			return err
		}
		name := e.Name()
		full := filepath.Join(path, name)
		switch {
		case w.isExcepted(e):
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
		w.unreadable = append(w.unreadable, fmt.Errorf("read folder: %w", err))
		return nil
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
		if err := w.open(full, func(r *bufio.Reader) error { return w.each(full, size, r) }); err != nil {
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
	return w.open(path, func(r *bufio.Reader) error {
		start, _ := r.Peek(Sniffed)
		if !LooksLikeMail(start) {
			w.ignored++
			return nil
		}
		return read(path, info.Size(), r, w.each)
	})
}

func file(path string, size int64, each func(string, int64, io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	defer f.Close()
	return read(path, size, bufio.NewReaderSize(f, bufferSize), each)
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

// LooksLikeMail reports whether a file looks like a message or an mbox: its first line does, and
// it has a field of mail, unlike /etc/passwd. start is its beginning, up to [Sniffed] bytes.
func LooksLikeMail(start []byte) bool {
	return isPostmark(firstLine(start)) || looksLikeMessage(start) && MayBeMail(start)
}

// looksLikeMessage reports whether data begins with a header field. Broken exports put a
// byte order mark and blank lines before it.
func looksLikeMessage(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.TrimLeft(data, "\r\n")
	name, _, ok := bytes.Cut(firstLine(data), []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !ok || len(name) == 0 || len(name) > longestName {
		return false
	}
	// RFC 5322 section 2.2 allows any printable character in a field's name. Letters, digits
	// and dashes tell mail from other text.
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
