package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// asProgram makes the test binary behave as attachd itself, so that tests can
// start, signal and kill the real program.
const asProgram = "ATTACHD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, plannedFaults()))
	}
	testscript.Main(tests{m}, map[string]func(){"attachd": main})
}

// tests are all tests and benchmarks, and what is to be done behind them.
type tests struct{ *testing.M }

func (t tests) Run() int {
	code := t.M.Run()
	if err := benchFolder.remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// program returns a command that runs attachd with these arguments.
func program(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	// A program with the race detector otherwise stays for a second at its end.
	cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}
