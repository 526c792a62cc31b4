package wiring

import (
	"time"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
)

func limits(c *config.Config) extractor.Limits {
	l := c.Limits
	return extractor.Limits{
		HeaderBytes: int64(l.Header), HeaderFields: l.HeaderFields, Depth: l.Depth, Parts: l.Parts,
		Attachments: l.Attachments, Bytes: int64(l.TotalSize), Containers: l.Containers, Expansion: l.Expansion,
	}
}

// extractOptions turns the settings of an account's files into the extractor's options.
func extractOptions(f config.Files, l extractor.Limits) extractor.Options {
	o := extractor.Options{
		Limits: l, RTF: f.RTFBody, NestedMessages: f.NestedMessages, Detect: f.Sidecar,
		DropNoise: f.Noise == config.NoiseDrop, AddExtension: f.Extension == config.ExtensionAdd,
	}
	switch f.InlineImages {
	case config.InlineAll:
		o.Inline = extractor.InlineAll
	case config.InlineNone:
		o.Inline = extractor.InlineNone
	}
	if f.Filter != "" {
		rules := f.Filter.Rules()
		o.Filter = &extractor.Filter{Include: filterRules(rules.Include), Exclude: filterRules(rules.Exclude)}
	}
	return o
}

func filterRules(rules []config.Rule) []extractor.Rule {
	all := make([]extractor.Rule, len(rules))
	for i, r := range rules {
		all[i] = extractor.Rule{
			Names: r.Name, Types: r.Type, Senders: r.From, Recipients: r.To, Subjects: r.Subject,
			MinSize: int64(r.MinSize), MaxSize: int64(r.MaxSize), Inline: r.Inline,
		}
	}
	return all
}

// Rules say how the messages of one account become files. With the zero value every attachment is
// kept under the name that it came with.
type Rules struct {
	Account string
	After   config.After
	Files   config.Files
	Extract extractor.Options
}

// NewRules returns the rules of an account.
func NewRules(c *config.Config, a config.Account) Rules {
	return Rules{a.Name, a.After, a.Files, extractOptions(a.Files, limits(c))}
}

// Plan says how the message of a UIDL becomes files; "" for one that was not fetched.
func (r *Rules) Plan(uidl string) sink.Plan {
	p := sink.Plan{Extract: r.Extract}
	if p.Raw = rawPolicy(r.Files.Raw, r.After); p.Raw == sink.RawQuarantine {
		p.Quarantine = quarantinePlan(r.Account, uidl)
	}
	if r.Files.Path != "" {
		p.Path = func(m *extractor.Message, at *extractor.Attachment) string {
			path, err := r.Files.Path.Execute(pathData(r.Account, uidl, m, at))
			if err != nil { // the template is valid, and can fail for an odd message only
				return at.Name
			}
			return path
		}
	}
	if r.Files.Sidecar {
		p.Sidecar = func(m *extractor.Message, s *sink.Staged) ([]byte, error) { return sidecar(r.Account, uidl, m, s) }
	}
	return p
}

func rawPolicy(raw config.Raw, after config.After) sink.RawPolicy {
	switch {
	case raw == config.RawProblems:
		return sink.RawProblems
	case raw == config.RawAlways:
		return sink.RawAlways
	case after == config.AfterDelete:
		return sink.RawQuarantine
	}
	return sink.RawNever
}

// copies says to the fetcher when a message itself is written.
func copies(raw config.Raw, after config.After) delivery.Copies {
	switch rawPolicy(raw, after) {
	case sink.RawNever:
		return delivery.NoCopies
	case sink.RawAlways:
		return delivery.CopiesAlways
	default:
		return delivery.CopiesInDoubt
	}
}

func pathData(account, uidl string, m *extractor.Message, a *extractor.Attachment) config.PathData {
	base, ext := extractor.SplitExt(a.Name)
	date := m.Date
	if date.IsZero() {
		date = time.Now()
	}
	return config.PathData{
		Account: account, UIDL: uidl, Name: a.Name, Base: base, Ext: ext, Type: a.MediaType, Date: date,
		From: pathAddress(m.Senders), To: pathAddress(m.Recipients), Subject: m.Subject, MessageID: m.MessageID,
	}
}

func pathAddress(list []extractor.Address) config.PathAddress {
	if len(list) == 0 {
		return config.PathAddress{}
	}
	a := list[0]
	return config.PathAddress{Name: a.Name, Address: a.Address, Local: a.Local(), Domain: a.Domain()}
}
