package config

import (
	"time"

	"gopkg.in/yaml.v3"
)

// rawConfig is a configuration file as written: every value with its place, not yet checked against
// the others.
type rawConfig struct {
	Output        value[string]        `yaml:"output"`
	State         value[string]        `yaml:"state"`
	Interval      value[time.Duration] `yaml:"interval"`
	Jitter        value[time.Duration] `yaml:"jitter"`
	MaxConcurrent value[int]           `yaml:"max_concurrent"`
	MaxPerHost    value[int]           `yaml:"max_per_host"`
	Log           rawLog               `yaml:"log"`
	Limits        rawLimits            `yaml:"limits"`
	HTTP          rawHTTP              `yaml:"http"`
	Metrics       rawMetrics           `yaml:"metrics"`
	History       rawHistory           `yaml:"history"`
	Ping          rawSecret            `yaml:"ping"`
	Notify        rawNotify            `yaml:"notify"`
	Defaults      rawDefaults          `yaml:"defaults"`
	AccountsDir   value[string]        `yaml:"accounts_dir"`
	Accounts      rawAccounts          `yaml:"accounts"`
	rawPermissions
}

type rawLog struct {
	Level  value[Level]  `yaml:"level"`
	Format value[Format] `yaml:"format"`
}

func (r *rawLog) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

type rawLimits struct {
	Header       value[Size] `yaml:"header_size"`
	HeaderFields value[int]  `yaml:"header_fields"`
	Depth        value[int]  `yaml:"depth"`
	Parts        value[int]  `yaml:"parts"`
	Attachments  value[int]  `yaml:"attachments"`
	TotalSize    value[Size] `yaml:"total_size"`
	Containers   value[int]  `yaml:"containers"`
	Expansion    value[int]  `yaml:"expansion"`
}

func (r *rawLimits) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

// rawDefaults are the keys that accounts and the section defaults share.
type rawDefaults struct {
	Output      value[string]        `yaml:"output"`
	Host        value[string]        `yaml:"host"`
	Port        value[int]           `yaml:"port"`
	Auth        value[Auth]          `yaml:"auth"`
	After       value[After]         `yaml:"after"`
	DeleteAfter value[time.Duration] `yaml:"delete_after"`
	Duplicates  value[Duplicates]    `yaml:"duplicates"`
	Attempts    value[int]           `yaml:"attempts"`
	Interval    value[time.Duration] `yaml:"interval"`
	Start       value[Start]         `yaml:"start"`
	MailWithin  value[time.Duration] `yaml:"mail_within"`
	TLS         rawTLS               `yaml:"tls"`
	OAuth       rawOAuth             `yaml:"oauth"`
	Proxy       value[Proxy]         `yaml:"proxy"`
	Timeouts    rawTimeouts          `yaml:"timeouts"`
	Quarantine  rawQuarantine        `yaml:"quarantine"`
	rawFiles
	rawPolicy
	rawPermissions
}

func (r *rawDefaults) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

// inherit takes over the keys that the account does not have.
func (r *rawDefaults) inherit(from *rawDefaults) {
	if !r.After.ok() || r.After.v != AfterKeep {
		// delete_after and delete mean nothing to an account that keeps its mail.
		r.DeleteAfter.inherit(from.DeleteAfter)
		r.Delete.inherit(from.Delete)
	}
	r.Output.inherit(from.Output)
	r.Host.inherit(from.Host)
	r.Port.inherit(from.Port)
	r.Auth.inherit(from.Auth)
	r.After.inherit(from.After)
	r.Duplicates.inherit(from.Duplicates)
	r.Attempts.inherit(from.Attempts)
	r.Interval.inherit(from.Interval)
	r.Start.inherit(from.Start)
	r.MailWithin.inherit(from.MailWithin)
	r.TLS.inherit(&from.TLS)
	if !r.TLS.Mode.ok() || r.TLS.Mode.v != TLSNone {
		r.Proxy.inherit(from.Proxy)
	}
	r.rawFiles.inherit(&from.rawFiles)
	r.rawPolicy.inherit(&from.rawPolicy)
	r.rawPermissions.inherit(&from.rawPermissions)
	r.Timeouts.inherit(&from.Timeouts)
	r.Quarantine.inherit(&from.Quarantine)
}

type rawTLS struct {
	Mode               value[TLSMode]    `yaml:"mode"`
	CAFile             value[string]     `yaml:"ca_file"`
	ServerName         value[string]     `yaml:"server_name"`
	InsecureSkipVerify value[bool]       `yaml:"insecure_skip_verify"`
	MinVersion         value[tlsVersion] `yaml:"min_version"`
	PinSHA256          value[[]string]   `yaml:"pin_sha256"`
	CertFile           value[string]     `yaml:"cert_file"`
	KeyFile            value[string]     `yaml:"key_file"`
}

func (r *rawTLS) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

func (r *rawTLS) inherit(from *rawTLS) {
	r.Mode.inherit(from.Mode)
	if r.Mode.ok() && r.Mode.v == TLSNone {
		return
	}
	r.CAFile.inherit(from.CAFile)
	r.ServerName.inherit(from.ServerName)
	r.InsecureSkipVerify.inherit(from.InsecureSkipVerify)
	r.MinVersion.inherit(from.MinVersion)
	r.PinSHA256.inherit(from.PinSHA256)
	r.CertFile.inherit(from.CertFile)
	r.KeyFile.inherit(from.KeyFile)
}

// rawAccount is one account, in the list or in a file of its own.
type rawAccount struct {
	origin
	file string // its name if it gives none; "" in the list

	Name     value[string] `yaml:"name"`
	Username value[string] `yaml:"username"`
	Enabled  value[bool]   `yaml:"enabled"`
	Password rawSecret     `yaml:"password"`
	Ping     rawSecret     `yaml:"ping"`

	TokenCommand  value[[]string]      `yaml:"token_command"`
	TokenLifetime value[time.Duration] `yaml:"token_lifetime"`
	rawDefaults
}

func (r *rawAccount) decode(d *decoder, n *yaml.Node, at position) {
	if n.Kind != yaml.MappingNode {
		d.problem(at, notMapping)
		return
	}
	r.at = at
	d.mapping(n, at, r)
}

// rawAccounts is the list of accounts.
type rawAccounts struct {
	list []rawAccount
	bad  bool // it is no list; this has been reported
}

func (r *rawAccounts) decode(d *decoder, n *yaml.Node, at position) {
	if isNull(n) {
		return
	}
	if r.bad = n.Kind != yaml.SequenceNode; r.bad {
		d.problem(at, "must be a list of accounts, each beginning with a dash")
		return
	}
	r.list = make([]rawAccount, len(n.Content))
	for i, item := range n.Content {
		item = resolve(item)
		place := d.place(item)
		place.path = at.item(i).path
		r.list[i].decode(d, item, place)
	}
}
