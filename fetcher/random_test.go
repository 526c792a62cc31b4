package fetcher

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// Environment variables for TestRandomMailbox: the seed of an earlier run to repeat it, and the
// number of episodes.
const (
	randomSeedEnv     = "ATTACHD_RANDOM_SEED"
	randomEpisodesEnv = "ATTACHD_RANDOM_EPISODES"
)

// TestRandomMailbox: each message is delivered once, and none is deleted before, whatever happens
// to the mailbox between two polls and wherever a poll is cut. Mail comes, is removed by others, is
// moved, is numbered anew, and is hidden for a while.
func TestRandomMailbox(t *testing.T) {
	t.Parallel()
	seed, episodes := rand.Uint64(), testsize.Of(8, 61)
	for name, value := range map[string]func(n uint64){randomSeedEnv: func(n uint64) { seed = n }, randomEpisodesEnv: func(n uint64) { episodes = int(n) }} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			value(n)
		}
	}
	for i := range episodes {
		seed := seed + uint64(i)
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { newEpisode(t, seed).run(t) })
	}
}

// episode is one mailbox and one account, from the first poll to a clean end.
type episode struct {
	*world
	random *rand.Rand
	now    time.Time
	box    []pop3test.Message // as the server has it, and its hidden ones
	hidden []pop3test.Message
	gone   []pop3test.Message // that attachd deleted

	numbered bool // UIDLs are small numbers, which come again
	noTop    bool
	next     int // number of the next message
	uidl     int // and of its UIDL
	fault    fault
	history  []string

	mu        sync.Mutex
	delivered map[int]time.Time // guarded by mu: by number of the message
	twice     []int             // guarded by mu
}

// fault is what the server does to one command of a poll.
type fault struct {
	command string
	nth     int // 0: nothing
	does    string
}

func newEpisode(t *testing.T, seed uint64) *episode {
	random := rand.New(rand.NewPCG(seed, 0))
	e := &episode{world: newWorld(t), random: random, now: time.Now(), delivered: make(map[int]time.Time)}
	e.sink.messageIDs = true
	e.server.Plaintext, e.account.Security = true, pop3.Plaintext
	e.server.Pipelining = random.IntN(4) > 0
	e.noTop = random.IntN(4) == 0
	// Without TOP nothing tells messages under a reused UIDL apart.
	e.numbered = !e.noTop && random.IntN(2) == 0
	switch random.IntN(3) {
	case 1:
		e.account.Delete = true
	case 2:
		e.account.Delete, e.account.DeleteAfter = true, 10*time.Hour
	}
	e.account.CommitDeletions, e.account.MaxMessages = random.IntN(3), random.IntN(2)*3
	e.supervisor.now = func() time.Time { return e.now }
	e.supervisor.Log = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.DebugLevel)
	e.supervisor.Observe = e.observe
	e.server.Hook = e.hook
	e.start(t)
	return e
}

// letter makes a message of one of a few sizes.
func (e *episode) letter() pop3test.Message {
	e.next++
	raw := fmt.Sprintf("Message-ID: <%d@example.org>\r\n\r\n%d ", e.next, e.next)
	raw += strings.Repeat("x", 60+100*e.random.IntN(2)-len(raw)) + "\r\n"
	return pop3test.Message{UIDL: e.newUIDL(), Raw: []byte(raw)}
}

// serial returns the number of a message, which stands in its text.
func serial(raw string) int {
	n := -1
	fmt.Sscanf(raw, "Message-ID: <%d@", &n)
	return n
}

func (e *episode) newUIDL() string {
	if !e.numbered {
		e.uidl++
		return fmt.Sprint("u", e.uidl)
	}
	last := 0
	for _, m := range slices.Concat(e.box, e.hidden) {
		n, _ := strconv.Atoi(m.UIDL)
		last = max(last, n)
	}
	return strconv.Itoa(last + 1)
}

func (e *episode) observe(is event.Event) {
	d, ok := is.(event.Delivered)
	if !ok {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	n := serial(d.Attachment.Path)
	if _, again := e.delivered[n]; again {
		e.twice = append(e.twice, n)
	}
	e.delivered[n] = e.now
}

func (e *episode) hook(c *pop3test.Conn, cmd, _ string) bool {
	if cmd == "TOP" && e.noTop {
		c.Reply("-ERR unknown command")
		return true
	}
	if cmd != e.fault.command || c.User() == "" {
		return false
	}
	if e.fault.nth--; e.fault.nth != 0 {
		return false
	}
	switch e.fault.does {
	case "refuse":
		c.Reply("-ERR [SYS/TEMP] not now")
	case "commit":
		if cmd == "QUIT" {
			c.Commit()
		}
		c.Cut()
	default:
		c.Cut()
	}
	return true
}

// happen changes the mailbox as servers and other clients do.
func (e *episode) happen() {
	for range e.random.IntN(3) {
		what := e.random.IntN(10)
		switch {
		case what < 4 && len(e.box)+len(e.hidden) < changedLeast-4:
			// With more messages, UIDLs that all changed would stop the account.
			n := 1 + e.random.IntN(4)
			for range n {
				e.box = append(e.box, e.letter())
			}
			e.note("%d arrive", n)
		case what == 4 && len(e.box) > 0:
			i := e.random.IntN(len(e.box))
			e.note("%s is removed", e.describe(e.box[i:i+1]))
			e.box = slices.Delete(e.box, i, i+1)
		case what == 5:
			e.note("all are removed")
			e.box = nil
		case what == 6 && e.numbered:
			e.note("numbered anew")
			for i := range e.box {
				e.box[i].UIDL = strconv.Itoa(i + 1)
			}
		case what == 6:
			e.note("all UIDLs change")
			for i := range e.box {
				e.box[i].UIDL = e.newUIDL()
			}
		case what == 7 && len(e.hidden) == 0 && !(e.account.Delete && e.account.DeleteAfter <= 0):
			e.note("all are hidden")
			e.box, e.hidden = nil, e.box
		case what == 8 && len(e.hidden) > 0:
			e.show()
		case what == 9 && len(e.gone) > 0:
			m := e.gone[e.random.IntN(len(e.gone))]
			m.UIDL = e.newUIDL()
			e.gone = slices.DeleteFunc(e.gone, func(g pop3test.Message) bool { return string(g.Raw) == string(m.Raw) })
			e.box = append(e.box, m)
			e.note("%s is put back", e.describe(e.box[len(e.box)-1:]))
		case what == 9:
			e.random.Shuffle(len(e.box), func(i, j int) { e.box[i], e.box[j] = e.box[j], e.box[i] })
			e.note("in another order")
		}
	}
}

// show brings back what was hidden, next to what has come since.
func (e *episode) show() {
	e.note("those hidden are back")
	back := e.hidden
	e.hidden = nil
	for i := range back {
		if slices.ContainsFunc(e.box, func(m pop3test.Message) bool { return m.UIDL == back[i].UIDL }) {
			back[i].UIDL = e.newUIDL()
		}
		e.box = append(e.box, back[i])
	}
}

func (e *episode) note(format string, args ...any) {
	e.history = append(e.history, fmt.Sprintf(format, args...))
}

func (e *episode) describe(messages []pop3test.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, fmt.Sprintf("%s=%d(%d)", m.UIDL, serial(string(m.Raw)), len(m.Raw)))
	}
	return "[" + strings.Join(all, " ") + "]"
}

// poll polls once and checks that nothing is gone that should be there.
func (e *episode) poll(t *testing.T, faulty bool) {
	t.Helper()
	e.server.Replace("u0", e.box...)
	e.fault = fault{}
	if faulty && e.random.IntN(3) == 0 {
		e.fault = fault{
			command: []string{"STAT", "UIDL", "LIST", "TOP", "RETR", "DELE", "QUIT"}[e.random.IntN(7)], nth: 1 + e.random.IntN(4),
			does: []string{"refuse", "cut", "commit"}[e.random.IntN(3)],
		}
	}
	e.note("poll %s %+v", e.describe(e.box), e.fault)
	planned := e.fault.nth
	err := e.once(t)
	var changed *identity.UIDLsChangedError
	if err != nil && (planned == 0 || errors.As(err, &changed)) {
		t.Errorf("poll failed: %v", err)
	}
	left := e.server.Mailbox("u0")
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.box {
		if slices.ContainsFunc(left, func(l pop3test.Message) bool { return string(l.Raw) == string(m.Raw) }) {
			continue
		}
		n := serial(string(m.Raw))
		at, ok := e.delivered[n]
		if !ok || !e.account.Delete || e.now.Sub(at) < e.account.DeleteAfter {
			t.Errorf("message %d was deleted (delivered: %t, %v ago)", n, ok, e.now.Sub(at))
		}
		e.gone = append(e.gone, m)
	}
	e.box = left
	e.now = e.now.Add(time.Hour)
}

// putBack reports whether a message is taken for one that was put back: its UIDL changed before
// QUIT was answered.
func (e *episode) putBack(t *testing.T, m pop3test.Message) bool {
	t.Helper()
	records, err := e.ledger.Lookup(t.Context(), e.account.Name, []string{m.UIDL, identity.OtherUIDL(m.UIDL, identity.Identify(m.Raw), nil)})
	if err != nil {
		t.Error(err)
	}
	return slices.ContainsFunc(records, func(r ledger.Record) bool {
		return r.Size == int64(len(m.Raw)) && r.State == ledger.Delivered && r.Delivered.IsZero()
	})
}

func (e *episode) run(t *testing.T) {
	for range 4 + e.random.IntN(12) {
		e.happen()
		e.poll(t, true)
	}
	// At the quiet end every wait is over.
	if len(e.hidden) > 0 {
		e.show()
	}
	quiet := 4
	if e.account.MaxMessages > 0 {
		quiet += len(e.box)
	}
	for range quiet {
		e.poll(t, false)
		e.now = e.now.Add(30 * time.Hour)
	}
	// Nothing is in doubt any more.
	asked := commands(e.world, "TOP") + commands(e.world, "RETR")
	e.poll(t, false)
	most := 0
	if e.numbered {
		most = 1 // the last one, and those that were put back under another's number
		for _, m := range e.box {
			if e.putBack(t, m) {
				most++
			}
		}
	}
	if n := commands(e.world, "TOP") + commands(e.world, "RETR") - asked; n > most {
		t.Errorf("messages are looked at for ever: %d", n)
	}
	if len(e.twice) > 0 {
		t.Errorf("delivered twice: %d", e.twice)
	}
	for _, m := range e.box {
		n := serial(string(m.Raw))
		if _, ok := e.delivered[n]; !ok {
			t.Errorf("message %d was not delivered", n)
		}
		if e.account.Delete && !e.putBack(t, m) {
			t.Errorf("message %d is left", n)
		}
	}
	if n := len(e.sink.Staged()); n > 0 {
		t.Errorf("%d staging files are left", n)
	}
	if t.Failed() {
		t.Logf("delete %t after %v, %d a QUIT, %d a poll; numbered %t, no TOP %t\n%s", e.account.Delete, e.account.DeleteAfter,
			e.account.CommitDeletions, e.account.MaxMessages, e.numbered, e.noTop, strings.Join(e.history, "\n"))
	}
}
