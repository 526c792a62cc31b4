package extract

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/mailfile"
	"github.com/attachd/attachd/fetcher/foreign"
)

// readMessage takes one message. r is valid during the call only.
type readMessage func(ctx context.Context, source string, size int64, r io.Reader) error

// each hands on every message that the sources name, except those in the folder that is written to.
// What can't be read is reported and passed over. An error that ends it says what was not read.
func (x *Extraction) each(ctx context.Context, sources []string, dir string, message readMessage) error {
	var reading string
	noted := func(ctx context.Context, source string, size int64, r io.Reader) error {
		reading = source
		return message(ctx, source, size, r)
	}
	for i, arg := range sources {
		reading = arg
		ignored, err := x.named(ctx, arg, dir, noted)
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
			var missed []string
			if reading != arg {
				missed = append(missed, "the rest of "+sourceName(arg))
			}
			for _, arg := range sources[i+1:] {
				missed = append(missed, sourceName(arg))
			}
			return notRead(err, missed)
		}
	}
	return nil
}

// mostMissed is how many sources an error names that were not read.
const mostMissed = 20

// notRead adds to an error what was not read because of it.
func notRead(err error, sources []string) error {
	if len(sources) == 0 {
		return err
	}
	more := ""
	if n := len(sources) - mostMissed; n > 0 {
		sources, more = sources[:mostMissed], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("%w; not read: %s%s", err, strings.Join(sources, ", "), more)
}

// named hands on the messages of a source that the user named. A single file, also a pipe or
// standard input, must be mail; a folder passes over what is none, and says how many files.
func (x *Extraction) named(ctx context.Context, arg, dir string, message readMessage) (ignored int, err error) {
	single := func(source string, size int64, r io.Reader) error {
		b := bufio.NewReaderSize(r, mailfile.Sniffed)
		start, err := b.Peek(mailfile.Sniffed)
		if err == nil || errors.Is(err, io.EOF) { // any other error is reported by reading on
			if err := noMail(start); err != nil {
				x.report(fmt.Errorf("%s: %w", sourceName(source), err))
				return nil
			}
		}
		return message(ctx, source, size, b)
	}
	if arg == "-" {
		return 0, single(arg, -1, x.In)
	}
	info, statErr := os.Stat(arg)
	folder := statErr == nil && info.IsDir()
	return mailfile.Messages(ctx, arg, dir, func(source string, size int64, r io.Reader) error {
		if folder || source != arg { // a message of an mbox
			return message(ctx, source, size, r)
		}
		return single(source, size, r)
	})
}

// sourceName is a source in the words of a report.
func sourceName(source string) string {
	if source == "-" {
		return "standard input"
	}
	return foreign.Text(source)
}

// noMail returns an error if a file begins like something other than mail. It is nil in doubt, as a
// broken mail may begin with anything.
func noMail(start []byte) error {
	if mailfile.LooksLikeMail(start) {
		return nil
	}
	if len(start) == 0 {
		return errors.New("no mail: it is empty")
	}
	found := mimetype.Detect(start)
	text := false
	for m := found; m != nil && !text; m = m.Parent() {
		text = m.Is("text/plain") // HTML and the like: a mail may begin with anything
	}
	kind, _, _ := strings.Cut(found.String(), ";")
	name := strings.ToUpper(strings.TrimPrefix(found.Extension(), "."))
	switch {
	case found.Is("application/octet-stream"), text && mailfile.MayBeMail(start):
		return nil // a winmail.dat is among the files of no known kind
	case found.Is("text/rtf"): // it would come out as its own attachment
	case text && holdsFile(start):
		return nil
	case text:
		return errors.New("no mail: it has no header field of mail, such as From or Content-Type")
	case found.Is("application/vnd.ms-outlook"), found.Is("application/x-ole-storage"):
		return errors.New("no mail that attachd reads: it looks like Outlook's own format (.msg); save it as .eml")
	}
	if name == "" {
		return fmt.Errorf("no mail: it looks like %s", kind)
	}
	return fmt.Errorf("no mail: it looks like %s (%s)", name, kind)
}

// holdsFile reports whether the beginning of a text has an attachment, such as a uuencoded file,
// which needs no header.
func holdsFile(start []byte) bool {
	found := false
	_, err := extractor.Extract(bytes.NewReader(start), extractor.Options{}, func(*extractor.Attachment) (io.WriteCloser, error) {
		found = true
		return nil, nil
	})
	return found || err != nil // which reading it will report
}
