package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"

	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestFailpoints has the program fail, or be killed, at each step of a delivery, and then run
// undisturbed: every attachment must stand once. Steps on this side are those of the sink and of
// the ledger, found by a run that writes them down. Steps on the other side are the commands. With
// ATTACHD_TESTS=all it tries every combination and prints the results as tables, which takes some
// minutes: make failpoints.
func TestFailpoints(t *testing.T) {
	t.Parallel()
	all := scenes()
	found := make([][]trial, len(all))
	t.Run("without", func(t *testing.T) {
		for i, s := range all {
			t.Run(s.String(), func(t *testing.T) {
				t.Parallel()
				steps, commands := undisturbed(t, s)
				found[i] = localTrials(s, i, steps)
				if i < 8 { // the others differ in the file system alone
					found[i] = append(found[i], remoteTrials(s, commands)...)
				}
			})
		}
	})
	trials := slices.Concat(found...)
	for _, step := range declaredSteps() {
		if !slices.ContainsFunc(trials, func(f trial) bool { return f.step == step }) {
			t.Errorf("step %q is never reached", step)
		}
	}
	tables := newFaultTables(all)
	t.Run("with", func(t *testing.T) {
		for _, f := range testsize.Choose(t, trials, trial.features) {
			t.Run(f.String(), func(t *testing.T) {
				t.Parallel()
				f.try(t, tables)
			})
		}
	})
	if testsize.All() {
		fmt.Print(tables)
	}
}

// trial is one fault, to be tried in one scene.
type trial struct {
	scene  scene
	step   string // or the command
	hit    int    // which time that it is reached, from 1
	effect string
	// What happens: a plan for this side, or what the other side does.
	plan   plannedFault
	remote *remoteEffect
}

func (f trial) String() string {
	lasting := ""
	if f.plan.Lasting {
		lasting = ", lasting"
	}
	return fmt.Sprintf("%s at %s, hit %d%s: %s", f.effect, f.step, f.hit, lasting, f.scene)
}

func (f trial) killed() bool { return strings.HasPrefix(f.effect, "SIGKILL") }

// features are what is always tried: each step and command killed once and failed once, each fault,
// each scene. A kill at one read or at one beginning is like that at another, as nothing has
// changed since the step before.
func (f trial) features() []string {
	step := f.step
	for _, idle := range []sqlite.Step{sqlite.StepRead, sqlite.StepBegin} {
		if prefix := "ledger: " + string(idle); f.killed() && strings.HasPrefix(step, prefix) {
			step = prefix
		}
	}
	return []string{fmt.Sprint(step, " killed: ", f.killed()), f.effect, f.scene.String()}
}

// declaredSteps are those that must be met.
func declaredSteps() []string {
	var all []string
	for _, s := range []sink.Step{
		sink.StepOpen, sink.StepMkdir, sink.StepCreate, sink.StepWrite, sink.StepFsync, sink.StepLook,
		sink.StepRename, sink.StepLink, sink.StepPlainRename, sink.StepUnlink, sink.StepFsyncFolder, sink.StepMark,
	} {
		all = append(all, "sink: "+string(s))
	}
	for _, name := range []string{"host", "mailbox", "holders", "owner", "quarantine", "lookup", "kept", "present", "identity", "is", "same", "gone", "staged", "generation", "received"} {
		all = append(all, "ledger: "+string(sqlite.StepRead)+" "+name)
	}
	for _, name := range []string{"lease", "host", "found", "adopt", "stage", "delivered", "delete_pending", "deleted", "failed", "missed", "mailbox"} {
		for _, s := range []sqlite.Step{sqlite.StepBegin, sqlite.StepCommit, sqlite.StepCommitted} {
			all = append(all, "ledger: "+string(s)+" "+name)
		}
	}
	return all
}

func localEffects() []string {
	return []string{"SIGKILL", "ENOSPC", "EIO", "EROFS", "EMFILE", "EACCES"}
}

var errnos = map[string]syscall.Errno{"ENOSPC": syscall.ENOSPC, "EIO": syscall.EIO, "EROFS": syscall.EROFS, "EMFILE": syscall.EMFILE, "EACCES": syscall.EACCES}

// undisturbed runs a scene without a fault, and returns the steps that are reached and the commands
// that are sent, in order.
func undisturbed(t *testing.T, s scene) (steps, commands []string) {
	t.Helper()
	st := newStage(t, []scene{s}, nil)
	file := filepath.Join(st.dir, "steps")
	if code, log := st.during(plannedFault{Steps: file}); !wentWell(code, log) {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	for _, line := range st.server.Log()[st.before:] {
		command, _, _ := strings.Cut(line, " ")
		commands = append(commands, command)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if broken := st.verdict(); len(broken) > 0 {
		t.Fatalf("without any fault:\n%s", strings.Join(broken, "\n"))
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n"), commands
}

// countSteps returns how often each step is there, and the steps in the order of their first time.
func countSteps(steps []string) (counts map[string]int, order []string) {
	counts = make(map[string]int)
	for _, step := range steps {
		if counts[step]++; counts[step] == 1 {
			order = append(order, step)
		}
	}
	return counts, order
}

// hitsOf are the first, a middle and the last of n times.
func hitsOf(n int) []int { return slices.Compact([]int{1, (n + 1) / 2, n}) }

// localTrials are the faults of this side in the scene of a number.
func localTrials(s scene, number int, steps []string) (trials []trial) {
	counts, order := countSteps(steps)
	turn := number
	for _, step := range order {
		hits := hitsOf(counts[step])
		for i, hit := range hits {
			for _, effect := range localEffects() {
				f := trial{scene: s, step: step, hit: hit, effect: effect}
				f.plan = plannedFault{Step: step, Hit: hit, Errno: errnos[effect], Kill: f.killed()}
				if f.killed() {
					trials = append(trials, f)
					continue
				}
				if i == 1 && len(hits) == 3 {
					continue // an error in the middle is like one at the start
				}
				for _, f.plan.Lasting = range []bool{false, true} {
					// The last hits and the lasting ones take turns with the scenes.
					if turn++; i == 0 && !f.plan.Lasting || turn%4 == 0 {
						trials = append(trials, f)
					}
				}
			}
		}
	}
	return trials
}

// remoteTrials are the faults of the other side.
func remoteTrials(s scene, commands []string) (trials []trial) {
	counts, order := countSteps(commands)
	for _, command := range order {
		for _, hit := range hitsOf(counts[command]) {
			for _, effect := range remoteFaultsOf(command) {
				trials = append(trials, trial{scene: s, step: command, hit: hit, effect: effect.name, remote: &effect})
			}
		}
	}
	return trials
}

// try makes the fault happen.
func (f trial) try(t *testing.T, tables *faultTables) {
	if f.remote == nil {
		st := newStage(t, []scene{f.scene}, nil)
		f.plan.Reached = filepath.Join(st.dir, "reached")
		code, log := st.during(f.plan)
		_, err := os.Stat(f.plan.Reached)
		cell := f.judge(t, st, err == nil, code, log)
		tables.ours.count(f.step, f.effect, cell)
		if f.killed() {
			tables.kills.count(f.step, f.scene.String(), cell)
		}
		return
	}
	var seen atomic.Int64
	st := newStage(t, []scene{f.scene}, func(st *stage, c *pop3test.Conn, cmd string) bool {
		return cmd == f.step && seen.Add(1) == int64(f.hit) && f.remote.do(st, c)
	}, f.remote.needs...)
	code, log := st.during(plannedFault{})
	tables.theirs.count(f.step, f.effect, f.judge(t, st, seen.Load() >= int64(f.hit), code, log))
}

// judge says what comes of a run with the fault. The groups' ends depend on the time, too: a later
// hit may not have come.
func (f trial) judge(t *testing.T, st *stage, reached bool, code int, log string) faultCell {
	t.Helper()
	if !reached {
		return faultCell{}
	}
	var broken []string
	if f.killed() != (code == -1) || !f.killed() && code != exitOK && code != exitTemporary && code != exitFailure {
		broken = append(broken, fmt.Sprintf("ended with exit code %d", code))
	}
	if broken = append(broken, st.verdict()...); len(broken) == 0 {
		return faultCell{tried: 1}
	}
	t.Errorf("%s\nthe run with the fault:\n%s", strings.Join(broken, "\n"), log)
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

// faultTables are what is printed in the end.
type faultTables struct{ kills, ours, theirs *faultTable }

func newFaultTables(all []scene) *faultTables {
	tables := &faultTables{&faultTable{}, &faultTable{effects: localEffects()}, &faultTable{effects: remoteEffects()}}
	for _, s := range all {
		tables.kills.effects = append(tables.kills.effects, s.String())
	}
	return tables
}

func (tables *faultTables) String() string {
	return fmt.Sprintf("\nSIGKILL at each step\n%s\nEach step killed or failed, once and for the rest of the run\n%s\nEach command killed, cut, stalled or refused\n%s\n", tables.kills, tables.ours, tables.theirs)
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
