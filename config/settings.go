package config

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// minInterval keeps a wrong unit from hammering a server.
const minInterval = time.Second

// maxPolls is more connections than one process can use.
const maxPolls = 10_000

// settings checks the keys at the top level.
func (l *loader) settings(r *rawConfig, top position) *Config {
	for _, v := range []struct {
		*value[string]
		key, text string
	}{
		{&r.Output, "output", "missing: the folder that attachments go to"},
		{&r.State, "state", "missing: the file that remembers what was fetched, such as /var/lib/attachd/state.db"},
	} {
		if !v.set {
			l.problem(top.key(v.key), "%s", v.text)
		}
	}
	l.atLeast(&r.Interval, minInterval)
	l.inRange(&r.MaxConcurrent, 1, maxPolls)
	l.inRange(&r.MaxPerHost, 1, maxPolls)
	l.inRange(&r.Limits.HeaderFields, 1, math.MaxInt32)
	l.inRange(&r.Limits.Depth, 1, math.MaxInt32)
	l.inRange(&r.Limits.Parts, 1, math.MaxInt32)
	l.inRange(&r.Limits.Attachments, 1, math.MaxInt32)
	l.inRange(&r.Limits.Containers, 1, math.MaxInt32)
	l.inRange(&r.Limits.Expansion, 1, math.MaxInt32)
	if r.Limits.TotalSize.ok() && r.Limits.TotalSize.v < 1<<20 {
		l.problem(r.Limits.TotalSize.at, "must be at least 1MiB")
	}
	if r.Limits.Header.ok() && r.Limits.Header.v < 1<<10 {
		l.problem(r.Limits.Header.at, "must be at least 1KiB")
	}
	c := &Config{
		Output:        l.path(&r.Output, l.folder),
		State:         l.path(&r.State, l.folder),
		Interval:      r.Interval.or(DefaultInterval),
		MaxConcurrent: r.MaxConcurrent.or(DefaultMaxConcurrent),
		MaxPerHost:    r.MaxPerHost.or(DefaultMaxPerHost),
		Permissions:   r.rawPermissions.or(Permissions{FileMode: DefaultFileMode}),
		Log:           Log{r.Log.Level.or(LevelInfo), r.Log.Format.or(FormatAuto)},
		Limits: Limits{
			Header: r.Limits.Header.or(0), HeaderFields: r.Limits.HeaderFields.or(0),
			Depth: r.Limits.Depth.or(0), Parts: r.Limits.Parts.or(0), Attachments: r.Limits.Attachments.or(0),
			TotalSize: r.Limits.TotalSize.or(0), Containers: r.Limits.Containers.or(0), Expansion: r.Limits.Expansion.or(0),
		},
	}
	l.groupExists(&r.Group)
	if c.Output != "" && c.Output == c.State {
		l.problem(r.State.at, "is the same as output; it names a file of its own")
	} else if fi, err := os.Stat(c.State); err == nil && fi.IsDir() {
		l.problem(r.State.at, "is a folder; it names a file, such as %s", filepath.Join(c.State, "state.db"))
	}
	return c
}

// services checks the keys of what serves people beside the polls.
func (l *loader) services(r *rawConfig, c *Config) {
	c.HTTP = l.http(&r.HTTP)
	c.Metrics = Metrics{r.Metrics.PerAccount.or(PerAccountAuto)}
	c.History = l.history(&r.History, c)
	c.Ping = l.ping(&l.top, &r.Ping)
	c.Notify = l.notify(&r.Notify)
}

// accounts checks every account, and the accounts against each other.
func (l *loader) accounts(r *rawConfig, top position) {
	if r.Accounts.bad {
		return
	}
	if len(r.Accounts.list) == 0 && !r.AccountsDir.set {
		l.problem(top.key("accounts"), "missing: at least one account, or accounts_dir with a file for each")
		return
	}
	names, mailboxes := map[string]position{}, map[string]position{}
	l.config.Accounts = make([]Account, 0, len(r.Accounts.list))
	for i := range r.Accounts.list {
		ra := &r.Accounts.list[i]
		if ra.at.line == 0 {
			continue // no mapping; this has been reported
		}
		ra.inherit(&r.Defaults)
		a := l.account(ra, l.config)
		a.Jitter = min(r.Jitter.or(a.Interval/10), a.Interval)
		l.config.Accounts = append(l.config.Accounts, a)
		l.config.places.account(a.Name, ra)
		if a.Name != "" {
			l.unique(names, folded(a.Name), ra, "name", func(first string) string {
				return fmt.Sprintf("%s is the name of the account at %s; names are folder names, so letter case makes no difference", quote(a.Name), first)
			})
			l.ownPlaces(r, ra, &a)
		}
		if a.Enabled && a.Host != "" && a.Username != "" {
			// Each message would be fetched twice, and POP3 locks a mailbox while it is read (RFC
			// 1939 section 4).
			l.unique(mailboxes, fmt.Sprintf("%s\x00%d\x00%s", strings.ToLower(a.Host), a.Port, a.Username), ra, "username", func(first string) string {
				return "this mailbox is already fetched by the account at " + first
			})
		}
	}
	l.apart(r.Accounts.list)
	none := "no account is enabled, so there is nothing to do"
	if len(l.config.Accounts) == 0 {
		none = "no accounts yet; attachd init or attachd account add makes one"
	}
	switch {
	case len(l.config.Enabled()) > 0:
	case l.config.AccountsDir != "":
		l.warn(WarnNoAccounts, r.AccountsDir.at, "%s", none)
	case !r.AccountsDir.set:
		l.warn(WarnNoAccounts, top.key("accounts"), "%s", none)
	}
}

// unique reports the second account with the same id.
func (l *loader) unique(seen map[string]position, id string, r *rawAccount, key string, text func(first string) string) {
	at := r.at.key(key)
	switch {
	case key == "name" && r.Name.set:
		at = r.Name.at
	case key == "username" && r.Username.set:
		at = r.Username.at
	}
	first, ok := seen[id]
	if !ok {
		seen[id] = at
		return
	}
	l.problem(at, "%s", text(fmt.Sprintf("%s:%d", first.file, first.line)))
}

// folded returns the same text for names that a file system may take for one.
func folded(name string) string {
	return norm.NFC.String(strings.ToLower(strings.ToUpper(norm.NFC.String(name))))
}

// folderHolds reports whether path is the folder of a or lies in it.
func (a *Account) folderHolds(path string) bool {
	if a.Output == "" || path == "" {
		return false
	}
	return path == a.Output || strings.HasPrefix(path, a.Output+string(filepath.Separator))
}

func (l *loader) inRange(v *value[int], low, high int) {
	switch {
	case !v.ok() || v.v >= low && v.v <= high:
	case high == math.MaxInt32 && v.v < low:
		l.problem(v.at, "must be at least %d, not %d", low, v.v)
	default:
		l.problem(v.at, "must be from %d to %d, not %d", low, high, v.v)
	}
}

func (l *loader) atLeast(v *value[time.Duration], low time.Duration) {
	if v.ok() && v.v < low {
		l.problem(v.at, "must be at least %s", FormatDuration(low))
	}
}
