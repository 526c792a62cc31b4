package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/foreign"
)

// configure takes the settings of an account.
func (x *extraction) configure(file, account string) error {
	if file == "" && account == "" {
		return nil
	}
	if file == "" {
		return &exitError{exitUsage, errors.New("extract: --account needs --config, the file that the account is in")}
	}
	c, _, err := load(file, x.errors)
	if err != nil {
		return err
	}
	var names []string
	for _, a := range c.Accounts {
		if a.Name == account || account == "" && len(c.Accounts) == 1 {
			x.rules = wiring.NewRules(c, a)
			x.rules.Account.After = config.AfterKeep // the messages at hand stay where they are
			return nil
		}
		names = append(names, a.Name)
	}
	if account == "" {
		return &exitError{exitUsage, fmt.Errorf("extract: --config needs --account, one of %s", strings.Join(names, ", "))}
	}
	return &exitError{exitUsage, fmt.Errorf("extract: %s has no account %q, only %s", file, account, strings.Join(names, ", "))}
}

// explain says what would become of the attachments of the messages, and why.
func (x *extraction) explain(ctx context.Context, args []string) error {
	x.progress = console.NewProgress(x.errors)
	defer x.progress.Done()
	if x.rules.Extract.Filter != nil {
		x.rules.Extract.Detect = true
	}
	if err := x.each(ctx, args, "", x.explainMessage); err != nil {
		return err
	}
	return x.outcome()
}

func (x *extraction) explainMessage(_ context.Context, source string, _ int64, r io.Reader) error {
	m, all, err := look(r, x.rules.Extract, func(*extractor.Attachment) io.WriteCloser { return nowhere{io.Discard} })
	if _, ok := errors.AsType[*extractor.LimitError](err); ok {
		x.report(fmt.Errorf("%s: %w: it would be quarantined", foreign.Text(source), err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", foreign.Text(source), err)
	}
	text, err := x.describe(source, m, all)
	if err != nil {
		return err
	}
	_, err = io.WriteString(x.out, text)
	return err
}

// look takes a message apart and keeps nothing: what it is, and all attachments, left out or not.
func look(r io.Reader, o extractor.Options, to func(*extractor.Attachment) io.WriteCloser) (m *extractor.Message, all []*extractor.Attachment, err error) {
	m, err = extractor.Extract(r, o, func(a *extractor.Attachment) (io.WriteCloser, error) {
		all = append(all, a)
		return to(a), nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, a := range m.LeftOut {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return m, all, nil
}

// describe says what would become of the attachments of a message.
func (x *extraction) describe(source string, m *extractor.Message, all []*extractor.Attachment) (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: from %q, subject %q: %s\n", foreign.Text(source), m.From, m.Subject, console.Count(m.Attachments, "attachment"))
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	p := x.rules.Plan("")
	for _, a := range all {
		verdict, detail := "keep", a.Name
		switch {
		case a.LeftOut != "":
			verdict, detail = "leave", a.LeftOut
		case a.Fragment != nil:
			detail = fmt.Sprintf("piece %d of a message, until the others come", a.Fragment.Number)
		case p.Path != nil:
			detail = sink.SafePath(p.Path(m, a))
		}
		mediaType := a.MediaType
		if a.DetectedType != "" && a.DetectedType != mediaType {
			mediaType += " (detected " + a.DetectedType + ")"
		}
		size := console.Bytes(a.Size)
		if a.Size == 0 && a.LeftOut != "" {
			size = "-"
		}
		fmt.Fprintf(table, "  %s\tpart %s\t%s\t%s\t%s\t%s\n", verdict, a.Part, console.Cell(a.Name), foreign.Text(mediaType), size, console.Cell(detail))
		if a.Noise != "" && a.LeftOut == "" {
			fmt.Fprintf(table, "  \t\tnoise: drop would leave out %s\t\t\t\n", a.Noise)
		}
		for _, problem := range a.Problems {
			fmt.Fprintf(table, "  \t\t%s\t\t\t\n", problem.Kind)
		}
	}
	if err := table.Flush(); err != nil {
		return "", err
	}
	for _, problem := range m.Problems {
		fmt.Fprintf(&out, "  repaired: %s\n", foreign.Text(problem.String()))
	}
	return out.String(), nil
}

// nowhere is where an attachment goes that is only looked at.
type nowhere struct{ io.Writer }

func (nowhere) Close() error { return nil }
