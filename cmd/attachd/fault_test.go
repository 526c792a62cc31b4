package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

const (
	// faultEnv carries a plan to the program under test, as JSON.
	faultEnv = "ATTACHD_TEST_FAULT"
	// stallEnv names a file. Once it is there, the scheduler of the program under test stands still.
	stallEnv = "ATTACHD_TEST_STALL"
)

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
	if file := os.Getenv(stallEnv); file != "" {
		return app.Hooks{Stall: func() bool { _, err := os.Stat(file); return err == nil }}
	}
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

// usedAgain returns what a mailbox has at first, and later: other messages with the UIDLs and the
// sizes of those that were there, one of those again, one that was put back under another UIDL, and
// what is in quarantine.
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
