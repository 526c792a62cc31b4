// Package config reads attachd's YAML file. It is strict, and reports all faults at once, each with
// its place.
//
// # What a file says
//
// One file names the output folder, the state file and the accounts. accounts_dir may name a folder
// with one more file per account. [Load] turns these files into a [Config]. Its values are final:
// defaults are filled in, paths are absolute, contradictions are ruled out.
// deploy/attachd.example.yaml explains every key.
//
// # Strictness
//
// These are errors:
//
//   - an unknown key, or a key given twice;
//   - a value of the wrong type;
//   - a second document, or an empty file;
//   - an unquoted value that continues on the next line. A forgotten space after a colon makes such
//     a value of two keys.
//
// Anchors, aliases and merge keys work. Keys that begin with "x-" are ignored; they are a place for
// anchors. ${VARIABLES} are not expanded: a password may hold any character, and secrets have
// sources of their own.
//
// All faults are reported together as [Problems], sorted by file and place:
//
//	attachd.yaml:12:7: accounts[2].pasword_file: unknown key, did you mean "password_file"?
//
// A [Warning] reports something odd that does not keep attachd from working: a secret that others
// can read, TLS without verification, a missing password file (it fails one account, not the
// daemon).
//
// # Secrets
//
// A password is a [SecretRef] until somebody logs in, and a [Secret] from then on. Neither prints
// its secret, with any verb or encoder. No message of this package quotes the value of a secret
// key.
//
// # Reloading
//
// A Config never changes once loaded; a reload makes a new one. [Watch] tells when the content of a
// file has changed. [Diff] tells which accounts are affected: an [Account] is comparable and holds
// a fingerprint of the files that it refers to, so old != new is the whole question. [Changes]
// names the keys above the accounts that say something else.
//
// # What is in force
//
// [Config.Settings] and [Config.AccountSettings] list the keys in force for people, each with its
// value and its place. What they show is an allow-list of types, which no secret is among.
//
// # Limits
//
// A YAML file may have 16 MiB, a secret 64 KiB, a certificate file 1 MiB.
package config

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// Defaults of what a file leaves out.
const (
	DefaultInterval      = 5 * time.Minute
	DefaultMaxConcurrent = 16
	DefaultMaxPerHost    = 4
	DefaultFileMode      = fs.FileMode(0o640)
	DefaultAttempts      = 3
)

// Config is one valid configuration with all defaults filled in. It is not changed after [Load]
// returned it.
type Config struct {
	Output        string // absolute path of the folder that holds one folder per account
	State         string // absolute path of the state file
	Interval      time.Duration
	MaxConcurrent int // polls at one time, at least 1
	MaxPerHost    int // polls to one host at one time, at least 1
	Permissions       // of accounts that have none of their own
	Log           Log
	Limits        Limits
	HTTP          HTTP
	Metrics       Metrics
	History       History
	Ping          SecretRef // the URL that is told how polls go; zero for none
	Notify        Notify
	AccountsDir   string // absolute; "" when there is none
	Accounts      []Account

	// Inputs is the fingerprint of all files that were read. [WatchOptions.Since] takes it.
	Inputs Fingerprint

	places *places // nil if it was not loaded
}

// Log says what is logged and how.
type Log struct {
	Level  Level
	Format Format
}

// Limits bound what one message may make the extractor do. Zero means the extractor's own default.
type Limits struct {
	Header       Size // bytes of one header
	HeaderFields int
	Depth        int // parts within parts
	Parts        int
	Attachments  int
	TotalSize    Size // bytes of all attachments of a message
	Containers   int  // within each other
	Expansion    int  // bytes of attachments per byte of the message
}

// Account is one mailbox. A reload restarts an account if old != new, so an Account holds no
// slices, maps or pointers.
type Account struct {
	Name string // a safe single path component, unique also when letter case is ignored
	Endpoint
	Login

	After       After
	DeleteAfter time.Duration // from the first delivery on; 0 is at once. Only with AfterDelete
	Duplicates  Duplicates
	Attempts    int // to store a message before it goes to quarantine, at least 1

	Interval time.Duration
	Jitter   time.Duration // a start may be this much earlier or later
	Enabled  bool

	// Output is the absolute path of this account's folder. Its name is the account's.
	Output string
	Permissions

	Start      Start
	MailWithin time.Duration // no mail for so long is trouble; 0 for never
	Ping       SecretRef     // the URL that is told how its polls go; zero for none

	Files      Files
	Policy     Policy
	Quarantine Quarantine

	// Secrets is the fingerprint of the files that this account refers to, such as its password.
	Secrets Fingerprint
}

// Endpoint is the server of an account and the way to it.
type Endpoint struct {
	Host     string // name or address, without brackets
	Port     int
	TLS      TLS
	Proxy    Proxy // zero for a direct connection
	Timeouts Timeouts
}

// After says what to do with a message on the server once its attachments are safe.
type After string

// The values of after.
const (
	AfterKeep   After = "keep"
	AfterDelete After = "delete"
)

func (a *After) parse(s string) error { return choose(a, s, AfterKeep, AfterDelete) }

// Duplicates says what to do with an attachment if the account has received the same bytes before.
type Duplicates string

// The values of duplicates.
const (
	DuplicatesKeep Duplicates = "keep"
	DuplicatesSkip Duplicates = "skip"
)

func (d *Duplicates) parse(s string) error { return choose(d, s, DuplicatesKeep, DuplicatesSkip) }

// Level is the lowest level that is logged. The names are zerolog's.
type Level string

// The levels, most to least talkative.
const (
	LevelTrace Level = "trace"
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

func (l *Level) parse(s string) error {
	return choose(l, s, LevelTrace, LevelDebug, LevelInfo, LevelWarn, LevelError)
}

// Set parses a level, for the command line.
func (l *Level) Set(s string) error { return l.parse(s) }

// Format is the form of the log.
type Format string

// The forms of the log.
const (
	FormatAuto     Format = "auto" // console on a terminal, journald for the journal, JSON otherwise
	FormatConsole  Format = "console"
	FormatJSON     Format = "json"
	FormatJournald Format = "journald" // the journal's own protocol
)

func (f *Format) parse(s string) error {
	return choose(f, s, FormatAuto, FormatConsole, FormatJSON, FormatJournald)
}

// Set parses a form, for the command line.
func (f *Format) Set(s string) error { return f.parse(s) }

// choose sets *to to the one of the choices that s names.
func choose[T ~string](to *T, s string, choices ...T) error {
	names := make([]string, len(choices))
	for i, c := range choices {
		if s == string(c) {
			*to = c
			return nil
		}
		names[i] = string(c)
	}
	return &choiceError{names, s}
}

// choiceError is the error of [choose]. [Keys] learns the choices from it.
type choiceError struct {
	choices []string
	given   string
}

// Error names the choices and quotes what was given.
func (e *choiceError) Error() string {
	return fmt.Sprintf("must be %s, not %s", alternatives(e.choices), quote(e.given))
}

// Diff compares two configurations by account name. It returns the accounts to start, to stop, and
// to restart; the last have their new values. A disabled account counts as absent. Either Config
// may be nil.
func Diff(old, updated *Config) (added, removed, changed []Account) {
	before := map[string]*Account{}
	for _, a := range old.Enabled() {
		before[a.Name] = a
	}
	after := map[string]bool{}
	for _, a := range updated.Enabled() {
		after[a.Name] = true
		if was, ok := before[a.Name]; !ok {
			added = append(added, *a)
		} else if *was != *a {
			changed = append(changed, *a)
		}
	}
	for _, a := range old.Enabled() {
		if !after[a.Name] {
			removed = append(removed, *a)
		}
	}
	return added, removed, changed
}

// Enabled returns the accounts to poll, in the order of the file; a nil Config has none. They are
// those of c, and not to be changed: copies of ten thousand accounts are 20 MiB.
func (c *Config) Enabled() []*Account {
	if c == nil {
		return nil
	}
	var out []*Account
	for i := range c.Accounts {
		if a := &c.Accounts[i]; a.Enabled {
			out = append(out, a)
		}
	}
	return out
}

// Outputs returns the folders that hold those of the enabled accounts, each once, in the order of
// the file. Without an enabled account it returns the one of the top level.
func (c *Config) Outputs() (all []string) {
	seen := make(map[string]bool)
	for _, a := range c.Enabled() {
		if output := filepath.Dir(a.Output); !seen[output] {
			seen[output] = true
			all = append(all, output)
		}
	}
	if len(all) == 0 {
		return []string{c.Output}
	}
	return all
}
