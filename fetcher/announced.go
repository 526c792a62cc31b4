package fetcher

import (
	"sync"
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
)

// maxLoginDelay is the longest time between two logins that a server is believed to want. One
// that means a longer one will say so when it refuses a login.
const maxLoginDelay = time.Hour

// announced is what a server announces about how often one may come and how long it keeps
// what was read.
type announced struct {
	loginDelay time.Duration // 0: none
	expire     time.Duration
	expires    bool
}

// announcements reads CAPA. What Gmail announces, EXPIRE 0 and LOGIN-DELAY 300, it does not do:
// mail stays where its settings say so, and a mailbox is drained in batches one
// behind the other.
func announcements(caps pop3.Capabilities, gmail bool) announced {
	if gmail {
		return announced{}
	}
	a := announced{loginDelay: min(caps.LoginDelay(), maxLoginDelay)}
	a.expire, a.expires = caps.Expire()
	return a
}

// noteExpiry says, once for each account while the process lives, that the server keeps messages for a
// shorter time than the account is told to.
func (p *poll) noteExpiry(a announced) {
	days := int(a.expire / (24 * time.Hour))
	switch {
	case !a.expires, p.account.Delete && p.account.DeleteAfter <= a.expire:
		return
	case !p.said.first(p.account.Name):
		return
	case p.account.Delete:
		p.log.Warn().Int("days", days).Str("delete_after", p.account.DeleteAfter.String()).Msg("server announces to delete messages before delete_after does (CAPA EXPIRE)")
	default:
		p.log.Warn().Int("days", days).Msg("server announces to delete messages by itself, although after is keep (CAPA EXPIRE)")
	}
}

// reminders remembers what has been said.
type reminders struct {
	mu   sync.Mutex
	said map[string]bool // guarded by mu
}

func (r *reminders) first(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said[name] {
		return false
	}
	if r.said == nil {
		r.said = make(map[string]bool)
	}
	r.said[name] = true
	return true
}
