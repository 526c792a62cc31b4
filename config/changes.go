package config

import (
	"reflect"
	"slices"
)

// Changes lists the keys at the top level that say something else in updated than in old, in the
// order of the example file. Files that a section refers to count as part of it: a new token in
// token_file changes http. Accounts are left to [Diff], and ping also lists the pings of accounts,
// as they belong to the same service. A nil Config has no keys, so everything counts as changed.
//
// What can take effect while attachd runs is the caller's to know.
func Changes(old, updated *Config) (keys []string) {
	for _, k := range []struct {
		key string
		of  func(c *Config) any
	}{
		{"output", func(c *Config) any { return c.Output }},
		{"state", func(c *Config) any { return c.State }},
		{"interval", func(c *Config) any { return c.Interval }},
		{"max_concurrent", func(c *Config) any { return c.MaxConcurrent }},
		{"max_per_host", func(c *Config) any { return c.MaxPerHost }},
		{"file_mode", func(c *Config) any { return c.FileMode }},
		{"folder_mode", func(c *Config) any { return c.FolderMode }},
		{"group", func(c *Config) any { return c.Group }},
		{"log", func(c *Config) any { return c.Log }},
		{"limits", func(c *Config) any { return c.Limits }},
		{"http", func(c *Config) any { return c.HTTP }},
		{"metrics", func(c *Config) any { return c.Metrics }},
		{"history", func(c *Config) any { return c.History }},
		{"ping", func(c *Config) any { return c.pings() }},
		{"notify", func(c *Config) any { return c.Notify.unplaced() }},
		{"accounts_dir", func(c *Config) any { return c.AccountsDir }},
	} {
		if old == nil || updated == nil || !reflect.DeepEqual(k.of(old), k.of(updated)) {
			keys = append(keys, k.key)
		}
	}
	return keys
}

// pings are all ping URLs by the account's name; "" is for all of them. The fingerprints are there
// for URLs in files.
func (c *Config) pings() map[string]any {
	pings := map[string]any{"": c.Ping}
	for _, a := range c.Enabled() {
		if !a.Ping.IsZero() {
			pings[a.Name] = [2]any{a.Ping, a.Secrets}
		}
	}
	return pings
}

// unplaced returns n without the places of its targets, which change with any line above them.
func (n Notify) unplaced() Notify {
	n.To = slices.Clone(n.To)
	for i := range n.To {
		n.To[i].Place = ""
	}
	return n
}
