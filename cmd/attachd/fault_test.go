package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// faultEnv carries a plan to the program under test, as JSON.
const faultEnv = "ATTACHD_TEST_FAULT"

// plannedFault is what is to happen at one step of the program under test.
type plannedFault struct {
	// Step is the name of the step, and Hit counts how often it is reached, from 1.
	Step string
	Hit  int
	// Kill ends the process there and then. Otherwise the step fails with Errno, and
	// with Lasting all that come after it, too.
	Kill    bool
	Errno   syscall.Errno
	Lasting bool
	// Lacking are steps that always fail, as on a file system that can't do them.
	Lacking map[string]syscall.Errno
	// Steps is a file that the name of each step is added to, and Reached one that is
	// made when the fault happens.
	Steps, Reached string
}

// faults makes a plan happen. It is asked by the sink and by the ledger.
type faults struct {
	plan  plannedFault
	steps *os.File

	mu     sync.Mutex
	counts map[string]int // guarded by mu
	begun  bool           // guarded by mu
}

// plannedFaults returns the hooks that make the plan of the environment happen.
func plannedFaults() app.Hooks {
	text := os.Getenv(faultEnv)
	if text == "" {
		return app.Hooks{}
	}
	f := &faults{counts: make(map[string]int)}
	if err := json.Unmarshal([]byte(text), &f.plan); err != nil {
		panic(err)
	}
	if f.plan.Steps != "" {
		var err error
		if f.steps, err = os.OpenFile(f.plan.Steps, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			panic(err)
		}
	}
	return app.Hooks{
		Sink:   f,
		Ledger: func(s sqlite.Step, name string) error { return f.at("ledger: " + string(s) + " " + name) },
	}
}

// Before implements sink.Hook.
func (f *faults) Before(s sink.Step, _ string) error { return f.at("sink: " + string(s)) }

func (f *faults) at(step string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if errno := f.plan.Lacking[step]; errno != 0 {
		return errno
	}
	if f.steps != nil {
		fmt.Fprintln(f.steps, step)
	}
	f.counts[step]++
	switch {
	case f.begun && f.plan.Lasting && lasts(f.plan.Errno, step):
		return f.plan.Errno
	case f.begun || step != f.plan.Step || f.counts[step] != f.plan.Hit:
		return nil
	}
	f.begun = true
	if err := os.WriteFile(f.plan.Reached, nil, 0o600); err != nil {
		panic(err)
	}
	if f.plan.Kill {
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			panic(err)
		}
		select {}
	}
	return f.plan.Errno
}

// lasts reports whether a disk in this state fails the step. One that is full, or a
// process without descriptors, still reads, renames and removes.
func lasts(errno syscall.Errno, step string) bool {
	if errno != syscall.ENOSPC && errno != syscall.EMFILE {
		return true
	}
	for _, spared := range []string{"read", "rename", "look", "unlink"} {
		if strings.Contains(step, spared) {
			return false
		}
	}
	return true
}

// scene is what the same faults are tried in.
type scene struct {
	name     string
	settings []string // of the account
	consumer bool     // moves files away as they appear
	pops     bool     // RETR and QUIT consume, as on Gmail
	refuses  bool     // the first RETR of one message
	again    bool     // there was mail with the same UIDLs and sizes before
	lacking  map[string]syscall.Errno
}

func (s scene) String() string {
	if s.consumer {
		return s.name + ", consumer"
	}
	return s.name
}

func scenes() []scene {
	const tree = `path: "{{.Subject}}/{{.Name}}"`
	keep := scene{name: "keep", settings: []string{"after: keep", "sidecar: true", tree}}
	deleting := scene{name: "delete", settings: []string{"after: delete", "sidecar: true", tree, "commit_deletions: 3"}}
	pops := scene{name: "keep, popped by QUIT", settings: []string{"after: keep"}, pops: true, refuses: true}
	links := scene{name: "delete, no renameat2", settings: []string{"after: delete", "delete: all", "duplicates: skip"}, lacking: map[string]syscall.Errno{"sink: rename": syscall.EINVAL}}
	again := scene{name: "delete, UIDLs used again", settings: []string{"after: delete", "delete: all"}, again: true}
	bare := scene{name: "keep, no links either", settings: []string{"after: keep"}, lacking: map[string]syscall.Errno{"sink: rename": syscall.EINVAL, "sink: link": syscall.EPERM}}
	var all []scene
	for _, s := range []scene{keep, deleting, pops, again, links, bare} {
		moved := s
		moved.consumer = true
		all = append(all, s, moved)
	}
	return all
}

// faultMessages makes a small mailbox with something of everything: attachments of one
// name, one of several blocks, no attachment at all, one message beyond a limit.
func faultMessages(m *box) (messages []pop3test.Message) {
	for i := range 10 {
		sizes := []int{1000 + i, 1000 + i}[:i%3]
		if i == 5 {
			sizes[0] = 150_000 // two blocks of a staging file
		}
		messages = append(messages, m.message(sizes, i == 4, i == 8))
	}
	return messages
}

// usedAgain returns what a mailbox has at first, and later: other messages with the UIDLs and the sizes of those
// that were there, one of those again, one that was put back under another UIDL, and what is in quarantine.
func usedAgain(m *box) (first, later []pop3test.Message) {
	first, later = faultMessages(m), faultMessages(m)
	for i := range first {
		id := ""
		if i%2 == 0 {
			id = fmt.Sprintf("Message-ID: <%d@example.org>\r\n", i)
		}
		missing := len(later[i].Raw) - len(first[i].Raw)
		first[i].Raw = slices.Concat([]byte(id+"X-Pad: "+strings.Repeat("x", 99+missing)+"\r\n"), first[i].Raw)
		later[i].Raw = slices.Concat([]byte(strings.ReplaceAll(id, "@", "$")+"X-Pad: "+strings.Repeat("x", 99)+"\r\n"), later[i].Raw)
		switch {
		case i == 0 || strings.Contains(string(first[i].Raw), "X-Filler"):
			later = append(later, first[i])
		default:
			later[i].UIDL = first[i].UIDL
		}
	}
	return first, append(later, pop3test.Message{UIDL: m.name + "-back", Raw: first[2].Raw})
}

// box is one account of a stage, and what is to come of it.
type box struct {
	name    string // of the account, and of the user
	scene   scene
	sent    int
	hostile int                 // of these, to be found in quarantine
	empty   int                 // of these, without any attachment
	odd     int                 // of these, not to be read right
	want    map[[32]byte]string // attachments
	got     *collector
}

// message makes the next message, with attachments of these sizes. A hostile one is beyond
// what the stage's configuration allows; an odd one lacks its end.
func (m *box) message(sizes []int, hostile, odd bool) pop3test.Message {
	i := m.sent
	m.sent++
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "Subject: %d\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n", i)
	want := m.want
	if len(sizes) == 0 && !hostile {
		m.empty++
	}
	if hostile {
		m.hostile++
		raw.WriteString(strings.Repeat("X-Filler: x\r\n", 100))
		want = make(map[[32]byte]string)
	}
	raw.WriteString("\r\n--b\r\n\r\nHello\r\n")
	for part, size := range sizes {
		attach(&raw, want, i, part, "scan.pdf", size)
	}
	if odd && !hostile {
		m.odd++
	} else {
		raw.WriteString("--b--\r\n")
	}
	return pop3test.Message{UIDL: fmt.Sprintf("%s-%d", m.name, i), Raw: raw.Bytes()}
}

// stage is where the program runs time and again: a server, a folder, and accounts.
type stage struct {
	t       *testing.T
	dir     string
	config  string
	server  *pop3test.Server
	boxes   []*box
	running atomic.Pointer[running]
	begun   atomic.Bool // what came before is over
	before  int         // commands until then
}

// running is the program while it runs.
type running struct {
	process *os.Process
	ended   chan struct{}
}

// newStage sets one up, with an account for each scene, which agree about the server and the
// file system. fault, if any, sees each command and may answer it; the settings are for all accounts.
func newStage(t *testing.T, scenes []scene, fault func(st *stage, c *pop3test.Conn, cmd string) (handled bool), settings ...string) *stage {
	t.Helper()
	later := make(map[string][]pop3test.Message)
	st := &stage{t: t, dir: t.TempDir(), server: pop3test.NewServer()}
	st.server.Users, st.server.Mailboxes = make(map[string]string), make(map[string][]pop3test.Message)
	st.server.APOP, st.server.Pipelining, st.server.Retr.ConsumesAtQuit = true, true, scenes[0].pops
	for i, s := range scenes {
		m := &box{name: fmt.Sprintf("u%d", i), scene: s, want: make(map[[32]byte]string)}
		m.got = newCollector(t, filepath.Join(st.dir, "out", m.name), filepath.Join(st.dir, "taken", m.name))
		m.got.sidecars = slices.Contains(s.settings, "sidecar: true")
		st.boxes = append(st.boxes, m)
		st.server.Users[m.name] = "pw"
		if s.again {
			st.server.Mailboxes[m.name], later[m.name] = usedAgain(m)
		} else {
			st.server.Mailboxes[m.name] = faultMessages(m)
		}
	}
	var refused atomic.Bool
	st.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if fault != nil && st.begun.Load() && fault(st, c, cmd) {
			return true
		}
		if !scenes[0].refuses || cmd != "RETR" || c.UIDL(args) != "u0-7" || refused.Swap(true) {
			return false
		}
		c.Reply("-ERR not this one")
		return true
	}
	if err := st.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.server.Close)
	if scenes[0].pops {
		// What QUIT consumed is missing from the listing of the run behind it.
		st.configure(append(settings, "max_messages: 4"))
		st.first()
	}
	st.configure(settings)
	for user, messages := range later {
		st.first()
		st.server.Replace(user, messages...)
	}
	st.begun.Store(true)
	return st
}

// first is a run before what is tried.
func (st *stage) first() {
	st.t.Helper()
	if code, log := st.undisturbed(); !wentWell(code, log) {
		st.t.Fatalf("exit code %d\n%s", code, log)
	}
	st.before = len(st.server.Log())
}

func (st *stage) configure(settings []string) {
	st.t.Helper()
	host, port, err := net.SplitHostPort(st.server.Addr())
	if err != nil {
		st.t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("output: out\nstate: state.db\nlimits: {header_fields: 30}\naccounts:\n")
	for _, m := range st.boxes {
		fmt.Fprintf(&text, "  - name: %s\n    host: %s\n    port: %s\n    username: %[1]s\n    password: pw\n    tls: {ca_file: ca.pem}\n", m.name, host, port)
		for _, line := range slices.Concat(m.scene.settings, settings) {
			fmt.Fprintf(&text, "    %s\n", line)
		}
	}
	st.config = filepath.Join(st.dir, "attachd.yaml")
	for name, content := range map[string]string{st.config: text.String(), filepath.Join(st.dir, "ca.pem"): string(st.server.CertPEM())} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			st.t.Fatal(err)
		}
	}
}

// run starts the program once and returns its exit code, -1 when it was killed,
// and what it logged.
func (st *stage) run(plan plannedFault) (code int, log string) {
	st.t.Helper()
	plan.Lacking = st.boxes[0].scene.lacking
	text, err := json.Marshal(plan)
	if err != nil {
		st.t.Fatal(err)
	}
	cmd := program(st.t, "run", "--once", "--config", st.config, "--log-level", "debug")
	cmd.Env = append(cmd.Env, faultEnv+"="+string(text))
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		st.t.Fatal(err)
	}
	r := &running{cmd.Process, make(chan struct{})}
	st.running.Store(r)
	err = cmd.Wait()
	close(r.ended)
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		st.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// kill ends the program from outside and returns when it is dead.
func (st *stage) kill() {
	r := st.running.Load()
	_ = r.process.Kill() // which fails if it has ended just now
	<-r.ended
}

// signal sends a signal to the program, if one runs.
func (st *stage) signal(signal syscall.Signal) {
	if r := st.running.Load(); r != nil {
		_ = r.process.Signal(signal) // which fails if it has ended just now
	}
}

// during runs the program, as a process, with the consumers at work that the scenes have.
func (st *stage) during(plan plannedFault) (code int, log string) {
	st.t.Helper()
	defer st.consume()()
	return st.run(plan)
}

// undisturbed is a run without a fault, within the test unless the file system lacks something: a process of its own takes
// longer to start than to run.
func (st *stage) undisturbed() (code int, log string) {
	st.t.Helper()
	if st.boxes[0].scene.lacking != nil {
		return st.during(plannedFault{})
	}
	defer st.consume()()
	return once(st.t, st.config, "--log-level", "debug")
}

// consume has the consumers at work until stop.
func (st *stage) consume() (stop func()) {
	var stops []func()
	for _, m := range st.boxes {
		if m.scene.consumer {
			stops = append(stops, m.got.consume(), m.got.take)
		}
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// passTime lets the waits of single messages pass, and returns how many there were.
func (st *stage) passTime() int64 {
	st.t.Helper()
	path := filepath.Join(st.dir, "state.db")
	if _, err := os.Stat(path); err != nil {
		return 0
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=rw&_busy_timeout=5000")
	if err != nil {
		st.t.Fatal(err)
	}
	defer db.Close()
	result, err := db.Exec("UPDATE message SET next_attempt = 0 WHERE state = 'failed'")
	if err != nil {
		st.t.Fatal(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		st.t.Fatal(err)
	}
	return n
}

// verdict lets the program come to its end undisturbed and says what of the
// promises does not hold, nil for all do.
func (st *stage) verdict() (broken []string) {
	st.t.Helper()
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	const most = 5
	for try := 0; ; try++ {
		st.passTime()
		code, log := st.undisturbed()
		if wentWell(code, log) && st.passTime() == 0 {
			break
		}
		if try == most {
			say("does not recover: exit code %d\n%s", code, log)
			break
		}
	}
	if code, log := st.undisturbed(); !wentWell(code, log) || strings.Contains(log, "attachment delivered") {
		say("a poll with nothing to do delivers, or fails with exit code %d\n%s", code, log)
	}
	for _, m := range st.boxes {
		for _, fault := range st.judge(m) {
			say("account %s (%s): %s", m.name, m.scene, fault)
		}
	}
	var out bytes.Buffer
	if code := run([]string{"state", "check", "--config", st.config}, strings.NewReader(""), &out, &out, app.Hooks{}); !wentWell(code, out.String()) {
		say("state check: exit code %d\n%s", code, &out)
	}
	return broken
}

// judge says what of the promises does not hold for one account.
func (st *stage) judge(m *box) (broken []string) {
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	quarantined, err := filepath.Glob(filepath.Join(m.got.folder, ".quarantine", "*.eml"))
	kept := m.hostile
	if slices.Contains(m.scene.settings, "after: delete") {
		kept += m.odd // in copies
	}
	if err != nil || len(quarantined) != kept {
		say("%d messages in quarantine, want %d (%v)", len(quarantined), kept, err)
	}
	m.got.finish()
	for sum, name := range m.want {
		switch n := m.got.count[sum]; {
		case n == 0:
			say("LOST %s", name)
		case n > 1:
			say("DOUBLED %s: stands %d times", name, n)
		}
		delete(m.got.count, sum)
	}
	if n := len(m.got.count); n > 0 {
		say("%d files that nobody sent", n)
	}
	left, want := len(st.server.Mailbox(m.name)), m.sent
	if slices.Contains(m.scene.settings, "after: delete") {
		want = m.hostile
		if !slices.Contains(m.scene.settings, "delete: all") {
			want += m.empty
		}
	}
	if m.scene.again {
		want++ // what was put back
	}
	if left != want && !m.scene.pops { // where DELE may be missing, as QUIT has hidden the message
		say("%d messages left on the server, want %d", left, want)
	}
	staging, err := os.ReadDir(filepath.Join(m.got.folder, ".staging"))
	if err != nil {
		say("%v", err)
	}
	for _, e := range staging {
		if e.Name() != "folder-id" {
			say("staging file %s is left", e.Name())
		}
	}
	return broken
}
