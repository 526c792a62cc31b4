package extract

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/attachd/attachd/extractor/mailfile"
)

// each hands on every message that the sources name, except those in the folder that is written to.
// What can't be read is reported and passed over.
func (x *Extraction) each(ctx context.Context, sources []string, dir string, message func(ctx context.Context, source string, size int64, r io.Reader) error) error {
	for _, arg := range sources {
		if arg == "-" {
			stdin, err := x.standardInput()
			if err != nil {
				x.report(fmt.Errorf("standard input: %w", err))
			} else if err := message(ctx, "-", -1, stdin); err != nil {
				return err
			}
			continue
		}
		if err := noMailFile(arg); err != nil {
			x.report(fmt.Errorf("%s: %w", arg, err))
			continue
		}
		ignored, err := mailfile.Messages(ctx, arg, dir, func(source string, size int64, r io.Reader) error { return message(ctx, source, size, r) })
		x.ignored += ignored
		if unreadable, ok := errors.AsType[*mailfile.UnreadableError](err); ok {
			for _, err := range unreadable.Errs {
				x.report(err)
			}
			continue
		}
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			x.report(err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sniffed is how many bytes of a file decide whether it is mail.
const sniffed = 3072

// noMail returns an error if a file begins like something other than mail. It is nil in doubt, as a
// broken mail may begin with anything.
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

// noMailFile is noMail for the file at path; nil for a folder.
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

// standardInput returns the message that is piped in, or the error of noMail.
func (x *Extraction) standardInput() (io.Reader, error) {
	r := bufio.NewReaderSize(x.In, sniffed)
	start, _ := r.Peek(sniffed)
	return r, noMail(start)
}
