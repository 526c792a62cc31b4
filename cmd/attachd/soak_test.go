package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// soakEnv says how long TestSoak is to go on, such as 5m: make soak. soakSeedEnv has it
// begin as an earlier one did.
const (
	soakEnv     = "ATTACHD_SOAK"
	soakSeedEnv = "ATTACHD_SOAK_SEED"
)

// TestSoak mixes all faults at random: episodes of many accounts, on a server that cuts, stalls and
// refuses, with a program that is killed, stopped and failed at its steps while messages arrive and
// are taken away. After each episode everything must stand once.
func TestSoak(t *testing.T) {
	t.Parallel()
	duration := time.Duration(0) // one episode
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	if text := os.Getenv(soakSeedEnv); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", soakSeedEnv, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	end := time.Now().Add(duration)
	total := soakCounts{}
	for episode := 1; ; episode++ {
		e := soakEpisode(t, random)
		total.runs, total.killed, total.faults, total.messages = total.runs+e.runs, total.killed+e.killed, total.faults+e.faults, total.messages+e.messages
		if t.Failed() || time.Now().After(end) {
			t.Logf("%d episodes, %d runs (%d killed), %d faults of the server, %d messages", episode, total.runs, total.killed, total.faults, total.messages)
			return
		}
	}
}

type soakCounts struct{ runs, killed, faults, messages int }

// soakEpisode is some accounts from their first poll to a clean end.
func soakEpisode(t *testing.T, random *rand.Rand) soakCounts {
	t.Helper()
	const accounts = 8
	rounds := testsize.Of(6, 12)
	var chosen []scene
	first := scenes()[random.IntN(len(scenes()))]
	for len(chosen) < accounts {
		s := scenes()[random.IntN(len(scenes()))]
		s.lacking, s.pops, s.refuses = first.lacking, first.pops, false
		chosen = append(chosen, s)
	}
	server := &soakServer{random: rand.New(rand.NewPCG(random.Uint64(), 0))}
	st := newStage(t, chosen, server.fault, "timeouts: {reply: 1s, idle: 1s}")
	// The steps that faults are chosen from are those of this very mixture.
	steps, _ := undisturbed(t, first)
	counts, order := countSteps(steps)
	var n soakCounts
	for range rounds {
		for _, m := range st.boxes {
			for range random.IntN(4) {
				st.server.Append(m.name, m.message(soakSizes(random), random.IntN(15) == 0, random.IntN(15) == 0))
			}
		}
		var plan plannedFault
		stop := func() bool { return false }
		switch what := random.IntN(10); {
		case what < 5: // of all accounts together
			step := order[random.IntN(len(order))]
			plan = plannedFault{Step: step, Hit: 1 + random.IntN(counts[step]*accounts/4+1), Reached: st.dir + "/reached", Kill: what < 2, Lasting: what == 2}
			plan.Errno = []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EMFILE, syscall.EACCES}[random.IntN(5)]
		case what < 8:
			signal := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[random.IntN(2)]
			stop = time.AfterFunc(time.Duration(random.IntN(200))*time.Millisecond, func() { st.signal(signal) }).Stop
		}
		code, log := st.during(plan)
		stop()
		n.runs++
		if code == -1 {
			n.killed++
		} else if code != exitOK && code != exitTemporary && code != exitFailure {
			t.Errorf("exit code %d after %+v\n%s", code, plan, log)
		}
		if strings.Contains(log, "panic") || strings.Contains(log, "DATA RACE") {
			t.Errorf("after %+v:\n%s", plan, log)
		}
		st.passTime()
	}
	server.well.Store(true)
	st.configure(nil) // nothing stalls any more, and a slow machine may take its second
	if broken := st.verdict(); len(broken) > 0 {
		t.Errorf("%s", strings.Join(broken, "\n"))
	}
	for _, m := range st.boxes {
		n.messages += m.sent
	}
	n.faults = int(server.faults.Load())
	return n
}

// soakSizes are those of a message's attachments: few, mostly small.
func soakSizes(random *rand.Rand) []int {
	sizes := make([]int, random.IntN(4))
	for i := range sizes {
		sizes[i] = 8 + random.IntN(20_000)
		if random.IntN(20) == 0 {
			sizes[i] = 500_000
		}
	}
	return sizes
}

// soakServer goes wrong now and then, until it is well.
type soakServer struct {
	well   atomic.Bool
	faults atomic.Int64

	mu     sync.Mutex
	random *rand.Rand // guarded by mu
}

func (s *soakServer) fault(st *stage, c *pop3test.Conn, cmd string) bool {
	s.mu.Lock()
	which := s.random.IntN(600)
	s.mu.Unlock()
	effects := remoteFaultsOf(cmd)[2:] // the kills come from elsewhere
	if s.well.Load() || which >= 2*len(effects) {
		return false
	}
	s.faults.Add(1)
	return effects[which/2].do(st, c)
}
