package main

import (
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"

	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// fullFaults has every combination tried, which takes some minutes: make failpoints.
const fullFaults = "ATTACHD_FAULTS"

// TestFailpoints has the program fail, or be killed, at each step of a delivery, and
// then run undisturbed: every attachment must stand once. Steps on this side are
// those of the sink and of the ledger, found by a run that writes them down; the other
// side's are the commands. Without ATTACHD_FAULTS=all, which prints the results as
// tables, it tries a choice of them that changes with each run.
func TestFailpoints(t *testing.T) {
	t.Parallel()
	all := os.Getenv(fullFaults) != ""
	ours, theirs := &faultTable{effects: localEffects()}, &faultTable{effects: remoteEffects()}
	kills := &faultTable{} // of ours, by scene
	for _, s := range scenes() {
		kills.effects = append(kills.effects, s.String())
	}
	t.Run("steps", func(t *testing.T) {
		for _, s := range scenes() {
			t.Run(s.String(), func(t *testing.T) {
				t.Parallel()
				localFaults(t, s, ours, kills, all)
			})
		}
		for _, s := range scenes()[:8] { // the others differ in the file system alone
			t.Run("commands, "+s.String(), func(t *testing.T) {
				t.Parallel()
				remoteFaults(t, s, theirs, all)
			})
		}
	})
	for _, step := range declaredSteps() {
		if !slices.Contains(ours.steps, step) && all {
			t.Errorf("step %q was never reached", step)
		}
	}
	if all {
		fmt.Printf("\nSIGKILL at each step\n%s\nEach step killed or failed, once and for the rest of the run\n%s\nEach command killed, cut, stalled or refused\n%s\n", kills, ours, theirs)
	}
}

// declaredSteps are those that every full test must have met.
func declaredSteps() []string {
	var all []string
	for _, s := range []sink.Step{
		sink.StepOpen, sink.StepMkdir, sink.StepCreate, sink.StepWrite, sink.StepFsync, sink.StepLook,
		sink.StepRename, sink.StepLink, sink.StepPlainRename, sink.StepUnlink, sink.StepFsyncFolder, sink.StepMark,
	} {
		all = append(all, "sink: "+string(s))
	}
	for _, name := range []string{"host", "mailbox", "holders", "owner", "quarantine", "lookup", "kept", "present", "identity", "is", "same", "gone", "staged", "generation", "received"} {
		all = append(all, "ledger: "+string(ledger.StepRead)+" "+name)
	}
	for _, name := range []string{"owner", "found", "adopt", "stage", "delivered", "delete_pending", "deleted", "failed", "missed", "mailbox"} {
		for _, s := range []ledger.Step{ledger.StepBegin, ledger.StepCommit, ledger.StepCommitted} {
			all = append(all, "ledger: "+string(s)+" "+name)
		}
	}
	return all
}

// chosen thins out the combinations to about one of n, another one with each run.
func chosen(all bool, n int, combination ...any) bool {
	return all || n == 1 || maphash.Comparable(faultSeed, fmt.Sprint(combination...))%uint64(n) == 0
}

var faultSeed = maphash.MakeSeed()

func localEffects() []string {
	return []string{"SIGKILL", "ENOSPC", "EIO", "EROFS", "EMFILE", "EACCES"}
}

var errnos = map[string]syscall.Errno{"ENOSPC": syscall.ENOSPC, "EIO": syscall.EIO, "EROFS": syscall.EROFS, "EMFILE": syscall.EMFILE, "EACCES": syscall.EACCES}

// localFaults tries each step of this side in one scene.
func localFaults(t *testing.T, s scene, table, kills *faultTable, all bool) {
	counts, order := stepsOf(t, s)
	for _, step := range order {
		n := counts[step]
		hits := slices.Compact([]int{1, (n + 1) / 2, n})
		for i, hit := range hits {
			for _, effect := range localEffects() {
				plan := plannedFault{Step: step, Hit: hit, Errno: errnos[effect], Kill: effect == "SIGKILL"}
				// By default each step is killed at about once in all scenes, and fails about twice.
				if plan.Kill && chosen(all, 15, s, step, hit) {
					cell := table.try(t, s, step, effect, plan)
					kills.count(step, s.String(), cell)
				}
				if plan.Kill || i == 1 && len(hits) == 3 {
					continue // an error in the middle is like one at the start
				}
				for _, plan.Lasting = range []bool{false, true} {
					// In full, the last hits and the lasting ones take turns with the scenes.
					if chosen(all && i == 0 && !plan.Lasting, map[bool]int{true: 4, false: 100}[all], s, plan) {
						table.try(t, s, step, effect, plan)
					}
				}
			}
		}
	}
}

// stepsOf runs a scene without a fault, and returns how often each step is reached.
func stepsOf(t *testing.T, s scene) (counts map[string]int, order []string) {
	t.Helper()
	st := newStage(t, []scene{s}, nil)
	file := filepath.Join(st.dir, "steps")
	if code, log := st.during(plannedFault{Steps: file}); !wentWell(code, log) {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	counts = make(map[string]int)
	for step := range strings.Lines(string(text)) {
		step = strings.TrimSpace(step)
		if counts[step]++; counts[step] == 1 {
			order = append(order, step)
		}
	}
	if broken := st.verdict(); len(broken) > 0 {
		t.Fatalf("without any fault:\n%s", strings.Join(broken, "\n"))
	}
	return counts, order
}

// try makes one fault of this side happen.
func (table *faultTable) try(t *testing.T, s scene, step, effect string, plan plannedFault) faultCell {
	t.Helper()
	st := newStage(t, []scene{s}, nil)
	plan.Reached = filepath.Join(st.dir, "reached")
	code, log := st.during(plan)
	_, err := os.Stat(plan.Reached)
	what := fmt.Sprintf("%s at %s, hit %d, lasting: %t", effect, step, plan.Hit, plan.Lasting)
	return table.note(t, st, step, effect, what, err == nil, plan.Kill, code, log)
}

// note judges a run with a fault, and what comes of it. The groups' ends depend on the time, too: a
// later hit may not have come.
func (table *faultTable) note(t *testing.T, st *stage, step, effect, what string, reached, killed bool, code int, log string) (cell faultCell) {
	t.Helper()
	defer func() { table.count(step, effect, cell) }()
	if !reached {
		return faultCell{}
	}
	var broken []string
	if killed != (code == -1) || !killed && code != exitOK && code != exitTemporary && code != exitFailure {
		broken = append(broken, fmt.Sprintf("ended with exit code %d", code))
	}
	if broken = append(broken, st.verdict()...); len(broken) == 0 {
		return faultCell{tried: 1}
	}
	t.Errorf("%s:\n%s\nthe run with the fault:\n%s", what, strings.Join(broken, "\n"), log)
	return faultCell{1, 1}
}

// remoteEffect is what befalls a command.
type remoteEffect struct {
	name string
	// do returns whether the server has answered the command.
	do func(st *stage, c *pop3test.Conn) (handled bool)
	// needs are settings of the account.
	needs []string
}

func remoteFaultsOf(command string) []remoteEffect {
	effects := []remoteEffect{
		{"SIGKILL before", func(st *stage, c *pop3test.Conn) bool { st.kill(); c.Cut(); return true }, nil},
		{"SIGKILL after", func(st *stage, _ *pop3test.Conn) bool { st.kill(); return false }, nil},
		{"cut before", func(_ *stage, c *pop3test.Conn) bool { c.Cut(); return true }, nil},
		{"stall", func(_ *stage, c *pop3test.Conn) bool { c.Hang(); return true }, []string{"timeouts: {reply: 1s, idle: 1s}"}},
		{"-ERR", func(_ *stage, c *pop3test.Conn) bool { c.Reply("-ERR [SYS/TEMP] not now"); return true }, nil},
	}
	switch command {
	case "RETR":
		effects = append(effects, remoteEffect{"cut within", func(_ *stage, c *pop3test.Conn) bool {
			c.Reply("+OK", "Subject: 1", "Content-Type: application/pdf; name=half.pdf", "", "half a")
			c.Cut()
			return true
		}, nil})
	case "UIDL", "LIST":
		effects = append(effects, remoteEffect{"cut within", func(_ *stage, c *pop3test.Conn) bool { c.Reply("+OK", "1 1"); c.Cut(); return true }, nil})
	case "QUIT":
		effects = append(effects, remoteEffect{"cut within", func(_ *stage, c *pop3test.Conn) bool { c.Commit(); c.Cut(); return true }, nil})
	}
	return effects
}

func remoteEffects() []string {
	return []string{"SIGKILL before", "SIGKILL after", "cut before", "cut within", "stall", "-ERR"}
}

// remoteFaults tries each command of the session in one scene.
func remoteFaults(t *testing.T, s scene, table *faultTable, all bool) {
	st := newStage(t, []scene{s}, nil)
	if code, log := st.during(plannedFault{}); !wentWell(code, log) {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	counts := make(map[string]int)
	var order []string
	for _, line := range st.server.Log()[st.before:] {
		command, _, _ := strings.Cut(line, " ")
		if counts[command]++; counts[command] == 1 {
			order = append(order, command)
		}
	}
	for _, command := range order {
		n := counts[command]
		for _, hit := range slices.Compact([]int{1, (n + 1) / 2, n}) {
			for _, effect := range remoteFaultsOf(command) {
				if chosen(all, 20, s, command, hit, effect.name) {
					table.tryRemote(t, s, command, hit, effect)
				}
			}
		}
	}
}

// tryRemote makes one fault of the other side happen.
func (table *faultTable) tryRemote(t *testing.T, s scene, command string, hit int, effect remoteEffect) {
	t.Helper()
	var seen atomic.Int64
	st := newStage(t, []scene{s}, func(st *stage, c *pop3test.Conn, cmd string) bool {
		return cmd == command && seen.Add(1) == int64(hit) && effect.do(st, c)
	}, effect.needs...)
	code, log := st.during(plannedFault{})
	what := fmt.Sprintf("%s at %s number %d", effect.name, command, hit)
	table.note(t, st, command, effect.name, what, seen.Load() >= int64(hit), strings.HasPrefix(effect.name, "SIGKILL"), code, log)
}

// faultTable counts what was tried, by step and effect.
type faultTable struct {
	effects []string

	mu    sync.Mutex
	steps []string                        // guarded by mu: in the order of their first trial
	cells map[string]map[string]faultCell // guarded by mu
}

type faultCell struct{ tried, failed int }

func (table *faultTable) count(step, effect string, n faultCell) {
	table.mu.Lock()
	defer table.mu.Unlock()
	if table.cells == nil {
		table.cells = make(map[string]map[string]faultCell)
	}
	if table.cells[step] == nil {
		table.cells[step] = make(map[string]faultCell)
		table.steps = append(table.steps, step)
	}
	c := table.cells[step][effect]
	table.cells[step][effect] = faultCell{c.tried + n.tried, c.failed + n.failed}
}

// String is the table as it is printed.
func (table *faultTable) String() string {
	table.mu.Lock()
	defer table.mu.Unlock()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t"+strings.Join(table.effects, "\t"))
	var total faultCell
	for _, step := range table.steps {
		fmt.Fprint(w, step)
		for _, effect := range table.effects {
			c := table.cells[step][effect]
			total.tried, total.failed = total.tried+c.tried, total.failed+c.failed
			switch {
			case c.failed > 0:
				fmt.Fprintf(w, "\t%d of %d BROKEN", c.failed, c.tried)
			case c.tried == 0:
				fmt.Fprint(w, "\t-")
			default:
				fmt.Fprintf(w, "\t%d ok", c.tried)
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Fprintf(&text, "%d runs: %d lost or doubled something, or did not recover\n", total.tried, total.failed)
	return text.String()
}
