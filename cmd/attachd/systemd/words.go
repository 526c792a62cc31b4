package systemd

import (
	"strings"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// maxNames is how many accounts of a kind are named.
const maxNames = 3

// Words says for [Notifier.Status] how the accounts are, as in "12 accounts fine; 1 failing: orders
// (login refused)". It changes when an account gets well or ill, and not with each poll: an account
// that is being polled is as it was before.
func Words(s *status.Snapshot) string {
	var ill, failing []string
	fine, fresh, off := 0, 0, 0
	for i := range s.Accounts {
		switch a := &s.Accounts[i]; {
		case a.State == status.Off:
			off++
		case a.State == status.NeedsYou:
			ill = append(ill, named(a))
		case a.State == status.Failing || a.Failures > 0:
			failing = append(failing, named(a))
		case a.State == status.New || a.State == status.Polling && a.Polled.IsZero():
			fresh++
		default:
			fine++
		}
	}
	var parts []string
	say := func(n int, text ...string) {
		if n > 0 {
			parts = append(parts, strings.Join(text, " "))
		}
	}
	needs := "need you:"
	if len(ill) == 1 {
		needs = "needs you:"
	}
	say(fine, words.Count(fine, "account"), "fine")
	say(len(ill), words.Number(int64(len(ill))), needs, words.List(ill, maxNames))
	say(len(failing), words.Number(int64(len(failing))), "failing:", words.List(failing, maxNames))
	say(fresh, words.Number(int64(fresh)), "not polled yet")
	say(off, words.Number(int64(off)), "switched off")
	if len(parts) == 0 {
		parts = []string{"no accounts yet: attachd init or attachd account add makes one"}
	}
	for _, c := range s.NeedsYou {
		if len(c.Accounts) == 0 { // a disk, the configuration
			parts = append(parts, "needs you: "+c.Heading)
		}
	}
	return strings.Join(parts, "; ")
}

// named is an account with what ails it.
func named(a *status.Account) string {
	if a.Why == "" {
		return a.Name
	}
	return a.Name + " (" + a.Why + ")"
}
