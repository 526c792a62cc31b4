package config

import (
	"net/url"
	"time"

	"gopkg.in/yaml.v3"
)

// Notify says when somebody is told of trouble, and how. Without To nobody is.
type Notify struct {
	After             time.Duration // an account fails this long before it is told of
	Remind            time.Duration // what lasts is told of again after this time; 0 for never
	DiskBelow         Size          // less free space than this is trouble; 0 for never
	CertificateBefore time.Duration // a certificate that ends within this time is trouble; 0 for never
	To                []Target

	// Files is the fingerprint of the files that the targets refer to, such as passwords.
	Files Fingerprint
}

// Defaults of notify.
const (
	DefaultNotifyAfter            = 30 * time.Minute
	DefaultRemind                 = 24 * time.Hour
	DefaultDiskBelow         Size = 1 << 30
	DefaultCertificateBefore      = 14 * 24 * time.Hour
)

// minRemind is the least time between two notices of the same, and the least before a certificate's
// end, as certificates are looked at once a poll.
const minRemind = time.Hour

// rawNotify is the notify section.
type rawNotify struct {
	After             value[time.Duration] `yaml:"after"`
	Remind            value[time.Duration] `yaml:"remind"`
	DiskBelow         value[Size]          `yaml:"disk_below"`
	CertificateBefore value[time.Duration] `yaml:"certificate_before"`
	To                rawTargets           `yaml:"to"`
}

func (r *rawNotify) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

// notify checks the notify section.
func (l *loader) notify(r *rawNotify) Notify {
	if r.Remind.ok() && r.Remind.v > 0 {
		l.atLeast(&r.Remind, minRemind)
	}
	if r.CertificateBefore.ok() && r.CertificateBefore.v > 0 {
		l.atLeast(&r.CertificateBefore, minRemind)
	}
	n := Notify{
		After:             r.After.or(DefaultNotifyAfter),
		Remind:            r.Remind.or(DefaultRemind),
		DiskBelow:         r.DiskBelow.or(DefaultDiskBelow),
		CertificateBefore: r.CertificateBefore.or(DefaultCertificateBefore),
	}
	files := []string{} // not nil, which is all files
	for i := range r.To.list {
		t, ok := l.target(&r.To.list[i])
		if !ok {
			continue
		}
		n.To = append(n.To, t)
		for _, ref := range t.secrets() {
			if path, ok := ref.path(); ok {
				files = append(files, path)
			}
		}
		if t.Mail != nil && t.Mail.CAFile != "" {
			files = append(files, t.Mail.CAFile)
		}
	}
	n.Files = l.in.fingerprint(files...)
	return n
}

// ping checks where it is said that polls go well. A URL in a file that is not there yet is a
// warning.
func (l *loader) ping(o *origin, r *rawSecret) SecretRef {
	ref := l.secret(o, r, ofPing)
	l.url(r, ref)
	return ref
}

// url checks a URL that is a secret, as its path or query is the key.
func (l *loader) url(r *rawSecret, ref SecretRef) {
	text, ok := ref.known()
	if !ok {
		return
	}
	at := r.given()[0]
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		if ref.source == fromConfig {
			l.problem(at, "must be a URL such as https://example.org/…")
		} else {
			l.warn(WarnUnreadable, at, "what it holds is no URL such as https://example.org/…")
		}
	case u.Fragment != "":
		l.problem(at, "must be a URL without a #")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		l.warn(WarnPlaintext, at, "the URL, which is a key, goes over the net in the clear: write https:// if the server has it")
	}
}

// rawTargets is the list notify.to.
type rawTargets struct{ list []rawTarget }

func (r *rawTargets) decode(d *decoder, n *yaml.Node, at position) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.problem(at, "must be a list, each entry beginning with a dash and one of mail, ntfy, webhook or shoutrrr")
		return
	}
	r.list = make([]rawTarget, len(n.Content))
	for i, item := range n.Content {
		item = resolve(item)
		place := d.place(item)
		place.path = at.item(i).path
		r.list[i].at = place
		if item.Kind != yaml.MappingNode {
			d.problem(place, notMapping)
			r.list[i].bad = true
			continue
		}
		d.mapping(item, place, &r.list[i])
	}
}
