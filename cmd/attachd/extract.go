package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/mailfile"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/foreign"
)

func extractCommand() *cobra.Command {
	var dir, configFile, account string
	var asJSON, explain bool
	cmd := &cobra.Command{
		Use:   "extract [FILE|FOLDER|-]...",
		Short: "Write the attachments of message files, Maildirs and mbox files",
		Long: `extract reads messages from files, Maildirs, mbox files or folders of these, or
one message from standard input (-, or nothing at all), and writes their
attachments. Files that are there are never overwritten: the next one of a name
becomes name-2. At the end it says on standard error what that came to. A file that
is named and is no mail, such as a PDF, is an error; in a folder it is passed over.

With --json it prints one line per attachment:
{"source","path","name","original_name","media_type","disposition","size","sha256","problems"}

With --config and --account the messages are treated as those of that account:
its filters, path, sidecars and raw mail hold, below the -o folder. --explain
writes nothing and says of each attachment what would become of it, and why.

Exit code 0: all was read; 1: something could not be.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				if console.IsTerminal(cmd.InOrStdin()) {
					return &exitError{exitUsage, errors.New("extract: nothing to read: name files or folders, or pipe a message in")}
				}
				args = []string{"-"}
			}
			x := &extraction{stdin: cmd.InOrStdin(), out: cmd.OutOrStdout(), errors: cmd.ErrOrStderr(), json: asJSON}
			if err := x.configure(configFile, account); err != nil {
				return err
			}
			if explain {
				return failure(x.explain(cmd.Context(), args))
			}
			return failure(x.run(cmd.Context(), dir, args))
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", ".", "the `FOLDER` to write to, made if missing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per attachment")
	cmd.Flags().StringVarP(&configFile, "config", "c", "", "treat the messages as a configuration `FILE` says")
	cmd.Flags().StringVar(&account, "account", "", "of this `ACCOUNT` in it")
	cmd.Flags().BoolVar(&explain, "explain", false, "write nothing, say what would become of each attachment")
	cmd.MarkFlagsMutuallyExclusive("explain", "json")
	cmd.MarkFlagsMutuallyExclusive("explain", "output")
	return cmd
}

// extraction is one run of the command.
type extraction struct {
	stdin       io.Reader
	out, errors io.Writer
	json        bool

	rules wiring.Rules // of the account; the zero value without --account

	dir      *sink.Directory
	progress *console.Progress
	pending  []extracted // staged, not yet in place
	ignored  int
	failed   int
	total    total
}

type extracted struct {
	source string
	file   *sink.Staged
}

// extractGroup is how many attachments are made durable together.
const extractGroup = 256

func (x *extraction) run(ctx context.Context, dir string, args []string) (err error) {
	x.dir, err = sink.Open(dir, sink.Options{Staging: fmt.Sprintf(".attachd-extract-%d", os.Getpid())})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.dir.Close()) }()
	x.progress = console.NewProgress(x.errors)
	if console.IsTerminal(x.errors) && console.IsTerminal(x.out) {
		x.out = x.progress
	}
	defer x.progress.Done()

	if console.IsTerminal(x.errors) { // only a bar on a terminal is worth looking twice
		for _, arg := range args {
			x.progress.Expect(0, mailfile.Octets(arg))
		}
	}
	err = x.each(ctx, args, dir, x.message)
	// What was staged before an error or a signal is whole: it is delivered.
	if err := errors.Join(err, x.publish(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	x.say(dir)
	return x.outcome()
}

// each hands on every message that the arguments name, but for those in the folder
// that is written to. What can't be read is reported and passed over.
func (x *extraction) each(ctx context.Context, args []string, dir string, message func(ctx context.Context, source string, size int64, r io.Reader) error) error {
	for _, arg := range args {
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

// outcome says at the end what was passed over.
func (x *extraction) outcome() error {
	if x.ignored > 0 {
		fmt.Fprintf(x.progress, "attachd: %s left out: no mail by the look of the first line\n", console.Count(x.ignored, "file"))
	}
	if x.failed > 0 {
		return fmt.Errorf("%d of the messages and files could not be read", x.failed)
	}
	return nil
}

// message stages the attachments of one message. One that can't be taken apart
// is reported and does not stop the rest.
func (x *extraction) message(ctx context.Context, source string, size int64, r io.Reader) error {
	counted := &countingReader{r: r}
	m, files, err := x.dir.Stage(ctx, counted, x.rules.Plan(""))
	if wiring.IsUnprocessable(err) {
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
		x.pending = append(x.pending, extracted{source, f})
	}
	if len(x.pending) >= extractGroup {
		return x.publish(ctx)
	}
	return nil
}

// publish makes what is staged durable, gives it its names and prints it.
func (x *extraction) publish(ctx context.Context) error {
	defer x.discard() // what an error leaves
	files := make([]*sink.Staged, len(x.pending))
	for i, e := range x.pending {
		files[i] = e.file
	}
	if err := x.dir.Sync(ctx, files); err != nil {
		return err
	}
	var published []extracted
	for len(x.pending) > 0 {
		if err := x.dir.Publish(x.pending[0].file); err != nil {
			return err
		}
		published = append(published, x.pending[0])
		x.pending = x.pending[1:]
	}
	if err := x.dir.SyncFolders(); err != nil {
		return err
	}
	for _, e := range published {
		if e.file.Kind == sink.Sidecar {
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

// discard removes what is staged and will not be published.
func (x *extraction) discard() {
	if len(x.pending) == 0 {
		return
	}
	var files []*sink.Staged
	for _, e := range x.pending {
		files = append(files, e.file)
	}
	x.pending = nil
	if err := x.dir.Discard(files); err != nil {
		x.report(err)
	}
}

func (x *extraction) report(err error) {
	x.failed++
	fmt.Fprintf(x.progress, "attachd: %s\n", foreign.Error(err))
}

// line is what --json prints of one attachment: a contract that other tools
// rely on.
type line struct {
	Source       string              `json:"source"`
	Path         string              `json:"path"`
	Name         string              `json:"name"`
	OriginalName string              `json:"original_name"`
	MediaType    string              `json:"media_type"`
	Disposition  string              `json:"disposition"`
	Size         int64               `json:"size"`
	SHA256       string              `json:"sha256"`
	Problems     []extractor.Problem `json:"problems"`
}

func (x *extraction) print(e extracted) error {
	f := e.file
	if !x.json {
		_, err := fmt.Fprintf(x.out, "%s\t%s\t%s\tfrom %s\n", foreign.Text(f.Path), foreign.Text(f.Attachment.MediaType), console.Bytes(f.Size), foreign.Text(e.source))
		return err
	}
	problems := f.Attachment.Problems
	if problems == nil {
		problems = []extractor.Problem{}
	}
	return json.NewEncoder(foreign.JSONWriter{W: x.out}).Encode(line{
		e.source, f.Path, f.Attachment.Name, f.Attachment.OriginalName, f.Attachment.MediaType, f.Attachment.Disposition,
		f.Size, hex.EncodeToString(f.SHA256[:]), problems,
	})
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
