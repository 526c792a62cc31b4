package fetcher

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// weirdCase is one thing that servers in the field do, and what we do then.
type weirdCase struct {
	number int
	group  string
	server string
	we     string
	// test, or elsewhere: "FILE TEST".
	test      func(t *testing.T)
	elsewhere string
}

// weirdCases is what POP3 servers in the field do, case by case. Most play a script
// through whole polls; the outcome is what counts: what was delivered byte for byte,
// that nothing is doubled or deleted too early, and what the server got to see.
var weirdCases = []weirdCase{
	{1, "Framing", "sends bare LF everywhere", "accept", sendsWire("one\n\ntext\n", "+OK\none\n\ntext\n.\r\n"), ""},
	{2, "Framing", "ends a message with dot and bare LF", "accept", sendsWire("one\r\n", "+OK\r\none\r\n.\n"), ""},
	{3, "Framing", "sends each byte in a segment of its own", "accept", byteByByte, ""},
	{4, "Framing", "sends no CRLF before the final dot (Exchange 2000)", "ask NOOP behind a pause, whose reply shows that the message is over", noCRLF, ""},
	{5, "Framing", "stuffs as it should: .., ..., first line ..", "take off one dot", sendsWire(".\r\n..a\r\n...\r\n.\r\n", "+OK\r\n..\r\n...a\r\n....\r\n..\r\n.\r\n"), ""},
	{6, "Framing", "does not stuff a line .x", "keep the dot", sendsWire(".x\r\n..y\r\n", "+OK\r\n.x\r\n...y\r\n.\r\n"), ""},
	{7, "Framing", "does not stuff a lone dot; what follows may look like a reply", "do not deliver the cut copy; read it to its listed length, dots and all", loneDot, ""},
	{8, "Framing", "sends a lone dot behind a bare LF or CR", "LF ends a line, CR does not", loneDotBehind, ""},
	{9, "Framing", "sends lines of 4095 to 1,000,000 bytes", "no limit, each byte kept", longLines, ""},
	{10, "Framing", "sends NUL, 8-bit bytes, bare CR", "keep", sendsWire("a\x00b\xff\xfe\rc\x80\r\n", "+OK\r\na\x00b\xff\xfe\rc\x80\r\n.\r\n"), ""},
	{11, "Framing", "has messages that are empty, header only, body only", "deliver each", oddMessages, ""},
	{12, "Framing", "ends the connection before the dot, within a line, within CRLF; with close_notify, FIN or RST", "never take it for the end of the message", cutBeforeDot, ""},
	{13, "Framing", "never ends a message", "give up at the size limit, fetch the others", endlessMessage, ""},
	{14, "Framing", "drips a byte now and then", "want 4 KiB within eight pauses, and an end to the session", slowDrip, ""},

	{15, "Status", "answers +OK and nothing else", "accept", play{hook: answers("CAPA", "+OK\r\n.\r\n", "RETR 1", "+OK\r\none\r\n.\r\n", "STAT", "+OK\r\n", "NOOP", "+OK\r\n")}.test, ""},
	{16, "Status", "answers +ERR, +OKAY, an empty line, IMAP or HTTP; or +ok", "only +OK is OK, in any case of letters", onlyOK, ""},
	{17, "Status", "sends a status line of 8 KB", "accept up to 8 KiB", longStatus, ""},
	{18, "Status", "says +OK twice (FTGate)", "notice, do not believe the message, fetch the others", doubleOK, ""},
	{19, "Status", "sends -ERR without text, with an unknown code, with a code in lower case", "a refusal of that message", bareErr, ""},

	{20, "Greeting", "greets with no timestamp that APOP could answer, or with several", "send neither digest nor password", badTimestamps, ""},
	{21, "Greeting", "does not greet", "give up in time, and guess why", play{hasty: true, server: func(s *pop3test.Server) { s.Serve = hang }, want: none, left: 3, errs: []string{"no greeting within"}, never: everything}.test, ""},
	{22, "Greeting", "greets with -ERR", "show its words, send nothing", play{server: func(s *pop3test.Server) { s.Greeting = "-ERR [SYS/TEMP] come back later" }, want: none, left: 3, errs: []string{"come back later"}, never: everything}.test, ""},
	{23, "Greeting", "speaks TLS on the clear port, or the reverse", "say which it is", wrongPort, ""},

	{24, "CAPA", "refuses CAPA", "go on without", play{hook: answers("CAPA", "-ERR what?\r\n")}.test, ""},
	{25, "CAPA", "closes on CAPA", "ask again without, in the same poll", closesOnCapa, ""},
	{26, "CAPA", "never ends the list", "stop after 200 lines, ask again without", play{hook: on("CAPA", func(c *pop3test.Conn) {
		for c.Reply("+OK"); c.Send([]byte("X-ENDLESS\r\n")) == nil; {
		}
	})}.test, ""},
	{27, "CAPA", "sends a line that starts with a dot, not stuffed", "read on", play{hook: answers("CAPA", "+OK\r\n.x\r\nUIDL\r\n.\r\n")}.test, ""},
	{28, "CAPA", "announces PIPELINING and UIDL only after the login", "ask again behind it", capaAfterLogin, ""},
	{29, "CAPA", "announces in lower case", "accept", play{hook: answers("CAPA", "+OK\r\nuidl\r\npipelining\r\n.\r\n")}.test, ""},
	{30, "CAPA", "answers STLS, and something is in the clear behind it", "stop: somebody on the line put it there", play{mode: pop3.StartTLS, server: func(s *pop3test.Server) { s.STLS = true }, hook: answers("STLS", "+OK\r\n+OK welcome\r\n"), want: none, left: 3, errs: []string{"injected"}, never: logins}.test, ""},
	{31, "CAPA", "lacks STLS, which is required", "send no login", play{mode: pop3.StartTLS, server: func(s *pop3test.Server) { s.Plaintext = true }, want: none, left: 3, errs: []string{"does not offer STLS"}, never: logins}.test, ""},

	{32, "Auth", "refuses the login with each code, or closes", "show its words, wait as the code says, never give up", refusedLogins, ""},
	{33, "Auth", "disconnects after 3 bad commands (Dovecot)", "send none but CAPA", play{hook: answers("CAPA", "-ERR 1\r\n"), never: []string{"AUTH", "HELP", "LANG", "UTF8", "XTND"}}.test, ""},
	{34, "Auth", "has passwords with spaces, UTF-8, %, of 200 bytes", "send as they are; never one with CR or LF", passwords, ""},

	{35, "Lists", "garbles UIDL, LIST and STAT in every way", "take the numbers and names that there are", garbledLists, ""},
	{36, "Lists", "lists a million messages", "memory stays bounded", nil, "identity/listing_test.go TestMillionMessages"},
	{37, "Lists", "has gaps, disorder, 0, negative and huge numbers", "leave out what is no number, try 0", play{hook: answers("UIDL", "+OK\r\n0 zero\r\n-1 minus\r\n9223372036854775808 huge\r\n3 uid-3\r\n1 uid-1\r\n2 uid-2\r\n.\r\n")}.test, ""},
	{38, "Lists", "has a UIDL list shorter or longer than LIST", "the UIDL list counts; what it lacks is told", unequalLists, ""},
	{39, "Lists", "cuts the connection inside a list", "ask again at once", once("UIDL", func(c *pop3test.Conn) { c.Reply("+OK", "1 uid-1"); c.Cut() }, ""), ""},
	{40, "Lists", "shows an empty or a shorter list once", "fetch nothing again afterwards", shortListOnce, ""},
	{41, "Lists", "changes all UIDLs (a migration)", "know the attachments by their bytes where duplicates are skipped", allUIDLsChanged, ""},
	{42, "Lists", "uses a UIDL again for another message", "another size is another message", nil, "listing_test.go TestSameUIDLOtherSize"},
	{43, "Lists", "reorders the messages", "the UIDL counts, not the number", reordered, ""},

	{44, "Retrieval", "refuses a RETR once, always, or with Download exceed", "fetch and delete the others, ask again later", refusedRetr, ""},
	{45, "Retrieval", "lists sizes that are 0, wrong, tenfold, 2^40", "a hint only", wrongSizes, ""},
	{46, "Retrieval", "drops or mixes pipelined replies, or disconnects", "believe none of the batch, ask again without pipelining", brokenPipelining, ""},
	{47, "Retrieval", "stops reading while we do not read", "few commands ahead", nil, "pop3/session_test.go TestBigMessages"},
	{48, "Retrieval", "drops us as idle while a message is taken apart", "keep what was received, fetch the rest", idleDrop, ""},
	{49, "Retrieval", "ends every session after a while (WildDuck, 60 s)", "get further with each poll", absoluteLimit, ""},

	{50, "Commit", "sees us killed at every step", "0 lost, 0 doubled", nil, "../cmd/attachd/kill_test.go TestKill"},
	{51, "Commit", "sees us stopped in a message", "commit what is whole, delete nothing", nil, "supervisor_test.go TestStopCommitsWhatIsStaged"},
	{52, "Commit", "drops the line at QUIT, refuses QUIT, does not answer it", "deletions stay pending, nothing is fetched again", quitFails, ""},
	{53, "Commit", "sees our disk fail at each step", "no DELE, no QUIT", nil, "order_test.go TestFailedStep"},
	{54, "Commit", "is polled with a ledger that is damaged or of another version", "stop loudly", nil, "ledger/sqlite/ledger_test.go TestOpenRefuses"},
	{55, "Commit", "has two daemons polling one mailbox", "one waits", twoDaemons, ""},
	{56, "Commit", "takes RETR and QUIT as consumed (Gmail)", "no QUIT while something is not committed", gmailModel, ""},
	{57, "Commit", "deletes on RETR", "deliver what came, once", deletesOnRetr, ""},
}

// TestCases plays all that servers do.
func TestCases(t *testing.T) {
	t.Parallel()
	for i, c := range weirdCases {
		if c.number != i+1 {
			t.Fatalf("case %d stands in the place of %d", c.number, i+1)
		}
		t.Run(fmt.Sprintf("%02d %s: %s", c.number, c.group, c.server), func(t *testing.T) {
			t.Parallel()
			if c.test != nil {
				c.test(t)
				return
			}
			file, name, _ := strings.Cut(c.elsewhere, " ")
			source, err := os.ReadFile(file)
			if err != nil || !bytes.Contains(source, []byte("\nfunc "+name+"(t *testing.T)")) {
				t.Errorf("no test %s in %s (%v)", name, file, err)
			}
		})
	}
}

// tally is a sink that keeps whole messages, one copy for each time it was asked to.
type tally struct {
	*memory
	copies [][]byte // published
	kept   [][]byte // in quarantine
	most   int64    // read of each message; 0: all
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
	none       = []string{} // of the messages
	logins     = []string{"USER", "PASS", "APOP", "AUTH"}
	everything = []string{"CAPA", "USER", "PASS", "APOP", "AUTH", "QUIT"}
)

type hook = func(c *pop3test.Conn, cmd, args string) bool

// play is a mailbox that is polled again and again, in delete mode unless it says
// otherwise, and what must have come of it in the end.
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

	errs  []string // of each poll, in part; nil: two polls that end well
	want  []string // delivered, in any order; nil: raws
	left  int      // on the server at the end; of keep: all
	never []string // commands that the server must not see
}

func (p play) test(t *testing.T) { p.run(t) }

// run polls and checks.
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

// begin starts the server.
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

// answers is a hook of commands and the bytes that answer them. A command is a
// verb, or a verb with its arguments.
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

// on is a hook of one command.
func on(command string, do func(c *pop3test.Conn)) hook {
	return func(c *pop3test.Conn, cmd, args string) bool {
		if command != cmd && command != cmd+" "+args {
			return false
		}
		do(c)
		return true
	}
}

// first is h the first n times that it has something to say.
func first(n int32, h hook) hook {
	var said atomic.Int32
	return func(c *pop3test.Conn, cmd, args string) bool {
		// Counted first: once h has answered, the client may be back in another session.
		if said.Add(1) > n || !h(c, cmd, args) {
			said.Add(-1)
			return false
		}
		return true
	}
}

// once is a play in which the first poll fails at a command.
func once(command string, do func(c *pop3test.Conn), err string) func(t *testing.T) {
	return func(t *testing.T) { play{hook: first(1, on(command, do)), errs: []string{err, "", ""}}.run(t) }
}

func hang(c net.Conn) { io.Copy(io.Discard, c) }

// subtests runs plays by name.
func subtests(t *testing.T, plays map[string]play) {
	for name, p := range plays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.run(t)
		})
	}
}

// sendsWire is a server whose second message goes over the wire in other bytes.
func sendsWire(raw, wire string) func(t *testing.T) {
	return func(t *testing.T) {
		play{raws: []string{"one\r\n", raw, "three\r\n"}, hook: answers("RETR 2", wire)}.run(t)
	}
}

func byteByByte(t *testing.T) {
	play{raws: []string{"a\r\n.\r\n\r\n..b\r\n"}, hook: func(c *pop3test.Conn, cmd, _ string) bool {
		reply := map[string]string{"RETR": "+OK\r\na\r\n..\r\n\r\n...b\r\n.\r\n", "UIDL": "+OK\r\n1 uid-1\r\n.\r\n", "LIST": "+OK\r\n1 13\r\n.\r\n"}[cmd]
		for _, b := range []byte(reply) {
			c.Send([]byte{b})
		}
		return reply != ""
	}}.run(t)
}

func noCRLF(t *testing.T) {
	raws := []string{"Subject: a\r\n\r\na sentence.", "b", "no dot before it."}
	wire := answers("RETR 1", "+OK\r\n"+raws[0]+".\r\n", "RETR 2", "+OK\r\n"+raws[1]+".\r\n", "RETR 3", "+OK\r\n"+raws[2]+".\r\n")
	var dripped atomic.Bool
	subtests(t, map[string]play{
		"one at a time": {raws: raws, hook: wire, server: func(s *pop3test.Server) { s.Pipelining = false }, account: quickIdle},
		// The first try ends in a stall.
		"pipelined": {raws: raws, hook: wire, hasty: true},
		// A pause behind a sentence looks the same, and is none.
		"a pause": {raws: []string{"a sentence.\r\nand more\r\n"}, account: quickIdle, server: func(s *pop3test.Server) { s.Pipelining = false }, hook: on("RETR 1", func(c *pop3test.Conn) {
			c.Send([]byte("+OK\r\na sentence.\r\n"))
			if !dripped.Swap(true) { // behind the NOOP
				noop := make([]byte, len("NOOP\r\n"))
				io.ReadFull(c, noop)
				defer func() { c.Reply("+OK"); c.Send(nil) }()
			}
			c.Send([]byte("and more\r\n.\r\n"))
		})},
	})
}

// quickIdle makes the pause short behind which a message may be over.
func quickIdle(a *Account) { a.Timeouts.Idle = 1600 * time.Millisecond }

func loneDot(t *testing.T) {
	subtests(t, map[string]play{"the rest later": restLater("the rest\r\n", "server sent nothing"), "what looks like a reply later": restLater("+OK\r\nthe rest\r\n", "out of step")})
	// Three replies are all that is asked: NOOP, DELE and QUIT.
	play{
		raws: []string{"one\r\n.\r\n+OK\r\n+OK\r\n+OK\r\nand the file\r\n"}, errs: []string{"cut at a lone dot", "", ""},
		hook: func(c *pop3test.Conn, cmd, args string) bool {
			if cmd != "RETR" {
				return false
			}
			c.Send([]byte("+OK\r\none\r\n.\r\n+OK\r\n+OK\r\n+OK\r\nand the file\r\n.\r\n"))
			return true
		},
	}.run(t)
	for _, rest := range []string{"the rest\r\n", "+OK\r\nthe rest\r\n", "-ERR the rest\r\n", "-ERR\r\n+OK\r\n", "+OK 1\r\n+OK 2\r\n+OK 3\r\n"} {
		for _, pipelining := range []bool{false, true} {
			t.Run(fmt.Sprintf("%q, pipelining %t", rest, pipelining), func(t *testing.T) {
				t.Parallel()
				// The second poll reads the second message as one without stuffing.
				p := play{
					raws:   []string{"one\r\n", "two\r\n.\r\n..\r\n" + rest, "twa\r\n", "four\r\n", "five\r\n"},
					server: func(s *pop3test.Server) { s.Pipelining = pipelining },
					hook: func(c *pop3test.Conn, cmd, args string) bool {
						if !isMessage(c, cmd, args, "uid-2") {
							return false
						}
						c.Send([]byte("+OK\r\ntwo\r\n.\r\n..\r\n" + rest + ".\r\n"))
						return true
					},
					errs: []string{"out of step", "", ""}, hasty: true,
				}
				p.run(t)
			})
		}
	}
}

// restLater is a lone dot in the last message whose rest is on its way for so long
// that only the replies to further commands come behind it. To wait for it does not help.
func restLater(rest, again string) play {
	var owed atomic.Bool
	return play{
		raws: []string{"one\r\n", "two\r\n.\r\n" + rest}, want: []string{"one\r\n"}, left: 1, errs: []string{"out of step", again, ""}, account: quickIdle,
		server: func(s *pop3test.Server) { s.Pipelining = false },
		hook: func(c *pop3test.Conn, cmd, args string) bool {
			switch {
			case cmd == "APOP":
				owed.Store(false)
			case isMessage(c, cmd, args, "uid-2"):
				c.Send([]byte("+OK\r\ntwo\r\n.\r\n"))
				owed.Store(true)
				return true
			case cmd == "STAT" && owed.Swap(false):
				c.Send([]byte(rest + ".\r\n"))
			}
			return false
		},
	}
}

// isMessage reports whether a command is the RETR of the message of a UIDL.
func isMessage(c *pop3test.Conn, cmd, args, uidl string) bool {
	return cmd == "RETR" && c.UIDL(args) == uidl
}

func loneDotBehind(t *testing.T) {
	subtests(t, map[string]play{
		"bare CR": {raws: []string{"a\r.\r\nb\r\n"}, hook: answers("RETR 1", "+OK\r\na\r.\r\nb\r\n.\r\n")},
		"bare LF": {raws: []string{"a\n.\r\nb\r\n", "two\r\n"}, hook: answers("RETR 1", "+OK\r\na\n.\r\nb\r\n.\r\n"), want: none, left: 2, errs: []string{"out of step"}, server: func(s *pop3test.Server) { s.Pipelining = false }},
	})
}

func longLines(t *testing.T) {
	var raws []string
	for _, n := range []int{4095, 4096, 4097, 65536, 1_000_000} {
		line := strings.Repeat("x", n)
		raws = append(raws, line+"\r\n", line[:n-2]+"\r\n.\r\n", line[:n-1]+"\r\n..\r\nend\r\n")
	}
	play{raws: raws}.run(t)
}

func oddMessages(t *testing.T) {
	play{raws: []string{"", "a: b\r\n\r\n", "\r\nbody\r\n", "\r\n"}}.run(t)
}

func cutBeforeDot(t *testing.T) {
	for _, part := range []string{"", "thr", "three", "three\r", "three\r\n", "three\r\n.", "three\r\n.\r"} {
		for how, cut := range map[string]func(c *pop3test.Conn){
			"FIN": (*pop3test.Conn).Cut, "close_notify": func(c *pop3test.Conn) { c.Conn.Close() },
			"RST": func(c *pop3test.Conn) { c.Conn.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0); c.Cut() },
		} {
			t.Run(fmt.Sprintf("%q %s", part, how), func(t *testing.T) {
				t.Parallel()
				// The first time may be the fault of pipelining; the poll is made again at once.
				play{errs: []string{"retrieve message", "", ""}, hook: first(2, func(c *pop3test.Conn, cmd, args string) bool {
					if !isMessage(c, cmd, args, "uid-3") {
						return false
					}
					c.Send([]byte("+OK\r\n" + part))
					cut(c)
					return true
				})}.run(t)
			})
		}
	}
}

func endlessMessage(t *testing.T) {
	// A sink that has seen enough reads no further, and the limit holds even so.
	play{
		want: []string{"one\r\n", "three\r\n"}, left: 1, errs: []string{"does not end within", "does not end within", ""},
		account: func(a *Account) { a.MaxMessage = 1 << 20 },
		sink:    func(s *tally) { s.most = 1000 },
		hook: func(c *pop3test.Conn, cmd, args string) bool {
			if !isMessage(c, cmd, args, "uid-2") {
				return false
			}
			c.Reply("+OK")
			for chunk := bytes.Repeat([]byte("text"), 1000); c.Send(chunk) == nil; {
			}
			return true
		},
	}.run(t)
	play{
		want: []string{"one\r\n", "three\r\n"}, left: 1, errs: []string{"does not end within", "does not end within", ""},
		account: func(a *Account) { a.MaxMessage = 1 << 20 },
		hook: func(c *pop3test.Conn, cmd, args string) bool {
			if !isMessage(c, cmd, args, "uid-2") {
				return false
			}
			c.Reply("+OK")
			for chunk := bytes.Repeat([]byte("text\r\n"), 1000); c.Send(chunk) == nil; {
			}
			return true
		},
	}.run(t)
}

func slowDrip(t *testing.T) {
	drip := func(c *pop3test.Conn, cmd, args string) bool {
		if !isMessage(c, cmd, args, "uid-2") {
			return false
		}
		c.Reply("+OK")
		for tick := time.NewTicker(10 * time.Millisecond); c.Send([]byte("x")) == nil; <-tick.C {
		}
		return true
	}
	p := play{want: []string{"one\r\n", "three\r\n"}, left: 1, hook: drip}
	slow, long := p, p
	slow.account, slow.errs = func(a *Account) { a.Timeouts.Idle = 200 * time.Millisecond }, []string{"less than 4096 octets in", "less than 4096 octets in", ""}
	long.account, long.errs = func(a *Account) { a.Timeouts.Session = 2 * time.Second }, []string{"all the time that a session may take after", "(timeouts.session)", ""}
	subtests(t, map[string]play{"a message": slow, "a session": long})
}

func onlyOK(t *testing.T) {
	for _, line := range []string{"+ERR bad password", "+OKAY", "", "* OK logged in", "HTTP/1.1 200 OK", "OK", "+"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			play{hook: answers("APOP", line+"\r\n"), want: none, left: 3, errs: []string{"log in to"}, never: []string{"STAT", "UIDL", "RETR"}}.run(t)
			play{raws: []string{"one\r\n", "two\r\n", "three\r\n", "four\r\n"}, hook: answers("DELE", line+"\r\n"), left: 4, errs: []string{"delete messages", "delete messages"}}.run(t)
		})
	}
	play{errs: []string{""}, hook: answers("STAT", "+ok 3 17\r\n", "RETR 1", "+Ok\r\none\r\n.\r\n", "NOOP", "+ok\r\n")}.run(t)
}

func longStatus(t *testing.T) {
	long := "+OK " + strings.Repeat("x", 8000)
	play{server: func(s *pop3test.Server) { s.Greeting = long }, account: byPassword, hook: answers("RETR 1", long+"\r\none\r\n.\r\n")}.run(t)
	play{hook: answers("STAT", "+OK "+strings.Repeat("x", 100_000)+"\r\n"), want: none, left: 3, errs: []string{"line too long"}}.run(t)
}

func byPassword(a *Account) { a.Auth = session.AuthPass }

func doubleOK(t *testing.T) {
	// As part of the first message it can't be told from its text; the message is
	// then one line longer than listed, and is delivered as it came.
	play{hook: answers("RETR 1", "+OK\r\n+OK\r\none\r\n.\r\n"), want: []string{"+OK\r\none\r\n", "two\r\n", "three\r\n"}}.run(t)
	// As the answer to a command without text it puts us out of step,
	play{hook: answers("STAT", "+OK 3 15\r\n+OK\r\n"), server: func(s *pop3test.Server) { s.Pipelining = false }, want: none, left: 3, errs: []string{"out of step"}}.run(t)
	// unless a list is on its way already, of which it then is a line that names no message.
	play{hook: first(1, answers("STAT", "+OK 3 15\r\n+OK\r\n"))}.run(t)
}

func bareErr(t *testing.T) {
	for _, line := range []string{"-ERR", "-ERR [X-UNHEARD-OF] no", "-ERR [sys/temp] not now", "-err no"} {
		play{
			hook: first(1, answers("RETR 2", line+"\r\n")), pause: time.Hour, errs: []string{"", ""},
		}.run(t)
	}
	if err := (&pop3.Error{Cmd: "PASS", Code: "SYS/TEMP"}); !err.Temporary() {
		t.Error("SYS/TEMP is not temporary")
	}
}

func badTimestamps(t *testing.T) {
	for greeting, sent := range map[string]bool{
		"+OK <1896.697170952@dbc.mtview.ca.us>":                        true,
		"+OK <" + strings.Repeat("a", 390) + "@b.example>":             true,
		"+OK POP3 server ready":                                        false,
		"+OK The Microsoft Exchange POP3 service is ready. [QQBNAFMA]": false,
		"+OK ready 1896.697170952@dbc.mtview.ca.us":                    false,
		"+OK <a.b.c>":              false,
		"+OK <>":                   false,
		"+OK <\xe4\xf6@b.example>": false,
		"+OK <a\x01b@c.example>":   false,
		"+OK <a b@c.example>":      false,
		"+OK <a@b@c>":              false,
		"+OK <1.2@one.example> <3.4@two.example>": false,
	} {
		p := play{server: func(s *pop3test.Server) { s.Greeting = greeting }, want: none, left: 3, account: func(a *Account) { a.Auth = session.AuthAPOP }, errs: []string{"greeting has no valid APOP timestamp"}, never: []string{"APOP", "USER", "PASS", "AUTH"}}
		if sent {
			p.errs, p.never = []string{"permission denied"}, []string{"USER", "PASS", "AUTH"}
		}
		w, _ := p.run(t)
		if got := slices.Contains(w.server.Log(), "APOP u0 ***"); got != sent {
			t.Errorf("greeting %.80q: digest sent: %t, want %t", greeting, got, sent)
		}
	}
}

func wrongPort(t *testing.T) {
	subtests(t, map[string]play{
		"in the clear": {server: func(s *pop3test.Server) { s.Plaintext = true }, want: none, left: 3, errs: []string{"a POP3 server answered without TLS: use STLS"}, never: everything},
		"TLS":          {mode: pop3.StartTLS, hasty: true, want: none, left: 3, errs: []string{"is it a TLS port"}, never: everything},
	})
}

func closesOnCapa(t *testing.T) {
	w, _ := play{hook: on("CAPA", (*pop3test.Conn).Cut)}.run(t)
	if probe, err := poll.Check(t.Context(), w.account.Account, w.supervisor.Log); err != nil || probe.Mechanism != "APOP" {
		t.Errorf("check: %+v, error %v", probe, err)
	}
	// A server that wants a pause between logins does not hide why there were two.
	play{
		server: func(s *pop3test.Server) {
			s.Throttle = pop3test.Throttle{Logins: 1, Window: time.Hour, Answer: "-ERR too soon"}
		},
		hook: on("RETR 2", (*pop3test.Conn).Cut), want: none, left: 3, errs: []string{"RETR 2: server closed the connection"},
	}.run(t)
}

func capaAfterLogin(t *testing.T) {
	var ahead atomic.Int32
	w, _ := play{server: func(s *pop3test.Server) { s.Pipelining = false }, hook: func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "CAPA" && c.User() == "" {
			c.Reply("+OK", "USER", ".")
			return true
		}
		if cmd == "CAPA" {
			c.Reply("+OK", "USER", "UIDL", "PIPELINING", ".")
			return true
		}
		if cmd == "RETR" && c.Ahead() > 0 {
			ahead.Add(1)
		}
		return false
	}}.run(t)
	if ahead.Load() == 0 {
		t.Errorf("nothing was pipelined: %q", w.server.Log())
	}
}

func refusedLogins(t *testing.T) {
	for line, longest := range map[string]time.Duration{
		"-ERR [AUTH] permission denied": time.Hour, "-ERR [SYS/PERM] account is off": time.Hour,
		"-ERR [SYS/TEMP] try later": time.Hour, "-ERR [LOGIN-DELAY] minimum time between mail checks violation": 2 * time.Hour,
		"-ERR [IN-USE] maildrop is locked": time.Hour, "-ERR Logon failure: unknown user name or bad password.": time.Hour + 15*time.Minute,
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			w, _ := play{hook: first(3, answers("APOP", line+"\r\n")), errs: []string{line, line, line, "", ""}}.run(t)
			if n := w.server.Sessions(); n != 5 {
				t.Errorf("%d sessions, want one for each poll", n)
			}
			reply := &pop3.Error{Cmd: "APOP", Code: strings.Trim(strings.Fields(line)[1], "[]"), Text: line}
			for failures := 1; failures < 100; failures++ {
				if wait := backoff(&session.LoginError{Err: reply}, failures, time.Hour); wait <= 0 || wait > longest*5/4 {
					t.Errorf("wait of %v behind %d refusals, want at most %v", wait, failures, longest)
				}
			}
		})
	}
	once("APOP", (*pop3test.Conn).Cut, "log in to")(t)
}

func passwords(t *testing.T) {
	for _, password := range []string{"with a space", "Пароль für ß", "100%s%n", strings.Repeat("long", 50)} {
		for _, auth := range []session.Auth{session.AuthPass, session.AuthAPOP, session.AuthPlain, session.AuthLogin} {
			play{server: func(s *pop3test.Server) { s.Users["u0"] = password }, account: func(a *Account) {
				a.Auth, a.Password = auth, func(context.Context) (string, error) { return password, nil }
			}}.run(t)
		}
	}
	for _, evil := range []string{"x\r\nDELE 1", "x\nDELE 1", "x\x00"} {
		w, _ := play{account: func(a *Account) {
			a.Auth, a.Password = session.AuthPass, func(context.Context) (string, error) { return evil, nil }
		}, want: none, left: 3, errs: []string{"line break or NUL"}, never: []string{"PASS", "DELE"}}.run(t)
		if strings.Contains(strings.Join(w.server.Log(), "\n"), "DELE") {
			t.Errorf("password %q got through as a command", evil)
		}
	}
}

func garbledLists(t *testing.T) {
	uidl := func(lines ...string) hook { return answers("UIDL", "+OK\r\n"+strings.Join(lines, "\r\n")+"\r\n.\r\n") }
	subtests(t, map[string]play{
		"no UIDL":                {hook: answers("UIDL", "-ERR unknown command\r\n")},
		"no UIDL, keep":          {hook: answers("UIDL", "-ERR unknown command\r\n"), keep: true, want: none, left: 3, errs: []string{"only after: delete"}, never: []string{"RETR", "DELE"}},
		"three spaces":           {hook: uidl("1   a", "2   b", "3   c")},
		"lines with +OK":         {hook: uidl("+OK 1 a", "+OK 2 b", "+OK 3 c")},
		"trailing space":         {hook: uidl("1 a ", "2 b  ", "3 c\t")},
		"an empty UID":           {hook: uidl("1 a", "2 ", "3 c")},
		"an empty UID, keep":     {hook: uidl("1 a", "2 ", "3 c"), keep: true, want: []string{"one\r\n", "three\r\n"}, left: 3, errs: []string{"1 of 3 messages can't be fetched: the server gives no UIDL of use for number 2,"}},
		"duplicate UIDs":         {hook: uidl("1 a", "2 a", "3 a"), errs: []string{""}},
		"long UIDs":              {hook: uidl("1 "+strings.Repeat("a", 200), "2 b and more", "3 c")},
		"8-bit UIDs":             {hook: uidl("1 \xe4", "2 \xf6", "3 \xff")},
		"STAT without octets":    {hook: answers("STAT", "+OK 3\r\n"), errs: []string{""}},
		"STAT of nothing":        {hook: answers("STAT", "+OK 0 0\r\n")},
		"STAT of many":           {hook: answers("STAT", "+OK 99 999999999999\r\n"), errs: []string{"96 of 99 messages can't be fetched: STAT counts 96 more", "99 of 99 messages can't"}},
		"STAT of less than none": {hook: answers("STAT", "+OK 3 -17\r\n"), errs: []string{""}},
		"sizes that are none":    {hook: answers("LIST", "+OK\r\n1 %!d(float64=5)\r\n2\r\n3 x\r\n.\r\n")},
		"garbage in the list":    {hook: uidl("hello", "1 a", "", "2 b", "3 c")},
		"nothing but garbage":    {hook: uidl("hello", "there"), want: none, left: 3, errs: []string{"out of step"}},
		"list longer than STAT":  {hook: answers("STAT", "+OK 1 5\r\n"), errs: []string{""}},
	})
}

func unequalLists(t *testing.T) {
	subtests(t, map[string]play{
		"UIDL longer":  {hook: first(2, answers("LIST", "+OK\r\n1 5\r\n2 5\r\n.\r\n")), keep: true, errs: []string{"", "", ""}},
		"UIDL shorter": {hook: first(1, answers("UIDL", "+OK\r\n1 uid-1\r\n2 uid-2\r\n.\r\n")), keep: true, errs: []string{"1 of 3 messages can't be fetched", "", ""}},
	})
}

func shortListOnce(t *testing.T) {
	for _, list := range []string{"+OK\r\n.\r\n", "+OK\r\n1 uid-1\r\n.\r\n"} {
		polls := 0
		w, _ := play{keep: true, errs: []string{"", "", "", ""}, hook: func(c *pop3test.Conn, cmd, args string) bool {
			if cmd == "APOP" {
				polls++
			}
			return polls == 2 && answers("STAT", "+OK 0 0\r\n", "UIDL", list, "LIST", "+OK\r\n.\r\n")(c, cmd, args)
		}}.run(t)
		if n := strings.Count(strings.Join(w.server.Log(), "\n"), "RETR"); n != 3 {
			t.Errorf("%d messages fetched, want each once", n)
		}
	}
}

func allUIDLsChanged(t *testing.T) {
	polls := 0
	play{keep: true, errs: []string{"", "", ""}, account: func(a *Account) { a.SkipDuplicates = true }, hook: func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "APOP" {
			polls++
		}
		return polls > 1 && answers("UIDL", "+OK\r\n1 new-1\r\n2 new-2\r\n3 new-3\r\n.\r\n")(c, cmd, args)
	}}.run(t)
}

func reordered(t *testing.T) {
	polls := 0
	play{keep: true, errs: []string{"", "", ""}, hook: func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "APOP" {
			polls++
		}
		return polls > 1 && answers("STAT", "+OK 3 18\r\n", "UIDL", "+OK\r\n1 uid-3\r\n2 uid-1\r\n3 uid-2\r\n.\r\n", "LIST", "+OK\r\n1 7\r\n2 5\r\n3 5\r\n.\r\n")(c, cmd, args)
	}}.run(t)
}

func refusedRetr(t *testing.T) {
	refuse := func(line string) hook {
		return func(c *pop3test.Conn, cmd, args string) bool {
			if isMessage(c, cmd, args, "uid-2") {
				c.Reply(line)
				return true
			}
			return false
		}
	}
	others := []string{"one\r\n", "three\r\n"}
	subtests(t, map[string]play{
		"once":            {hook: first(1, refuse("-ERR [SYS/TEMP] not now")), pause: time.Hour, errs: []string{"", "", ""}},
		"always":          {hook: refuse("-ERR [SYS/PERM] unreadable"), want: others, left: 1, pause: time.Hour, errs: []string{"", "", "", ""}},
		"Download exceed": {hook: refuse("-ERR Download exceed. msg=10"), want: others, left: 1},
	})
}

func wrongSizes(t *testing.T) {
	for _, sizes := range []string{"+OK\r\n1 0\r\n2 0\r\n3 0\r\n.\r\n", "+OK\r\n1 3\r\n2 999\r\n3 6\r\n.\r\n", "+OK\r\n1 50\r\n2 50\r\n3 70\r\n.\r\n", "+OK\r\n1 1099511627776\r\n2 1099511627776\r\n3 99999999999999999999999\r\n.\r\n"} {
		play{hook: answers("LIST", sizes)}.run(t)
	}
}

func brokenPipelining(t *testing.T) {
	// All of a length, so that one could stand in the place of another.
	raws := []string{"aaa\r\n", "bbb\r\n", "ccc\r\n", "ddd\r\n", "eee\r\n"}
	// pipelined is the hook only while commands come ahead.
	pipelined := func(h hook) hook {
		return func(c *pop3test.Conn, cmd, args string) bool { return c.Ahead() > 0 && h(c, cmd, args) }
	}
	subtests(t, map[string]play{
		"a reply is dropped":         {raws: raws, hasty: true, hook: pipelined(answers("RETR 2", ""))},
		"a reply too many":           {raws: raws, hook: pipelined(answers("RETR 2", "+OK\r\nbbb\r\n.\r\n+OK\r\nxxx\r\n.\r\n"))},
		"replies are mixed":          {raws: raws, hook: pipelined(answers("RETR 2", "+OK\r\nbb+OK\r\nccc\r\n.\r\nb\r\n.\r\n", "RETR 3", ""))},
		"disconnect":                 {raws: raws, hook: pipelined(on("RETR 3", (*pop3test.Conn).Cut))},
		"disconnect at DELE":         {raws: raws, hook: pipelined(on("DELE 2", (*pop3test.Conn).Cut))},
		"a reply to DELE is dropped": {raws: raws, hasty: true, hook: pipelined(answers("DELE 2", ""))},
		"disconnect, whatever we try": {raws: raws, want: []string{"aaa\r\n", "ccc\r\n", "ddd\r\n", "eee\r\n"}, left: 1, errs: []string{"RETR 2", "RETR", ""}, hook: func(c *pop3test.Conn, cmd, args string) bool {
			if isMessage(c, cmd, args, "uid-2") {
				c.Cut()
				return true
			}
			return false
		}},
	})
}

func idleDrop(t *testing.T) {
	dropped := make(chan struct{})
	var once sync.Once
	play{
		errs: []string{"", ""},
		hook: first(1, on("RETR 2", func(c *pop3test.Conn) {
			c.Reply("+OK", "two", ".")
			c.Cut()
			close(dropped)
		})),
		sink: func(s *tally) {
			s.fail = func(step string) error {
				if strings.HasPrefix(step, "stage") {
					once.Do(func() { <-dropped })
				}
				return nil
			}
		},
	}.run(t)
}

func absoluteLimit(t *testing.T) {
	var raws []string
	for n := range 9 {
		raws = append(raws, fmt.Sprintf("message %d\r\n", n))
	}
	within := func(c *pop3test.Conn) { c.Reply("+OK", "mess"); c.Cut() }
	for where, cut := range map[string]func(c *pop3test.Conn){
		"between messages": (*pop3test.Conn).Cut, "in a message": within,
		"between messages, wrong sizes": (*pop3test.Conn).Cut, "in a message, wrong sizes": within,
	} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			counts := make(map[*pop3test.Conn]int)
			var mu sync.Mutex
			w, sink := play{raws: raws, hook: func(c *pop3test.Conn, cmd, args string) bool {
				if cmd == "LIST" && strings.Contains(where, "wrong") {
					c.Reply("+OK", ".")
					return true
				}
				mu.Lock()
				defer mu.Unlock()
				if cmd != "RETR" {
					return false
				}
				if counts[c]++; counts[c] < 4 {
					return false
				}
				cut(c)
				return true
			}}.begin(t)
			for polls := 0; len(w.server.Mailbox("u0")) > 0; polls++ {
				if polls > 12 {
					t.Fatalf("%d messages are left after %d polls", len(w.server.Mailbox("u0")), polls)
				}
				w.supervisor.RunOnce(t.Context(), []Account{w.account})
			}
			play{want: raws}.check(t, w, sink)
		})
	}
}

func quitFails(t *testing.T) {
	deletedAndCut := func(c *pop3test.Conn) { c.Commit(); c.Cut() }
	oneByOne := func(s *pop3test.Server) { s.Pipelining = false }
	unconfirmed := []string{"confirm 3 deletions", ""}
	// Ahead of the replies the line may have broken because of that, and another session tells.
	subtests(t, map[string]play{
		"cut, not deleted":             {server: oneByOne, hook: first(1, on("QUIT", (*pop3test.Conn).Cut)), errs: unconfirmed},
		"cut, deleted":                 {server: oneByOne, hook: first(1, on("QUIT", deletedAndCut)), errs: unconfirmed},
		"cut, not deleted, pipelining": {hook: first(1, on("QUIT", (*pop3test.Conn).Cut))},
		"cut, deleted, pipelining":     {hook: first(1, on("QUIT", deletedAndCut))},
		"cut always":                   {hook: on("QUIT", deletedAndCut)},
		"refused":                      {hook: first(1, answers("QUIT", "-ERR some deleted messages not removed\r\n")), errs: []string{"not removed", ""}},
		"silent":                       {server: oneByOne, hook: first(1, on("QUIT", (*pop3test.Conn).Hang)), hasty: true, errs: unconfirmed},
		"kept, silent":                 {keep: true, hook: first(1, on("QUIT", (*pop3test.Conn).Cut)), errs: []string{"", ""}},
	})
}

func twoDaemons(t *testing.T) {
	w, sink := play{}.begin(t)
	lease, err := w.ledger.Lease(t.Context(), "lab", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.once(t); !errors.Is(err, ledger.ErrLeased) || w.server.Sessions() != 0 {
		t.Errorf("error %v and %d sessions, want %v and none", err, w.server.Sessions(), ledger.ErrLeased)
	}
	lease.Release()
	if err := w.once(t); err != nil {
		t.Error(err)
	}
	play{want: []string{"one\r\n", "two\r\n", "three\r\n"}}.check(t, w, sink)
}

func gmailModel(t *testing.T) {
	for _, step := range []string{"stage", "sync", "publish", "sync folders"} {
		var broken atomic.Bool
		broken.Store(true)
		w, _ := play{
			server: func(s *pop3test.Server) { s.Retr.ConsumesAtQuit = true },
			errs:   []string{"disk on fire", ""},
			keep:   true, want: []string{"one\r\n", "two\r\n", "three\r\n"},
			sink: func(s *tally) {
				s.fail = func(at string) error {
					if strings.HasPrefix(at, step) && broken.Swap(false) {
						return errors.New("disk on fire")
					}
					return nil
				}
			},
			left: 3,
		}.run(t)
		log := strings.Join(w.server.Log(), "\n")
		if strings.Count(log, "QUIT") != 1 {
			t.Errorf("%s fails: want one QUIT, of the second poll\n%s", step, log)
		}
	}
}

func deletesOnRetr(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w, sink := play{keep: keep, server: func(s *pop3test.Server) { s.Retr.DeletesAtOnce = true }}.begin(t)
		for range 2 {
			if err := w.once(t); err != nil {
				t.Error(err)
			}
		}
		play{want: []string{"one\r\n", "two\r\n", "three\r\n"}}.check(t, w, sink)
	}
}
