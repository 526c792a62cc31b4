package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/mailfile"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/foreign"
)

// Extraction is one run over message files. Fill in the exported fields and call Run or Explain,
// once.
type Extraction struct {
	// In is read for the source "-", to its end, as one message.
	In io.Reader
	// Out takes what is written or explained, and Errors what went wrong and, at the end, the sum.
	// Where Errors is a terminal, the progress is shown there.
	Out, Errors io.Writer
	// JSON has one object per attachment written to Out, instead of a line for a person.
	JSON bool
	// Rules are those of an account. With the zero value every attachment is kept.
	Rules wiring.Rules

	hook     sink.Hook // for tests
	dir      *sink.Directory
	progress *console.Progress
	pending  []extracted // staged, not yet in place
	ignored  int
	failed   int
	total    total
}

type extracted struct {
	source  string
	message *extractor.Message
	file    *sink.Staged
}

// groupSize is how many attachments are made durable together.
const groupSize = 256

// Run writes the attachments of the messages that the sources name to the folder dir, which is made
// if it is missing. A file that is there is never overwritten. Attachments that were staged before
// an error or the end of ctx are whole, and are delivered.
//
// Sources are message files, Maildirs, mbox files, folders of these, and "-". One that can't be
// read is reported and passed over, and so is a message that the disk has no room for, as a smaller
// one may find some; Run fails at the end if there was any. Any other error ends it, and says what
// was not read.
func (x *Extraction) Run(ctx context.Context, dir string, sources []string) (err error) {
	x.dir, err = sink.Open(dir, sink.Options{Staging: fmt.Sprintf(".attachd-extract-%d", os.Getpid()), Hook: x.hook})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.dir.Close()) }()
	x.progress = console.NewProgress(x.Errors)
	if console.IsTerminal(x.Errors) && console.IsTerminal(x.Out) {
		x.Out = x.progress
	}
	defer x.progress.Done()

	if console.IsTerminal(x.Errors) { // only a bar on a terminal is worth looking twice
		for _, arg := range sources {
			x.progress.Expect(0, mailfile.Octets(arg))
		}
	}
	err = x.each(ctx, sources, dir, x.message)
	err = errors.Join(err, x.publish(ctx))
	x.say(dir)
	return errors.Join(err, x.outcome())
}

// message stages the attachments of one message. A message that can't be taken apart is reported
// and does not stop the rest.
func (x *Extraction) message(ctx context.Context, source string, size int64, r io.Reader) error {
	counted := &countingReader{r: r}
	plan := x.Rules.Plan("")
	plan.SHA256 = x.JSON
	m, files, err := x.dir.Stage(ctx, counted, plan)
	if wiring.IsUnprocessable(err) || noRoom(err) {
		x.report(fmt.Errorf("%s: %w", foreign.Text(source), err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", foreign.Text(source), err)
	}
	x.progress.Message(max(size, counted.n), len(files))
	x.total.messages++
	x.total.leftOut += len(m.LeftOut)
	for _, f := range files {
		x.pending = append(x.pending, extracted{source, m, f})
	}
	x.sayProblems(source, m, files)
	if len(x.pending) >= groupSize {
		return x.publish(ctx)
	}
	return nil
}

// publish makes what is staged durable, gives it its names and prints it.
func (x *Extraction) publish(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // what is staged is whole: it is delivered also when a signal comes
	group := x.pending
	x.pending = nil
	var err error
	for _, step := range []func(context.Context, []*sink.Staged) error{x.dir.Sync, x.dir.Publish} {
		if group, err = x.inGroup(ctx, group, step); err != nil {
			return err
		}
	}
	for _, e := range group {
		if !printed(e.file) {
			continue
		}
		x.total.files++
		x.total.octets += e.file.Size
		if err := x.print(e); err != nil {
			return fmt.Errorf("print what was written: %w", err)
		}
	}
	return nil
}

// inGroup takes a step with all files at once. If there is no room for all of them, it takes it
// message by message, and reports and discards those that still find none: some file systems notice
// only when a file is made durable, or named. It returns the files that are left. After another
// error it discards what is not in place.
func (x *Extraction) inGroup(ctx context.Context, group []extracted, step func(context.Context, []*sink.Staged) error) (done []extracted, err error) {
	if err = step(ctx, filesOf(group)); err == nil {
		return group, nil
	}
	for rest := group; noRoom(err) && len(rest) > 0; {
		one := firstMessage(rest)
		switch failed := step(ctx, filesOf(one)); {
		case failed == nil:
			done = append(done, one...)
		case noRoom(failed):
			x.report(fmt.Errorf("%s: %w", sourceName(one[0].source), failed))
			x.discard(ctx, one)
		default:
			err = failed
		}
		rest = rest[len(one):]
	}
	if noRoom(err) {
		return done, nil
	}
	x.discard(ctx, group)
	return nil, err
}

// firstMessage returns the files of the first message.
func firstMessage(group []extracted) []extracted {
	n := 1
	for n < len(group) && group[n].message == group[0].message {
		n++
	}
	return group[:n]
}

// noRoom reports whether the disk, a quota or a limit of its files has no room for a file, and may
// have some for another one.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

func filesOf(group []extracted) []*sink.Staged {
	files := make([]*sink.Staged, len(group))
	for i, e := range group {
		files[i] = e.file
	}
	return files
}

// discard removes staging files that will not be published.
func (x *Extraction) discard(ctx context.Context, group []extracted) {
	if err := x.dir.Discard(ctx, filesOf(group)); err != nil {
		x.report(err)
	}
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
