package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/poll"
)

// DryRun says on out what polling every enabled account once would do, account by account, and does
// none of it: no file is written, nothing is recorded and nothing is deleted. To see what is in new
// messages it retrieves them, and then drops the line, so that no server takes them for consumed.
//
// An account that fails is reported, with an [*fetcher.AccountError], and does not stop the others.
// The error of DryRun itself concerns the state.
func DryRun(ctx context.Context, out io.Writer, c *config.Config, log zerolog.Logger, report func(error)) error {
	led, err := wiring.InspectState(ctx, c)
	if err != nil {
		return err
	}
	var known poll.Ledger // nil without a state
	if led != nil {
		defer led.Close()
		known = led
	}
	enabled := c.Enabled()
	for i, polled := range wiring.Accounts(c, nil) {
		a := *enabled[i]
		p := &preview{ctx: ctx, out: out, ledger: led, account: a, rules: wiring.NewRules(c, a)}
		err := wiring.CheckFolder(ctx, led, a)
		if err == nil {
			err = poll.DryRun(ctx, polled.Account, known, wiring.ReadEnvelope, p, log)
		}
		if err == nil {
			err = p.sum()
		}
		if err != nil {
			report(&fetcher.AccountError{Account: a.Name, Err: err})
		}
	}
	return nil
}

// preview prints what would become of the messages of one account. It implements poll.Preview.
type preview struct {
	ctx     context.Context
	out     io.Writer
	ledger  *sqlite.Ledger // nil: none was made yet
	account config.Account
	rules   wiring.Rules

	// Counts of messages, except files and leftOut, which count attachments.
	fetched, files, leftOut, left, quarantined, deleted int
	again                                               int                     // with the header of one that was delivered
	compared                                            int                     // may have been delivered before
	seen                                                map[ledger.Content]bool // of this run
	err                                                 error                   // of printing
}

func (p *preview) print(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

// Found implements poll.Preview.
func (p *preview) Found(o poll.Outlook) {
	parts := []string{console.Count(o.Messages, "message") + " on the server", fmt.Sprintf("%d new", o.New)}
	for _, part := range []struct {
		n    int
		text string
	}{
		{o.Due, "%d delivered before and to be deleted"},
		{o.Staying, "%d delivered before without a file, which stay"},
		{o.Unread - o.NoRoom, "%d delivered before that could not be read right and are kept nowhere else, which stay"},
		{o.NoRoom, "%d delivered before that could not be read right, which stay until the quarantine has room for them"},
		{o.BeforeStart, "%d there before the start, which are not fetched"},
		{o.Pending, "%d failed before and not due yet"},
		{o.Suspects, "%d listed again although they were deleted, to be compared first"},
		{o.Unfinished, "%d of an interrupted delivery to be completed"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf(part.text, part.n))
		}
	}
	p.print("account %s: %s\n", p.account.Name, strings.Join(parts, ", "))
	if o.Unfetchable != "" {
		p.print("  %s\n", console.Cell(o.Unfetchable))
	}
	p.compared = max(o.Nameless, o.Moved)
}

// Delete implements poll.Preview.
func (p *preview) Delete(m poll.Foreseen) {
	p.deleted++
	p.print("delete %s: from %q, subject %q\n", p.name(m), m.From, m.Subject)
}

// Leave implements poll.Preview.
func (p *preview) Leave(m poll.Foreseen, why string) {
	p.left++
	p.print("leave %s: %s\n", p.name(m), console.Cell(why))
}

func (p *preview) name(m poll.Foreseen) string {
	if m.Octets < 0 {
		return m.UIDL
	}
	return fmt.Sprintf("%s (%s)", m.UIDL, console.Bytes(m.Octets))
}

// Fetch implements poll.Preview.
func (p *preview) Fetch(m poll.Foreseen, body io.Reader) error {
	if body == nil {
		p.fetched++
		p.files++
		p.print("fetch %s: kept as it is, larger than max_message_size\n", p.name(m))
		p.sayFate(1)
		return p.err
	}
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	sums := make(map[*extractor.Attachment]digest.Hashes)
	message, all, err := look(body, p.rules.Extract, func(a *extractor.Attachment) io.WriteCloser {
		sums[a] = digest.NewHashes(kinds...)
		return nowhere{sums[a]}
	})
	if fault, ok := errors.AsType[extractor.MessageError](err); ok {
		p.quarantined++
		p.print("fetch %s: to quarantine, and left on the server: %v\n", p.name(m), fault)
		return p.err
	}
	if err != nil {
		return err
	}
	p.fetched++
	delivered := 0 // now or before
	for _, a := range all {
		duplicate, err := p.leaveOutDuplicate(a, sums[a])
		switch {
		case err != nil:
			return err
		case a.LeftOut == "":
			p.files++
			delivered++
		case duplicate:
			delivered++
			p.leftOut++
		default:
			p.leftOut++
		}
	}
	text, err := describe(p.rules, "fetch "+p.name(m), message, all)
	if err != nil {
		return err
	}
	p.print("%s", text)
	if slices.ContainsFunc(all, func(a *extractor.Attachment) bool { return a.Fragment != nil && a.LeftOut == "" }) {
		p.quarantined++
		p.print("  a piece of a message: it is kept, and left on the server, until all of them have come\n")
		return p.err
	}
	p.sayFate(delivered + p.sayRaw(message, all))
	return p.err
}

// SeenBefore implements poll.Preview.
func (p *preview) SeenBefore(poll.Foreseen) {
	p.again++
	p.print("  has the header of a message that was delivered before: compared with that first\n")
}

// kinds returns the kinds of digests that duplicates are told by, none if they are not skipped.
func (p *preview) kinds() ([]digest.Kind, error) {
	switch {
	case p.account.Duplicates != config.DuplicatesSkip:
		return nil, nil
	case p.ledger == nil:
		return []digest.Kind{digest.Own}, nil
	}
	files, _, err := p.ledger.Kinds(p.ctx, p.account.Name)
	return append(files, digest.Own), err
}

// leaveOutDuplicate marks an attachment as left out if the account has received its bytes before
// and skips duplicates.
func (p *preview) leaveOutDuplicate(a *extractor.Attachment, sums digest.Hashes) (duplicate bool, err error) {
	if a.LeftOut != "" || len(sums) == 0 {
		return false, nil
	}
	if p.seen == nil {
		p.seen = make(map[ledger.Content]bool)
	}
	var contents []ledger.Content
	all := sums.Digests()
	for of := range all.All() {
		is := ledger.Content{Digest: of, Size: a.Size}
		duplicate = duplicate || p.seen[is]
		p.seen[is] = true
		contents = append(contents, is)
	}
	if !duplicate && p.ledger != nil {
		received, err := p.ledger.Received(p.ctx, p.account.Name, contents)
		if err != nil {
			return false, err
		}
		duplicate = len(received) > 0
	}
	if duplicate {
		a.LeftOut = "received before, and duplicates: skip"
	}
	return duplicate, nil
}

// sayRaw says where the message itself would be kept, and returns 1 if that is a file for
// consumers.
func (p *preview) sayRaw(m *extractor.Message, all []*extractor.Attachment) (files int) {
	problems := slices.Clone(m.Problems)
	for _, a := range all {
		if a.LeftOut == "" {
			problems = append(problems, a.Problems...)
		}
	}
	repaired := slices.ContainsFunc(problems, func(p extractor.Problem) bool { return !p.Kind.Cosmetic() })
	switch {
	case p.account.Files.Raw == config.RawAlways, p.account.Files.Raw == config.RawProblems && repaired:
		p.print("  the message itself is kept, too (raw: %s)\n", p.account.Files.Raw)
		p.files++
		return 1
	case slices.ContainsFunc(problems, wiring.IsDoubtful) && p.account.After == config.AfterDelete:
		p.quarantined++
		p.print("  the message itself goes to quarantine, as something of it can't be read right\n")
	}
	return 0
}

// sayFate says what becomes of the message on the server, given how many files of it are delivered.
func (p *preview) sayFate(files int) {
	switch {
	case p.account.After != config.AfterDelete:
	case files == 0 && p.account.Policy.Delete != config.DeleteAll:
		p.print("  stays on the server: no file of it is delivered (delete: with_files)\n")
	case p.account.DeleteAfter > 0:
		p.print("  deleted on the server %s later\n", p.account.DeleteAfter)
	default:
		p.deleted++
		p.print("  then deleted on the server\n")
	}
}

// sum says what the messages of the account come to.
func (p *preview) sum() error {
	p.compared = max(p.compared, p.again)
	most := func(n int, noun string) string {
		if p.compared > 0 && n > 0 {
			return "up to " + console.Count(n, noun)
		}
		return console.Count(n, noun)
	}
	text := fmt.Sprintf("would fetch %s with %s, and delete %s", console.Count(p.fetched, "message"), most(p.files, "file"), most(p.deleted, "message"))
	if p.leftOut > 0 {
		text += fmt.Sprintf("; %s left out", console.Count(p.leftOut, "attachment"))
	}
	if p.left > 0 {
		text += fmt.Sprintf("; %s left on the server", console.Count(p.left, "message"))
	}
	if p.quarantined > 0 {
		text += fmt.Sprintf("; %s to quarantine", console.Count(p.quarantined, "message"))
	}
	p.print("account %s: %s. Nothing was done.\n", p.account.Name, text)
	if p.compared > 0 {
		p.print("  %s may have been delivered before: compared when they are fetched, and neither delivered again nor, if put back, deleted\n", console.Count(p.compared, "message"))
	}
	return p.err
}
