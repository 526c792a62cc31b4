package config

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one key that is in force, for people to look at. It never holds a secret.
type Setting struct {
	Key    string // as in the file: "tls.ca_file"
	Value  string // as the file would have it; "" for a secret
	Place  string // "attachd.yaml:12"; "" for a default
	Col    int    // the column of the value there; 0 if it is not known
	Secret bool   // the value is not given
	Own    bool   // an account's own, and neither a default nor from another section

	// Inherited says that an account has it from the section defaults.
	Inherited bool
}

// Settings lists the keys in force above the accounts, and those of the section defaults that the
// file has. Optional keys that are not there are left out.
func (c *Config) Settings() []Setting {
	s := settingList{place: c.topPlace}
	s.add("output", c.Output)
	s.add("state", c.State)
	s.add("interval", c.Interval)
	s.add("jitter", c.jitter())
	s.add("max_concurrent", c.MaxConcurrent)
	s.add("max_per_host", c.MaxPerHost)
	s.permissions(c.Permissions)
	s.add("log.level", c.Log.Level)
	s.add("log.format", c.Log.Format)
	s.limits(c.Limits)
	s.http(c.HTTP)
	s.add("metrics.per_account", c.Metrics.PerAccount)
	s.add("history.path", c.History.Path)
	s.add("history.items", c.History.Items)
	s.add("history.keep", c.History.Keep)
	s.secret("", c.Ping)
	s.add("notify.after", c.Notify.After)
	s.add("notify.remind", c.Notify.Remind)
	s.add("notify.disk_below", c.Notify.DiskBelow)
	s.add("notify.certificate_before", c.Notify.CertificateBefore)
	for i, t := range c.Notify.To {
		s.target(targetKey(i), t)
	}
	s.given("accounts_dir", c.AccountsDir)
	if c.places != nil {
		s.out = append(s.out, c.places.defaults...)
	}
	return s.out
}

// topPlace says where a key above the accounts comes from.
func (c *Config) topPlace(key string) Setting {
	s := Setting{Key: key}
	if c.places == nil {
		return s
	}
	at, ok := c.places.top[key]
	if ok {
		s.Place, s.Col, s.Own = c.places.text(at), int(at.col), true
	}
	return s
}

// jitter returns the jitter of all accounts at the interval of the top level.
func (c *Config) jitter() time.Duration {
	if c.places == nil || !c.places.jitter.set {
		return c.Interval / 10
	}
	return c.places.jitter.v
}

// text returns "file:line".
func (p *places) text(at place) string {
	return p.files[at.file] + ":" + strconv.FormatUint(uint64(at.line), 10)
}

// AccountSettings lists the keys in force for an account: its own, those of the section defaults
// and the program's defaults. Optional keys that are not there are left out. Without such an
// account it returns nil.
func (c *Config) AccountSettings(name string) []Setting {
	i := 0
	for i < len(c.Accounts) && c.Accounts[i].Name != name { // an account is large: none is copied
		i++
	}
	if i == len(c.Accounts) {
		return nil
	}
	a := &c.Accounts[i]
	s := settingList{place: c.accountPlaces(name)}
	s.add("name", a.Name)
	s.add("enabled", a.Enabled)
	s.add("host", a.Host)
	s.add("port", a.Port)
	s.add("username", a.Username)
	s.login(a)
	s.tls(a.TLS)
	if a.TLS.Mode != TLSNone {
		s.add("proxy", a.Proxy)
	}
	s.timeouts(a.Timeouts)
	s.add("interval", a.Interval)
	s.add("start", a.Start)
	s.given("mail_within", a.MailWithin)
	s.secret("", a.Ping)
	s.add("after", a.After)
	if a.After == AfterDelete {
		s.add("delete", a.Policy.Delete)
		s.given("delete_after", a.DeleteAfter)
	}
	s.add("duplicates", a.Duplicates)
	s.add("attempts", a.Attempts)
	s.add("quarantine.max_bytes", a.Quarantine.MaxBytes)
	s.given("quarantine.max_age", a.Quarantine.MaxAge)
	s.policy(a.Policy)
	s.files(a.Files)
	s.add("output", filepath.Dir(a.Output))
	s.permissions(a.Permissions)
	return s.out
}

// AccountPlace returns where an account stands, as "attachd.yaml:23–27", or "" if it is not known.
func (c *Config) AccountPlace(name string) string {
	if c.places == nil || len(c.places.accounts[name]) == 0 {
		return ""
	}
	first, last := place{}, place{}
	for _, s := range c.ownSpots(name) {
		switch {
		case first.line == 0:
			first, last = s.place, s.place
		case s.file == first.file:
			first.line, last.line = min(first.line, s.line), max(last.line, s.line)
		}
	}
	if first.line == 0 {
		return ""
	}
	text := c.places.text(first)
	if last.line > first.line {
		text += "–" + strconv.FormatUint(uint64(last.line), 10)
	}
	return text
}

// AccountKeyPlace returns where a key of an account comes from, such as "max_message_size" or
// "exclude[0]", as "attachd.yaml:9". It returns "" for a default of the program.
func (c *Config) AccountKeyPlace(name, key string) string {
	return c.accountPlaces(name)(key).Place
}

// ownSpots are the places of the keys that an account has itself.
func (c *Config) ownSpots(name string) (own []spot) {
	leaves := accountLeaves()
	var inherited bool // the key, and so the entries of its list, which come behind it
	for _, s := range c.places.accounts[name] {
		if s.item == 0 {
			inherited = c.places.top["defaults."+leaves[s.leaf].key] == s.place
		}
		if !inherited {
			own = append(own, s)
		}
	}
	return own
}

// accountPlaces returns what says where an account's key comes from.
func (c *Config) accountPlaces(name string) func(key string) Setting {
	if c.places == nil {
		return func(key string) Setting { return Setting{Key: key} }
	}
	at := map[string]spot{}
	leaves := accountLeaves()
	for _, s := range c.places.accounts[name] {
		key := leaves[s.leaf].key
		if s.item > 0 {
			key += "[" + strconv.Itoa(int(s.item)-1) + "]"
		}
		at[key] = s
	}
	return func(key string) Setting {
		s, ok := at[key]
		switch {
		case ok:
		case slices.Contains(aboveAccounts, key):
			top := c.topPlace(key)
			top.Own = false
			return top
		case key == "name" && len(at) > 0:
			// It is that of its file.
			return Setting{Key: key, Place: c.places.files[at["username"].file], Own: true}
		default:
			return Setting{Key: key}
		}
		section, _, _ := strings.Cut(key, "[")
		inherited := c.places.top["defaults."+section] == at[section].place
		return Setting{Key: key, Place: c.places.text(s.place), Col: int(s.col), Own: !inherited, Inherited: inherited}
	}
}

// aboveAccounts are the keys of an account that the file may have at the top level.
var aboveAccounts = []string{"interval", "output", "file_mode", "folder_mode", "group"}

// settingList collects settings. What it shows is an allow-list of types: a value of any other type
// counts as secret.
type settingList struct {
	place func(key string) Setting // without the value
	out   []Setting
}

// add appends a key.
func (s *settingList) add(key string, v any) {
	value, ok := valueText(v)
	x := s.place(key)
	x.Value, x.Secret = value, !ok
	s.out = append(s.out, x)
}

// given appends a key if it has a value, or if the file has it.
func (s *settingList) given(key string, v any) {
	switch v {
	case "", 0, time.Duration(0), Size(0), false, PathTemplate(""), Group(""), ServerURL(""):
		if s.place(key).Place == "" {
			return
		}
	}
	s.add(key, v)
}

// or appends a key with the value that zero stands for.
func (s *settingList) or(key string, v, zero any) {
	switch v {
	case 0, time.Duration(0), Size(0):
		v = zero
	}
	s.add(key, v)
}

// secret appends the key of a secret, with the place where it is kept. A program's arguments may be
// secret.
func (s *settingList) secret(prefix string, r SecretRef) {
	if r.IsZero() {
		return
	}
	x := s.place(prefix + r.key())
	switch r.source {
	case fromFile, fromEnv, fromCredential:
		x.Value = yamlText(r.value())
	case fromCommand:
		x.Value = commandText(strings.Split(r.value(), "\x00"))
	default:
		x.Secret = true
	}
	s.out = append(s.out, x)
}

// commandText names a program. Its arguments may be secret.
func commandText(argv []string) string {
	if len(argv) > 1 {
		argv = []string{argv[0], hidden}
	}
	return yamlList(argv)
}

// valueText returns a value as the file would have it. It is not ok for a type that is not known to
// hold no secret.
func valueText(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return yamlText(v), true
	case []string:
		return yamlList(v), true
	case int:
		return strconv.Itoa(v), true
	case bool:
		return strconv.FormatBool(v), true
	case time.Duration:
		return FormatDuration(v), true
	case fs.FileMode:
		return modeText(v), true
	case ServerURL:
		return yamlText(v.String()), true
	case PathTemplate:
		return yamlText(string(v)), true
	case Rule:
		return v.String(), true
	case tlsVersion:
		return v.String(), true
	case Pins:
		return yamlList(slices.DeleteFunc(strings.Split(string(v), ","), func(s string) bool { return s == "" })), true
	case Size, Start, Group, Proxy, Level, Format, After, Duplicates, Auth, Provider, Grant, TLSMode, InlineImages, Raw, Noise, Extension,
		Oversize, UIDLChange, Deletion, PerAccount, WebhookFormat:
		return fmt.Sprint(v), true
	}
	return "", false
}

// targetKey begins the keys of the i-th target.
func targetKey(i int) string { return "notify.to[" + strconv.Itoa(i) + "]." }
