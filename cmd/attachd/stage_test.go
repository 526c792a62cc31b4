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
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

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

// newStage sets one up, with an account for each scene, which agree about the server and the file
// system. fault, if any, sees each command and may answer it; the settings are for all accounts.
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

// undisturbed is a run without a fault, within the test unless the file system lacks something: a
// process of its own takes longer to start than to run.
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
	if out, code := attachd(st.t, "state", "check", "--config", st.config); !wentWell(code, out) {
		say("state check: exit code %d\n%s", code, out)
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
