package preview

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/foreign"
)

// Message takes a message apart, keeps nothing, and says for a person what would become of its
// attachments by the rules. The name is what the message is called. The error is an
// [extractor.MessageError] for a message that would go to quarantine.
func Message(r io.Reader, rules wiring.Rules, name string) (string, error) {
	m, all, err := look(r, rules.Extract, func(*extractor.Attachment) io.WriteCloser { return nowhere{io.Discard} })
	if _, ok := errors.AsType[extractor.MessageError](err); ok {
		return "", fmt.Errorf("%s: %w: it would be quarantined", foreign.Text(name), err)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", foreign.Text(name), err)
	}
	return describe(rules, name, m, all)
}

// look takes a message apart and returns all its attachments, also those that the rules leave out.
// Their bytes go to what to returns for each.
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
func describe(rules wiring.Rules, name string, m *extractor.Message, all []*extractor.Attachment) (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: from %q, %ssubject %q: %s\n", foreign.Text(name), m.From, recipients(m), m.Subject, console.Count(m.Attachments, "attachment"))
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	p := rules.Plan("")
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

// shownRecipients is how many addresses are shown of those that a message was for.
const shownRecipients = 5

// recipients says whom a message was for, if a rule asks that.
func recipients(m *extractor.Message) string {
	if len(m.Addressed) == 0 {
		return ""
	}
	s := fmt.Sprintf("for %q", strings.Join(m.Addressed[:min(len(m.Addressed), shownRecipients)], ", "))
	if more := len(m.Addressed) - shownRecipients; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s + ", "
}

// nowhere keeps nothing of an attachment.
type nowhere struct{ io.Writer }

func (nowhere) Close() error { return nil }
