package config

import (
	"strings"
	"testing"
)

// TestGroupMissing: a group that does not exist is a warning at its first place, once for each
// name, and a number needs no name.
func TestGroupMissing(t *testing.T) {
	t.Parallel()
	_, warnings := load1(t, `output: out
state: db
group: nosuchgroup
defaults: {host: h, group: nosuchother}
accounts:
- {name: a, username: a, password: x, group: 4242}
- {name: b, username: b, password: x}
- {name: c, username: c, password: x}
- {name: d, username: d, password: x, group: nosuchgroup}
`)
	var got []string
	for _, w := range warnings {
		if w.Kind == WarnNoGroup {
			got = append(got, w.String())
		}
	}
	if len(got) != 2 || !strings.Contains(got[0], ":3:8: group: group nosuchgroup does not exist") || !strings.Contains(got[1], ":4:") {
		t.Errorf("warnings %q", got)
	}
}
