package bench

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// A row is a piece of work that contenders are compared on.
type row struct {
	name  string // in benchmarks' names
	title string // for people

	accounts, messages int
	size               int64 // of a message, about
	exact              bool  // the first attachment has exactly that size
	memory             bool  // a server that sends from memory; else a Dovecot
	oneWay             time.Duration
	remove             bool // what was fetched
	ramDisk            bool // the files lie on one
	without            []string
}

var rows = []row{
	{
		name: "large-memory", title: "400 × 1.36 MB out of memory",
		accounts: 1, messages: 400, size: 1_400_000, memory: true,
	},
	{
		name: "large-dovecot", title: "400 × 1.36 MB from Dovecot",
		accounts: 1, messages: 400, size: 1_400_000,
	},
	{
		name: "small-dovecot", title: "5,000 × 8 KB from Dovecot",
		accounts: 1, messages: 5_000, size: 8_000,
	},
	{
		name: "far", title: "500 × 8 KB at 40 ms round trip, fetched and deleted",
		accounts: 1, messages: 500, size: 8_000, oneWay: 20 * time.Millisecond, remove: true,
	},
	{
		name: "accounts", title: "100 accounts × 20 × 70 KB from Dovecot",
		accounts: 100, messages: 20, size: 70_000,
	},
	{
		name: "large-ram", title: "400 × 1.36 MB out of memory onto a RAM disk",
		accounts: 1, messages: 400, size: 1_400_000, memory: true, ramDisk: true,
	},
	{
		name: "huge", title: "an attachment of 1 GiB from Dovecot",
		accounts: 1, messages: 1, size: 1 << 30, exact: true,
		without: []string{"files-parallel"},
	},
}

// isQuick reports whether the figures may be rough.
func isQuick() bool { return os.Getenv("ATTACHD_BENCH") == "quick" }

// quick makes a row smaller.
func (r row) quick() row {
	switch {
	case r.accounts > 4:
		r.accounts /= 4
	case r.exact:
		r.size /= 8
	case r.oneWay == 0:
		r.messages /= 4
	}
	r.title += " (a part of it)"
	return r
}

// rounds is how often each contender runs, beside once to warm up.
func rounds() int {
	if n, err := strconv.Atoi(strings.TrimSpace(os.Getenv("ATTACHD_ROUNDS"))); err == nil && n > 0 {
		return n
	}
	if isQuick() {
		return 3
	}
	return 5
}
