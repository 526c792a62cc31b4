package config

import (
	"math"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/yaml.v3"
)

// History says where attachd keeps what happened for the page, and how much.
type History struct {
	Path  string // absolute
	Items int    // files that came: more of them go, the oldest first
	Keep  time.Duration
}

// Defaults of the history.
const (
	DefaultHistoryItems = 2_000_000
	DefaultHistoryKeep  = 400 * 24 * time.Hour
)

// The history shows a day at least, and a page of files.
const (
	minHistoryKeep  = 24 * time.Hour
	minHistoryItems = 1000
)

// HistorySuffix makes the state's path the history's, unless the file gives another.
const HistorySuffix = ".history"

// rawHistory is the history section.
type rawHistory struct {
	Path  value[string]        `yaml:"path"`
	Items value[int]           `yaml:"items"`
	Keep  value[time.Duration] `yaml:"keep"`
}

func (r *rawHistory) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

// history checks the history section.
func (l *loader) history(r *rawHistory, c *Config) History {
	l.inRange(&r.Items, minHistoryItems, math.MaxInt32)
	l.atLeast(&r.Keep, minHistoryKeep)
	h := History{
		Path:  l.path(&r.Path, l.folder),
		Items: r.Items.or(DefaultHistoryItems),
		Keep:  r.Keep.or(DefaultHistoryKeep),
	}
	if !r.Path.set && c.State != "" {
		h.Path = c.State + HistorySuffix
	}
	switch fi, err := os.Stat(h.Path); {
	case !r.Path.set, h.Path == "":
	case h.Path == c.State:
		l.problem(r.Path.at, "is the same as state; the history has a file of its own, which may be lost")
	case h.Path != c.State+HistorySuffix && besideState(h.Path, c.State):
		l.problem(r.Path.at, "is a file that attachd keeps beside the state: name it otherwise, or leave this key out")
	case h.Path == c.Output:
		l.problem(r.Path.at, "is the same as output; it names a file of its own")
	case err == nil && fi.IsDir():
		l.problem(r.Path.at, "is a folder; it names a file, such as %s", filepath.Join(h.Path, "history.db"))
	}
	return h
}
