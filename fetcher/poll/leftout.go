package poll

import (
	"maps"
	"slices"

	"github.com/attachd/attachd/fetcher/event"
)

// mostStaying is how many messages that stay on the server a visit tells of one by one.
const mostStaying = 100

// Reasons why a message is not fetched, or not delivered.
const (
	whyOversized = "larger than max_message_size"
	whyPutBack   = "delivered before and deleted, and put back by somebody"
	whyBefore    = "on the server before the account's start"
)

// tellOversized tells of the messages left on the server for their size, those that the visit
// before left apart.
func (v *visit) tellOversized(now map[string]int64) {
	if v.poller.Observe == nil {
		return
	}
	var fresh []string
	for _, uidl := range slices.Sorted(maps.Keys(now)) {
		if _, told := v.Past.oversized[uidl]; !told {
			fresh = append(fresh, uidl)
		}
	}
	told := fresh[:min(len(fresh), mostStaying)]
	for i, uidl := range told {
		e := event.LeftOut{
			Account: v.Account.Name, UIDL: uidl, Octets: now[uidl], Size: now[uidl], Why: whyOversized, Setting: "max_message_size", Stays: true,
		}
		if i == len(told)-1 {
			e.More = len(fresh) - len(told)
		}
		v.poller.observe(e)
	}
}
