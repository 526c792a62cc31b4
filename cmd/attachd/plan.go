package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/foreign"
)

func limits(c *config.Config) extractor.Limits {
	l := c.Limits
	return extractor.Limits{
		HeaderBytes: int64(l.Header), HeaderFields: l.HeaderFields, Depth: l.Depth, Parts: l.Parts,
		Attachments: l.Attachments, Bytes: int64(l.TotalSize), Containers: l.Containers, Expansion: l.Expansion,
	}
}

// extractOptions turns what an account says of its files into the extractor's options.
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
			Names: r.Name, Types: r.Type, Senders: r.From, Subjects: r.Subject,
			MinSize: int64(r.MinSize), MaxSize: int64(r.MaxSize), Inline: r.Inline,
		}
	}
	return all
}

// plan says how one message of an account becomes files.
func plan(a config.Account, extract extractor.Options, uidl string) sink.Plan {
	p := sink.Plan{Extract: extract}
	switch a.Files.Raw {
	case config.RawProblems:
		p.Raw = sink.RawProblems
	case config.RawAlways:
		p.Raw = sink.RawAlways
	default:
		if a.After == config.AfterDelete {
			p.Raw, p.Quarantine = sink.RawQuarantine, quarantinePlan(a.Name, uidl)
		}
	}
	if a.Files.Path != "" {
		p.Path = func(m *extractor.Message, at *extractor.Attachment) string {
			path, err := a.Files.Path.Execute(pathData(a.Name, uidl, m, at))
			if err != nil { // of a template that was checked: this message is out of the ordinary
				return at.Name
			}
			return path
		}
	}
	if a.Files.Sidecar {
		p.Sidecar = func(m *extractor.Message, s *sink.Staged) ([]byte, error) { return sidecar(a.Name, uidl, m, s) }
	}
	return p
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

// maxSidecarText is as much of a header's text as a person reads, in bytes.
const maxSidecarText = 1 << 10

// sidecar is what stands beside an attachment: a contract that other tools rely on,
// so that fields are added and never changed.
func sidecar(account, uidl string, m *extractor.Message, s *sink.Staged) ([]byte, error) {
	a := &s.Attachment
	problems := append(append([]extractor.Problem{}, a.Problems...), m.Problems...)
	// Repeated beside each of a thousand attachments, a Subject of 64 KB is more than all of these.
	clipped := func(field, text string) string {
		short := extractor.Clip(text, maxSidecarText)
		if short != text {
			problems = append(problems, extractor.Problem{Kind: extractor.ProblemClipped, Detail: field})
		}
		return short
	}
	from, to, subject := clipped("from", m.From), clipped("to", m.To), clipped("subject", m.Subject)
	date := ""
	if !m.Date.IsZero() {
		date = m.Date.Format(time.RFC3339)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(struct {
		Account      string              `json:"account"`
		UIDL         string              `json:"uidl"`
		MessageID    string              `json:"message_id"`
		From         string              `json:"from"`
		To           string              `json:"to"`
		Subject      string              `json:"subject"`
		Date         string              `json:"date"`
		Path         string              `json:"path"`
		Name         string              `json:"name"`
		OriginalName string              `json:"original_name"`
		Part         string              `json:"part"`
		Container    string              `json:"container,omitempty"`
		MediaType    string              `json:"media_type"`
		DetectedType string              `json:"detected_type"`
		Disposition  string              `json:"disposition"`
		ContentID    string              `json:"content_id,omitempty"`
		Size         int64               `json:"size"`
		SHA256       string              `json:"sha256"`
		Problems     []extractor.Problem `json:"problems"`
	}{
		account, uidl, m.MessageID, from, to, subject, date, s.Path, a.Name, a.OriginalName, a.Part, a.Container,
		a.MediaType, a.DetectedType, a.Disposition, a.ContentID, s.Size, hex.EncodeToString(s.SHA256[:]), problems,
	})
	return foreign.JSON(b.Bytes()), err
}
