package bench

import (
	"os"
	"strconv"
	"strings"
	"testing"
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
	fullHandshakes     bool  // it resumes no session
	rsa                bool  // its key is of RSA, not ECDSA
	extract            bool  // there is no server, but a file
	oneWay             time.Duration
	remove             bool  // what was fetched
	ramDisk            bool  // the files lie on one
	memoryLimit        int64 // of all that a run takes, page cache included; 0 for none
	without            []string
	goals              []goal
	// measure is how the row is measured; nil: by runs that begin and end.
	measure func(testing.TB, row, []contender) reportRow
}

var rows = []row{
	{
		name: "large-memory", title: "400 × 1.36 MB out of memory",
		accounts: 1, messages: 400, size: 1_400_000, memory: true,
		goals: []goal{{"wall", []string{"drain"}, 1.6}, {"CPU", []string{"mpop+ripMIME"}, 1. / 8}},
	},
	{
		name: "large-dovecot", title: "400 × 1.36 MB from Dovecot",
		accounts: 1, messages: 400, size: 1_400_000,
		goals: []goal{{"wall", []string{"drain"}, 1}},
	},
	{
		name: "small-dovecot", title: "5,000 × 8 KB from Dovecot",
		accounts: 1, messages: 5_000, size: 8_000,
		without: []string{"getmail6+munpack"}, // a quarter of an hour
		goals:   []goal{{"wall", []string{"drain", "files-parallel"}, 1.2}, {"CPU", []string{"mpop+ripMIME"}, 1. / 6}},
	},
	{
		name: "far", title: "500 × 8 KB at 40 ms round trip, fetched and deleted",
		accounts: 1, messages: 500, size: 8_000, oneWay: 20 * time.Millisecond, remove: true,
		without: []string{"fdm+ripMIME", "fetchmail+ripMIME", "getmail6+munpack"}, // minutes; Python waits as often
		goals:   []goal{{"wall", []string{"drain"}, 1.25}},
	},
	{
		name: "accounts", title: "100 accounts × 20 × 70 KB from Dovecot",
		accounts: 100, messages: 20, size: 70_000,
		without: []string{"getmail6+munpack"}, // minutes
		goals:   []goal{{"wall", []string{"drain"}, 1.2}},
	},
	{
		name: "large-ram", title: "400 × 1.36 MB out of memory onto a RAM disk",
		accounts: 1, messages: 400, size: 1_400_000, memory: true, ramDisk: true,
		without: []string{"mpop", "fetchmail+ripMIME", "getmail6+munpack"}, // as on a disk
		goals:   []goal{{"wall", []string{"drain"}, 1.5}},
	},
	{
		name: "polls", title: "a poll that finds nothing new, of a daemon with 100 accounts",
		accounts: 100, messages: 3, size: 2_000, memory: true, measure: comparePolls,
	},
	{
		name: "start", title: "from the start of the program to its first byte at the server",
		accounts: 1, messages: 1, size: 2_000, memory: true, measure: compareStarts,
	},
	{
		name: "many", title: "a daemon with 10,000 accounts, each polled every 5 minutes, 40 s after its start",
		accounts: 10_000, memory: true, measure: watchMany,
	},
	{
		name: "far-accounts", title: "50 accounts × 60 × 3 KB at 40 ms round trip, fetched and deleted",
		accounts: 50, messages: 60, size: 3_000, oneWay: 20 * time.Millisecond, remove: true,
		without: []string{"mpop", "fetchmail+ripMIME", "getmail6+munpack", "Python"}, // minutes, one by one
	},
	{
		name: "extract", title: "100 MB in a message file, without a server",
		accounts: 1, messages: 1, size: 100 << 20, exact: true, extract: true,
	},
	{
		name: "huge", title: "an attachment of 1 GiB from Dovecot",
		accounts: 1, messages: 1, size: 1 << 30, exact: true,
		without: []string{"files-parallel", "getmail6+munpack", "Python"}, // they hold it in memory ten times
		goals:   []goal{{"peak", nil, 32}},
	},
	{
		name: "huge-limited", title: "the same with 32 MiB of memory in all, page cache included",
		accounts: 1, messages: 1, size: 1 << 30, exact: true, memoryLimit: 32 << 20,
		without: []string{"files", "files-parallel", "mpop", "mpop+ripMIME", "fdm+ripMIME", "fetchmail+ripMIME", "getmail6+munpack", "Python"},
		goals:   []goal{{"peak", nil, 32}},
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
		return 1
	}
	return 3
}
