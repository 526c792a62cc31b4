package status

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/config"
)

// build makes a snapshot and puts it in place. b.building is held. The board's mutex is held only
// while what is known is copied.
func (b *Board) build() *Snapshot {
	now := b.now()
	s := &Snapshot{At: now, Count: make(map[State]int)}
	c := &cases{now: now, groups: make(map[string]*group), needsYouAfter: config.DefaultNeedsYouAfter}
	b.mu.Lock()
	changes, loaded := b.changes, b.config != nil
	c.needsYouAfter, c.certificateBefore = b.limits()
	s.Machine = b.machine()
	standings := b.standings(&s.Machine, c)
	s.Certificates = b.certificates(c)
	b.watchedCases(s, c)
	s.NeedsYou, s.Handled = c.split()
	b.copyAccounts(s, c, standings)
	b.mu.Unlock()
	s.Sentence, s.Rest = sentence(s, loaded)
	b.publish(s, changes)
	return s
}

// publish puts a snapshot in place and gives it its version.
func (b *Board) publish(s *Snapshot, changes uint64) {
	before := b.snapshot.Load()
	s.changes, s.gist = changes, gist(s)
	if before != nil {
		s.Version = before.Version
	}
	changed := before == nil || changes != before.changes || s.gist != before.gist
	if changed {
		s.Version++
	}
	b.snapshot.Store(s)
	if changed {
		b.readers.tell()
	}
}

// gist is what changes when time alone makes a handled trouble one that needs somebody.
func gist(s *Snapshot) string {
	var out strings.Builder
	out.WriteString(s.Sentence)
	for _, list := range [][]Case{s.NeedsYou, s.Handled} {
		for i := range list {
			out.WriteString("\n" + list[i].Key)
		}
		out.WriteString("\n\n")
	}
	return out.String()
}

// limits are what the configuration says of cases. b.mu is held.
func (b *Board) limits() (needsYouAfter, certificateBefore time.Duration) {
	if b.config == nil {
		return config.DefaultNeedsYouAfter, config.DefaultCertificateBefore
	}
	if needsYouAfter = b.config.HTTP.NeedsYouAfter; needsYouAfter <= 0 {
		needsYouAfter = config.DefaultNeedsYouAfter
	}
	return needsYouAfter, b.config.Notify.CertificateBefore
}

// standing is how an account stands, while the cases are being put together.
type standing struct {
	key, said, why string // of its case
	owner          trouble.Owner
	polling        bool
}

// standings finds the cases of the accounts, in the board's order, and counts the polls. b.mu is
// held.
func (b *Board) standings(m *Machine, c *cases) []standing {
	all := make([]standing, len(b.order))
	for i, a := range b.order {
		if !a.settings.enabled {
			continue
		}
		t := &all[i]
		t.polling = a.phase == phasePolling || a.phase == phaseRetrieving
		t.key, t.said, t.why, t.owner = c.ofAccount(a, b.started)
		if t.polling {
			m.Polling++
		} else if a.phase == phaseWaiting {
			m.Due++
		}
		m.Lag = max(m.Lag, a.lag)
	}
	return all
}

// copyAccounts copies the accounts, those in trouble first, and otherwise by name. b.mu is held.
func (b *Board) copyAccounts(s *Snapshot, c *cases, standings []standing) {
	states := make([]State, len(b.order))
	for i, a := range b.order {
		states[i] = stateOf(a, &standings[i], c.groups[standings[i].key])
		s.Count[states[i]]++
	}
	s.Accounts = make([]Account, 0, len(b.order))
	for r := range lastRank + 1 {
		for i, a := range b.order {
			if rank(states[i]) != r {
				continue
			}
			t := &standings[i]
			s.Accounts = append(s.Accounts, a.now)
			made := &s.Accounts[len(s.Accounts)-1]
			made.State, made.Case, made.Said, made.Why, made.Quarantine = states[i], t.key, t.said, t.why, b.seen.counts[made.Name]
		}
	}
}

// stateOf returns the state of an account, whose case may be nil.
func stateOf(a *account, t *standing, g *group) State {
	switch {
	case !a.settings.enabled:
		return Off
	case g != nil && g.NeedsYou:
		return NeedsYou
	case g != nil && t.owner == trouble.Server:
		return Waiting
	case g != nil:
		return Failing
	case t.polling:
		return Polling
	case a.now.Polled.IsZero():
		return New
	}
	return Fine
}

const lastRank = 4

// rank orders states. A poll that begins or ends moves no row.
func rank(s State) int {
	switch s {
	case NeedsYou:
		return 0
	case Failing:
		return 1
	case Waiting:
		return 2
	case Off:
		return lastRank
	}
	return 3
}

// machine copies what is known of the machine. b.mu is held.
func (b *Board) machine() Machine {
	m := Machine{
		Started: b.started, Version: b.options.Version, Disks: b.seen.disks, State: b.seen.files["state"], History: b.seen.files["history"], Config: b.read,
	}
	if b.options.Beat != nil {
		m.Beat = b.options.Beat()
	}
	return m
}

// certificates returns the certificates of the servers, and makes a case of each that ends soon. Of
// several of one server the one that ends first counts. b.mu is held.
func (b *Board) certificates(c *cases) []Certificate {
	ends := make(map[string]*Certificate)
	for _, a := range b.order {
		if !a.settings.enabled || a.now.Session.NotAfter.IsZero() {
			continue
		}
		is := ends[a.now.Host]
		if is == nil {
			is = &Certificate{Host: a.now.Host, NotAfter: a.now.Session.NotAfter}
			ends[a.now.Host] = is
		}
		is.NotAfter = firstOf(is.NotAfter, a.now.Session.NotAfter)
		is.Accounts++
	}
	var all []Certificate
	for _, host := range slices.Sorted(maps.Keys(ends)) {
		all = append(all, *ends[host])
		if g := c.certificate(*ends[host]); g != nil {
			for _, a := range b.order {
				if a.settings.enabled && a.now.Host == host && !a.now.Session.NotAfter.IsZero() {
					g.Accounts = append(g.Accounts, a.now.Name)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(x, y Certificate) int { return x.NotAfter.Compare(y.NotAfter) })
	return all
}
