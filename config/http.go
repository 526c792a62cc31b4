package config

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// HTTP says where the page is and who may see it. Without Listen there is no page.
type HTTP struct {
	Listen            []string  // "host:port", or "unix:" and an absolute path
	Token             SecretRef // zero where nobody has to sign in
	Hosts             []string  // lower case; names that the page answers to besides its own addresses
	CertFile, KeyFile string    // absolute; both or none
	NeedsYouAfter     time.Duration
	Search            bool // whether the history has an index of names, senders and subjects
	PProf             bool
	MetricsOpen       bool // whether /metrics is for everyone who reaches the listener

	// Files is the fingerprint of the files that these keys refer to, such as the token's.
	Files Fingerprint
}

// Defaults of the page.
const (
	DefaultNeedsYouAfter = 24 * time.Hour
	DefaultSearch        = true
)

// MinToken is the least length of the page's token, in bytes. A token is tried without limit by
// whoever reaches the listener from many addresses.
const MinToken = 32

// minNeedsYouAfter is more than a poll takes.
const minNeedsYouAfter = time.Minute

// metricsAccess says who may read the metrics.
type metricsAccess string

const (
	metricsForAll   metricsAccess = "open"
	metricsForToken metricsAccess = "token"
)

func (m *metricsAccess) parse(s string) error { return choose(m, s, metricsForAll, metricsForToken) }

// rawHTTP is the http section.
type rawHTTP struct {
	Listen        listeners            `yaml:"listen"`
	Token         rawSecret            `yaml:"token"`
	Hosts         words                `yaml:"hosts"`
	CertFile      value[string]        `yaml:"cert_file"`
	KeyFile       value[string]        `yaml:"key_file"`
	NeedsYouAfter value[time.Duration] `yaml:"needs_you_after"`
	Search        value[bool]          `yaml:"search"`
	PProf         value[bool]          `yaml:"pprof"`
	Metrics       value[metricsAccess] `yaml:"metrics"`
}

func (r *rawHTTP) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

// http checks the http section.
func (l *loader) http(r *rawHTTP) HTTP {
	l.atLeast(&r.NeedsYouAfter, minNeedsYouAfter)
	h := HTTP{
		Listen:        l.listeners(r),
		Token:         l.secret(&l.top, &r.Token, ofToken),
		Hosts:         l.hosts(&r.Hosts),
		CertFile:      l.path(&r.CertFile, l.folder),
		KeyFile:       l.path(&r.KeyFile, l.folder),
		NeedsYouAfter: r.NeedsYouAfter.or(DefaultNeedsYouAfter),
		Search:        r.Search.or(DefaultSearch),
		PProf:         r.PProf.or(false),
		MetricsOpen:   r.Metrics.or(metricsForToken) == metricsForAll || !r.Metrics.set && len(r.Token.given()) == 0,
	}
	if !r.Listen.set {
		l.withoutListener(r)
	}
	if r.Metrics.ok() && r.Metrics.v == metricsForToken && len(r.Token.given()) == 0 {
		l.problem(r.Metrics.at, "token needs a token: give one of %s beside it", secretNames(ofToken))
	}
	if text, ok := h.Token.known(); ok && len(text) < MinToken {
		l.problem(r.Token.given()[0], "the token has %d bytes and must have at least %d: head -c 32 /dev/urandom | base64 makes one", len(text), MinToken)
	}
	l.pair(&r.CertFile, &r.KeyFile)
	l.certificates(&rawTLS{CertFile: r.CertFile, KeyFile: r.KeyFile}, TLS{CertFile: h.CertFile, KeyFile: h.KeyFile})
	l.reach(r, &h)
	token, _ := h.Token.path()
	h.Files = l.in.fingerprint(token, h.CertFile, h.KeyFile)
	return h
}

// withoutListener reports what is said of a page that is nowhere.
func (l *loader) withoutListener(r *rawHTTP) {
	at := r.Token.given()
	for _, v := range []struct {
		set bool
		at  position
	}{
		{r.Hosts.set, r.Hosts.at},
		{r.CertFile.set, r.CertFile.at},
		{r.KeyFile.set, r.KeyFile.at},
		{r.PProf.set, r.PProf.at},
		{r.Metrics.set, r.Metrics.at},
	} {
		if v.set {
			at = append(at, v.at)
		}
	}
	for _, at := range at {
		l.problem(at, "has a meaning only with listen, which says where the page is")
	}
}

// pair reports a certificate without its key, or the other way round.
func (l *loader) pair(cert, key *value[string]) {
	if cert.set == key.set {
		return
	}
	at, other := cert.at, "key_file"
	if key.set {
		at, other = key.at, "cert_file"
	}
	l.problem(at, "needs %s beside it", other)
}

// reach checks a page that more than this machine can reach: whoever signs in to it decides what
// becomes of mail.
func (l *loader) reach(r *rawHTTP, h *HTTP) {
	for i, listen := range h.Listen {
		if IsLocal(listen) {
			continue
		}
		switch at := r.Listen.places[i]; {
		case len(r.Token.given()) == 0:
			l.problem(at, "can be reached from other machines, so the page needs a token: "+
				"head -c 32 /dev/urandom | base64 > http.token makes one, and token_file: http.token gives it. "+
				"Or listen on 127.0.0.1 or a unix socket")
		case !r.CertFile.set && !r.KeyFile.set:
			l.warn(WarnPlaintext, at, "the page and its token go over the net in the clear, unless a proxy in front of it has TLS; cert_file and key_file give it TLS of its own")
		}
	}
}

// hosts checks the names that the page answers to.
func (l *loader) hosts(w *words) []string {
	var hosts []string
	for i, host := range w.list {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		fault := hostFault(host)
		switch {
		case strings.Contains(host, "*"):
			fault = "must be a whole name, as any other could be anybody's: " + quote(host)
		case fault == "" && contains(hosts, host):
			fault = "is given twice: " + quote(host)
		}
		if fault != "" {
			l.problem(w.places[i], "%s", fault)
			continue
		}
		hosts = append(hosts, host)
	}
	return hosts
}

// ServerConfig reads the page's certificate. It returns nil if the page has none.
func (h HTTP) ServerConfig() (*tls.Config, error) {
	if h.CertFile == "" {
		return nil, nil
	}
	pair, err := TLS{CertFile: h.CertFile, KeyFile: h.KeyFile}.keyPair()
	if err != nil {
		return nil, fmt.Errorf("read the page's certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

// PerAccount says whether the metrics have series for each account.
type PerAccount string

// The values of metrics.per_account.
const (
	PerAccountAuto   PerAccount = "auto" // up to MaxAutoAccounts accounts
	PerAccountAlways PerAccount = "always"
	PerAccountNever  PerAccount = "never"
)

// MaxAutoAccounts is how many accounts have series of their own unless the file says otherwise.
const MaxAutoAccounts = 2000

func (p *PerAccount) parse(s string) error {
	return choose(p, s, PerAccountAuto, PerAccountAlways, PerAccountNever)
}

// Of reports whether each of so many accounts has series of its own.
func (p PerAccount) Of(accounts int) bool {
	return p == PerAccountAlways || p != PerAccountNever && accounts <= MaxAutoAccounts
}

// Metrics says what the metrics show.
type Metrics struct {
	PerAccount PerAccount
}

// rawMetrics is the metrics section.
type rawMetrics struct {
	PerAccount value[PerAccount] `yaml:"per_account"`
}

func (r *rawMetrics) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }
