package config

import (
	"strconv"
	"strings"
	"time"
)

// The defaults of other packages, for people to look at.
var (
	shownLimits = Limits{
		Header: 16 << 20, HeaderFields: 20_000, Depth: 100, Parts: 10_000, Attachments: 1000, TotalSize: 16 << 30,
		Containers: 8, Expansion: 200,
	}
	shownTimeouts = Timeouts{
		Dial: 30 * time.Second, TLS: 30 * time.Second, Greeting: 30 * time.Second, Reply: 3 * time.Minute, Idle: 2 * time.Minute,
		Session: 6 * time.Hour,
	}
)

func (s *settingList) limits(l Limits) {
	s.or("limits.header_size", l.Header, shownLimits.Header)
	s.or("limits.header_fields", l.HeaderFields, shownLimits.HeaderFields)
	s.or("limits.depth", l.Depth, shownLimits.Depth)
	s.or("limits.parts", l.Parts, shownLimits.Parts)
	s.or("limits.attachments", l.Attachments, shownLimits.Attachments)
	s.or("limits.total_size", l.TotalSize, shownLimits.TotalSize)
	s.or("limits.containers", l.Containers, shownLimits.Containers)
	s.or("limits.expansion", l.Expansion, shownLimits.Expansion)
}

func (s *settingList) timeouts(t Timeouts) {
	s.or("timeouts.dial", t.Dial, shownTimeouts.Dial)
	s.or("timeouts.tls", t.TLS, shownTimeouts.TLS)
	s.or("timeouts.greeting", t.Greeting, shownTimeouts.Greeting)
	s.or("timeouts.reply", t.Reply, shownTimeouts.Reply)
	s.or("timeouts.idle", t.Idle, shownTimeouts.Idle)
	s.or("timeouts.session", t.Session, shownTimeouts.Session)
}

func (s *settingList) http(h HTTP) {
	if len(h.Listen) > 0 {
		s.add("http.listen", h.Listen)
		s.secret("http.", h.Token)
		if len(h.Hosts) > 0 {
			s.add("http.hosts", h.Hosts)
		}
		s.given("http.cert_file", h.CertFile)
		s.given("http.key_file", h.KeyFile)
		s.add("http.metrics", string(h.metrics()))
		s.add("http.pprof", h.PProf)
	}
	s.add("http.needs_you_after", h.NeedsYouAfter)
	s.add("http.search", h.Search)
}

// metrics says who may read the metrics.
func (h HTTP) metrics() metricsAccess {
	if h.MetricsOpen {
		return metricsForAll
	}
	return metricsForToken
}

func (s *settingList) login(a *Account) {
	s.add("auth", a.Auth)
	s.secret("", a.Password)
	s.secret("", a.Token)
	s.given("token_lifetime", a.TokenLifetime)
	if o := a.OAuth; o != (OAuth{}) {
		s.add("oauth.provider", o.Provider)
		s.add("oauth.grant", o.Grant)
		if o.Provider == ProviderMicrosoft {
			s.add("oauth.tenant", o.Tenant)
		}
		s.given("oauth.client_id", o.ClientID)
		s.secret("oauth.", o.ClientSecret)
		s.secret("oauth.", o.Key)
		s.given("oauth.token_url", o.TokenURL)
		s.given("oauth.auth_url", o.AuthURL)
		s.given("oauth.device_url", o.DeviceURL)
		if o.Scopes != "" {
			s.add("oauth.scopes", strings.Fields(o.Scopes))
		}
	}
}

func (s *settingList) tls(t TLS) {
	s.add("tls.mode", t.Mode)
	if t.Mode == TLSNone {
		return
	}
	s.given("tls.ca_file", t.CAFile)
	s.given("tls.server_name", t.ServerName)
	s.add("tls.min_version", tlsVersion(t.MinVersion))
	if t.Pins != "" {
		s.add("tls.pin_sha256", t.Pins)
	}
	s.given("tls.cert_file", t.CertFile)
	s.given("tls.key_file", t.KeyFile)
	s.given("tls.insecure_skip_verify", t.InsecureSkipVerify)
}

func (s *settingList) policy(p Policy) {
	s.given("max_message_size", p.MaxMessageSize)
	if p.MaxMessageSize > 0 {
		s.add("oversize", p.Oversize)
	}
	s.given("max_messages", p.MaxMessages)
	s.given("max_bytes", p.MaxBytes)
	s.given("commit_deletions", p.CommitDeletions)
	s.add("min_free", p.MinFree)
	s.add("uidl_change", p.UIDLChange)
}

func (s *settingList) files(f Files) {
	rules := f.Filter.Rules()
	for _, list := range []struct {
		key   string
		rules []Rule
	}{{"include", rules.Include}, {"exclude", rules.Exclude}} {
		for i, r := range list.rules {
			s.add(list.key+"["+strconv.Itoa(i)+"]", r)
		}
	}
	s.add("inline_images", f.InlineImages)
	s.given("path", f.Path)
	s.add("sidecar", f.Sidecar)
	s.add("raw", f.Raw)
	s.add("rtf_body", f.RTFBody)
	s.add("noise", f.Noise)
	s.add("extension", f.Extension)
	s.add("nested_messages", f.NestedMessages)
}

// target appends the keys of one receiver of notices. Of a webhook's header fields it shows the
// names.
func (s *settingList) target(prefix string, t Target) {
	switch {
	case t.Mail != nil:
		prefix := prefix + "mail."
		s.add(prefix+"host", t.Mail.Host)
		s.add(prefix+"port", t.Mail.Port)
		s.add(prefix+"tls", t.Mail.TLS)
		s.given(prefix+"ca_file", t.Mail.CAFile)
		s.given(prefix+"username", t.Mail.Username)
		s.secret(prefix, t.Mail.Password)
		s.add(prefix+"from", t.Mail.From)
		s.add(prefix+"to", t.Mail.To)
	case t.Ntfy != nil:
		s.secret(prefix+"ntfy.", t.Ntfy.URL)
		s.secret(prefix+"ntfy.", t.Ntfy.Token)
	case t.Webhook != nil:
		s.secret(prefix+"webhook.", t.Webhook.URL)
		s.add(prefix+"webhook.format", t.Webhook.Format)
		for _, h := range t.Webhook.Headers {
			x := s.place(prefix + "webhook.headers")
			x.Key, x.Secret = x.Key+"."+h.Name, true
			s.out = append(s.out, x)
		}
	case t.Shoutrrr != nil:
		s.secret(prefix+"shoutrrr.", t.Shoutrrr.URL)
	}
	if len(t.Accounts) > 0 {
		s.add(prefix+"accounts", t.Accounts)
	}
}

func (s *settingList) permissions(p Permissions) {
	s.add("file_mode", p.FileMode)
	if p.FolderMode == 0 {
		p.FolderMode = DefaultFolderMode
	}
	s.add("folder_mode", p.FolderMode)
	s.given("group", p.Group)
}
