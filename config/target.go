package config

import (
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
	"gopkg.in/yaml.v3"
)

// Target is one receiver of notices. Exactly one of the pointers is set.
type Target struct {
	Mail     *MailTarget
	Ntfy     *NtfyTarget
	Webhook  *WebhookTarget
	Shoutrrr *ShoutrrrTarget

	// Accounts are patterns of the names of accounts whose cases are told. It is empty for all
	// cases, also those that concern no account.
	Accounts []string
	// Place is "file:line" of the target, for messages.
	Place string
}

// MailTarget sends notices by mail.
type MailTarget struct {
	Host     string
	Port     int
	TLS      TLSMode
	CAFile   string // absolute; replaces the system's authorities
	Username string // "" for no login
	Password SecretRef
	From     string // an address as in RFC 5322 section 3.4
	To       []string
}

// NtfyTarget publishes notices on a server of ntfy.
type NtfyTarget struct {
	URL   SecretRef // of the topic; who knows it can read along
	Token SecretRef // zero for none
}

// WebhookTarget posts notices to a URL.
type WebhookTarget struct {
	URL     SecretRef
	Format  WebhookFormat
	Headers []Header // by name
}

// Header is a header field of an HTTP request. Its value may be a key.
type Header struct {
	Name  string
	Value Secret
}

// WebhookFormat is the form of what is posted.
type WebhookFormat string

// The values of format.
const (
	FormatGeneric WebhookFormat = "generic" // JSON of attachd's own
	FormatSlack   WebhookFormat = "slack"   // as Slack, Mattermost and others take it
)

func (w *WebhookFormat) parse(s string) error { return choose(w, s, FormatGeneric, FormatSlack) }

// ShoutrrrTarget sends notices by one of the services of shoutrrr.
type ShoutrrrTarget struct {
	URL SecretRef
}

// String says what the target is without any secret: the host of a URL, not the URL.
func (t Target) String() string {
	switch {
	case t.Mail != nil:
		return "mail to " + strings.Join(t.Mail.To, ", ") + " by " + t.Mail.Host + ":" + strconv.Itoa(t.Mail.Port)
	case t.Ntfy != nil:
		return "ntfy" + hostOf(t.Ntfy.URL)
	case t.Webhook != nil:
		return string(t.Webhook.Format) + " webhook" + hostOf(t.Webhook.URL)
	case t.Shoutrrr != nil:
		return "shoutrrr" + serviceOf(t.Shoutrrr.URL)
	}
	return "no target"
}

// hostOf names the host of a URL that stands in the file.
func hostOf(ref SecretRef) string {
	if u, err := url.Parse(ref.value()); ref.source == fromConfig && err == nil {
		return " at " + u.Hostname()
	}
	return " by " + ref.key()
}

// serviceOf names the service of a shoutrrr URL. Its host may be a key.
func serviceOf(ref SecretRef) string {
	if scheme, _, ok := strings.Cut(ref.value(), "://"); ref.source == fromConfig && ok {
		return " for " + scheme
	}
	return " by " + ref.key()
}

// Concerns reports whether cases of that account are told to t.
func (t Target) Concerns(account string) bool {
	return len(t.Accounts) == 0 || slices.ContainsFunc(t.Accounts, func(p string) bool { return matches(p, account) })
}

// secrets are the secrets that t needs.
func (t Target) secrets() []SecretRef {
	switch {
	case t.Mail != nil:
		return []SecretRef{t.Mail.Password}
	case t.Ntfy != nil:
		return []SecretRef{t.Ntfy.URL, t.Ntfy.Token}
	case t.Webhook != nil:
		return []SecretRef{t.Webhook.URL}
	case t.Shoutrrr != nil:
		return []SecretRef{t.Shoutrrr.URL}
	}
	return nil
}

// matches reports whether name matches a pattern: * is any run of characters, ? is one, and case
// does not count.
func matches(pattern, name string) bool {
	p, n := []rune(strings.ToLower(pattern)), []rune(strings.ToLower(name))
	star, from := -1, 0 // the last * and where what it takes ends
	i := 0
	for j := 0; j < len(n); {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// rawTarget is one entry of notify.to.
type rawTarget struct {
	at  position
	bad bool // it is no mapping; this has been reported

	Mail     rawMailTarget     `yaml:"mail"`
	Ntfy     rawNtfyTarget     `yaml:"ntfy"`
	Webhook  rawWebhookTarget  `yaml:"webhook"`
	Shoutrrr rawShoutrrrTarget `yaml:"shoutrrr"`
	Accounts words             `yaml:"accounts"`
}

// given notes that a section is there.
type given struct {
	at  position
	set bool
	bad bool // it is no mapping; this has been reported
}

// section decodes a section that is one of several, and notes that it is there.
func (g *given) section(d *decoder, n *yaml.Node, at position, target any) {
	*g = given{at: at, set: true, bad: n.Kind != yaml.MappingNode && !isNull(n)}
	d.mapping(n, at, target)
}

type rawMailTarget struct {
	given
	Host     value[string]  `yaml:"host"`
	Port     value[int]     `yaml:"port"`
	TLS      value[TLSMode] `yaml:"tls"`
	CAFile   value[string]  `yaml:"ca_file"`
	Username value[string]  `yaml:"username"`
	Password rawSecret      `yaml:"password"`
	From     value[string]  `yaml:"from"`
	To       words          `yaml:"to"`
}

func (r *rawMailTarget) decode(d *decoder, n *yaml.Node, at position) {
	r.section(d, n, at, r)
}

type rawNtfyTarget struct {
	given
	URL   rawSecret `yaml:"url"`
	Token rawSecret `yaml:"token"`
}

func (r *rawNtfyTarget) decode(d *decoder, n *yaml.Node, at position) {
	r.section(d, n, at, r)
}

type rawWebhookTarget struct {
	given
	URL     rawSecret            `yaml:"url"`
	Format  value[WebhookFormat] `yaml:"format"`
	Headers rawHeaders           `yaml:"headers"`
}

func (r *rawWebhookTarget) decode(d *decoder, n *yaml.Node, at position) {
	r.section(d, n, at, r)
}

type rawShoutrrrTarget struct {
	given
	URL rawSecret `yaml:"url"`
}

func (r *rawShoutrrrTarget) decode(d *decoder, n *yaml.Node, at position) {
	r.section(d, n, at, r)
}

// target checks one receiver. It is not ok if it is unclear what it is.
func (l *loader) target(r *rawTarget) (t Target, ok bool) {
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{{"mail", r.Mail.set}, {"ntfy", r.Ntfy.set}, {"webhook", r.Webhook.set}, {"shoutrrr", r.Shoutrrr.set}} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	switch {
	case r.bad || r.Mail.bad || r.Ntfy.bad || r.Webhook.bad || r.Shoutrrr.bad:
		return t, false
	case len(kinds) == 0:
		l.problem(r.at, "says nobody to tell: give one of mail, ntfy, webhook or shoutrrr")
		return t, false
	case len(kinds) > 1:
		l.problem(r.at, "has %s; give each an entry of its own, with a dash", strings.Join(kinds, " and "))
		return t, false
	}
	t.Accounts = r.Accounts.list
	t.Place = filepath.Base(r.at.file) + ":" + strconv.Itoa(r.at.line)
	switch {
	case r.Mail.set:
		t.Mail = l.mailTarget(&r.Mail)
	case r.Ntfy.set:
		t.Ntfy = &NtfyTarget{URL: l.targetURL(r.Ntfy.at, &r.Ntfy.URL), Token: l.secret(&l.top, &r.Ntfy.Token, ofToken)}
	case r.Webhook.set:
		t.Webhook = &WebhookTarget{URL: l.targetURL(r.Webhook.at, &r.Webhook.URL), Format: r.Webhook.Format.or(FormatGeneric), Headers: l.headers(&r.Webhook.Headers)}
	case r.Shoutrrr.set:
		t.Shoutrrr = &ShoutrrrTarget{URL: l.shoutrrrURL(&r.Shoutrrr)}
	}
	return t, true
}

// targetAccounts warns of patterns that take no account.
func (l *loader) targetAccounts(r *rawTargets) {
	for i := range r.list {
		accounts := &r.list[i].Accounts
		for j, pattern := range accounts.list {
			if !slices.ContainsFunc(l.config.Accounts, func(a Account) bool { return matches(pattern, a.Name) }) {
				l.warn(WarnOddPattern, accounts.places[j], "takes the name of no account: %s", quote(pattern))
			}
		}
	}
}

// targetURL checks the URL that a target cannot do without.
func (l *loader) targetURL(at position, r *rawSecret) SecretRef {
	if len(r.given()) == 0 {
		l.problem(at.key(ofURL), "missing: give one of %s", secretNames(ofURL))
	}
	ref := l.secret(&l.top, r, ofURL)
	l.url(r, ref)
	return ref
}

// shoutrrrURL checks that a URL has a scheme, which is the name of a service. Shoutrrr itself knows
// the rest.
func (l *loader) shoutrrrURL(r *rawShoutrrrTarget) SecretRef {
	if len(r.URL.given()) == 0 {
		l.problem(r.at.key(ofURL), "missing: give one of %s", secretNames(ofURL))
	}
	ref := l.secret(&l.top, &r.URL, ofURL)
	if text, ok := ref.known(); ok {
		if service, _, ok := strings.Cut(text, "://"); !ok || service == "" || strings.Trim(service, "abcdefghijklmnopqrstuvwxyz0123456789+") != "" {
			l.problem(r.URL.given()[0], "must be a URL of shoutrrr such as telegram://…")
		}
	}
	return ref
}

// rawHeaders are the header fields of a webhook.
type rawHeaders struct {
	at   position
	set  bool
	list []rawHeader
}

type rawHeader struct {
	name  string
	value value[Secret]
}

func (r *rawHeaders) decode(d *decoder, n *yaml.Node, at position) {
	if r.at, r.set = at, true; isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.problem(at, notMapping)
		return
	}
	for _, p := range d.pairs(n, at, map[string]int{}, 0) {
		place := d.place(resolve(p.value))
		place.path = at.key(printable(p.key)).path
		if !httpguts.ValidHeaderFieldName(p.key) {
			p.place.path = place.path
			d.problem(p.place, "must be the name of a header field, such as Authorization")
			continue
		}
		h := rawHeader{name: http.CanonicalHeaderKey(p.key)}
		h.value.decode(d, resolve(p.value), place)
		r.list = append(r.list, h)
	}
}

// headers checks header fields and returns them by name.
func (l *loader) headers(r *rawHeaders) (headers []Header) {
	for _, h := range r.list {
		switch {
		case !h.value.ok():
			continue
		case !httpguts.ValidHeaderFieldValue(string(h.value.v)):
			l.problem(h.value.at, "must be one line without control characters")
		case slices.Contains([]string{"Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection"}, h.name):
			l.problem(h.value.at, "is for attachd to set")
		case slices.ContainsFunc(headers, func(o Header) bool { return o.Name == h.name }):
			l.problem(h.value.at, "is given twice: letter case makes no difference")
		default:
			l.expose(&l.top, h.value.at, "header field")
			headers = append(headers, Header{h.name, h.value.v})
		}
	}
	slices.SortFunc(headers, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return headers
}
