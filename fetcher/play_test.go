package fetcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// tally is a sink that keeps whole messages, one copy for each time that one is published.
type tally struct {
	*memory
	copies [][]byte // published messages
	kept   [][]byte // messages in quarantine
	most   int64    // how many bytes Stage reads of each message; 0: all
}

func (s *tally) Stage(_ context.Context, _ string, r io.Reader) (delivery.Staged, error) {
	if s.most > 0 {
		r = io.LimitReader(r, s.most)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return delivery.Staged{}, err
	}
	sum := sha256.Sum256(body)
	name := hex.EncodeToString(sum[:8])
	if err := s.step("stage %s", name); err != nil {
		return delivery.Staged{}, err
	}
	return delivery.Staged{Attachments: []ledger.Attachment{s.Add(body, name)}}, nil
}

func (s *tally) Publish(ctx context.Context, files []*ledger.Attachment) error {
	before := s.Staged()
	err := s.memory.Publish(ctx, files)
	after := s.Staged()
	for _, f := range files {
		body, was := before[f.StagingID]
		_, still := after[f.StagingID]
		switch {
		case !was || still:
		case strings.HasSuffix(f.Path, ".eml"):
			s.kept = append(s.kept, body)
		case !strings.HasSuffix(f.Path, ".txt"):
			s.copies = append(s.copies, body)
		}
	}
	return err
}

var (
	none       = []string{} // no message
	logins     = []string{"USER", "PASS", "APOP", "AUTH"}
	everything = []string{"CAPA", "USER", "PASS", "APOP", "AUTH", "QUIT"}
)

type hook = func(c *pop3test.Conn, cmd, args string) bool

// play is a mailbox that is polled several times, and the outcome that must come of it. Messages
// are deleted unless keep is set.
type play struct {
	raws    []string // nil: three short messages
	server  func(s *pop3test.Server)
	hook    hook
	account func(a *Account)
	sink    func(s *tally)
	mode    session.Security
	keep    bool
	hasty   bool          // the timeouts are short
	pause   time.Duration // between polls, on the account's clock

	errs  []string // a part of each poll's error, "" for none; nil: two polls that end well
	want  []string // the messages that are delivered, in any order; nil: raws
	left  int      // how many messages are on the server at the end; with keep: all
	never []string // commands that the server must not see
}

func (p play) test(t *testing.T) { p.run(t) }

// run polls and checks the outcome.
func (p play) run(t *testing.T) (*world, *tally) {
	t.Helper()
	p = p.withDefaults()
	w, sink := p.begin(t)
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	for i, want := range p.errs {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		errs := w.whole(w.supervisor.RunOnce(ctx, []Account{w.account}))
		if ctx.Err() != nil {
			t.Fatalf("poll %d: the account is stuck", i+1)
		}
		cancel()
		if want == "" && len(errs) > 0 || want != "" && (len(errs) == 0 || !strings.Contains(errs[0].Error(), want)) {
			t.Errorf("poll %d: error %v, want %q", i+1, errs, want)
		}
		now = now.Add(p.pause)
	}
	p.check(t, w, sink)
	return w, sink
}

func (p play) withDefaults() play {
	if p.raws == nil {
		p.raws = []string{"one\r\n", "two\r\n", "three\r\n"}
	}
	if p.want == nil {
		p.want = p.raws
	}
	if p.errs == nil {
		p.errs = []string{"", ""}
	}
	if p.keep {
		p.left = len(p.raws)
	}
	return p
}

// begin starts the server and returns an account on it.
func (p play) begin(t *testing.T) (*world, *tally) {
	t.Helper()
	p = p.withDefaults()
	w := newWorld(t)
	for i, raw := range p.raws {
		w.server.Mailboxes["u0"] = append(w.server.Mailboxes["u0"], pop3test.Message{UIDL: fmt.Sprintf("uid-%d", i+1), Raw: []byte(raw)})
	}
	w.server.Hook = p.hook
	w.account.Delete, w.account.Security = !p.keep, p.mode
	if p.hasty {
		w.account.Timeouts = pop3.Timeouts{Greeting: time.Second, TLS: 5 * time.Second, Reply: time.Second, Idle: time.Second}
	}
	if p.server != nil {
		p.server(w.server)
	}
	if p.account != nil {
		p.account(&w.account)
	}
	sink := &tally{memory: w.sink}
	if p.sink != nil {
		p.sink(sink)
	}
	w.account.OpenSink = func(context.Context) (delivery.Sink, error) { return sink, nil }
	w.start(t)
	return w, sink
}

func (p play) check(t *testing.T, w *world, sink *tally) {
	t.Helper()
	var got []string
	for _, body := range sink.copies {
		got = append(got, string(body))
	}
	want := slices.Clone(p.want)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("delivered %.300q, want %.300q", got, want)
	}
	if left := w.server.Mailbox("u0"); len(left) != p.left {
		t.Errorf("%d messages left on the server, want %d", len(left), p.left)
	}
	if len(sink.Staged()) != 0 {
		t.Errorf("%d staging files left", len(sink.Staged()))
	}
	for _, line := range w.server.Log() {
		verb, _, _ := strings.Cut(line, " ")
		if slices.Contains(p.never, verb) {
			t.Errorf("the server was sent %q", line)
		}
	}
}

// answers is a hook that answers commands with bytes: pairs holds a command and its bytes in turn.
// A command is a verb, or a verb with its arguments.
func answers(pairs ...string) hook {
	return func(c *pop3test.Conn, cmd, args string) bool {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == cmd || pairs[i] == cmd+" "+args {
				c.Send([]byte(pairs[i+1]))
				return true
			}
		}
		return false
	}
}

// on is a hook that does something at one command.
func on(command string, do func(c *pop3test.Conn)) hook {
	return func(c *pop3test.Conn, cmd, args string) bool {
		if command != cmd && command != cmd+" "+args {
			return false
		}
		do(c)
		return true
	}
}

// first limits a hook to the first n times that it answers.
func first(n int32, h hook) hook {
	var said atomic.Int32
	return func(c *pop3test.Conn, cmd, args string) bool {
		// The count comes before h: once h has answered, the client may be back in another session.
		if said.Add(1) > n || !h(c, cmd, args) {
			said.Add(-1)
			return false
		}
		return true
	}
}

// once is a case in which the first poll fails at a command.
func once(command string, do func(c *pop3test.Conn), err string) func(t *testing.T) {
	return func(t *testing.T) { play{hook: first(1, on(command, do)), errs: []string{err, "", ""}}.run(t) }
}

func hang(c net.Conn) { io.Copy(io.Discard, c) }

// subtests runs plays in parallel, each under its name.
func subtests(t *testing.T, plays map[string]play) {
	for name, p := range plays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.run(t)
		})
	}
}

// quickIdle shortens the pause after which a message may be at its end.
func quickIdle(a *Account) { a.Timeouts.Idle = 1600 * time.Millisecond }

// isMessage reports whether a command is the RETR of the message with this UIDL.
func isMessage(c *pop3test.Conn, cmd, args, uidl string) bool {
	return cmd == "RETR" && c.UIDL(args) == uidl
}

func byPassword(a *Account) { a.Auth = session.AuthPass }
