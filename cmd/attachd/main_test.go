package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/attachd/attachd/cmd/attachd/app"
)

// asProgram makes the test binary behave as attachd itself, so that tests can
// start, signal and kill the real program.
const asProgram = "ATTACHD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asVerifier) != "" {
		verify()
		return
	}
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, plannedFaults()))
	}
	testscript.Main(m, map[string]func(){"attachd": main})
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

// attachd runs attachd within the test and returns all that it prints.
func attachd(t *testing.T, args ...string) (shown string, code int) {
	t.Helper()
	var out bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &out, app.Hooks{})
	return out.String(), code
}

// once runs `attachd run --once` within the test and returns its exit code and
// its log.
func once(t *testing.T, config string, flags ...string) (code int, log string) {
	t.Helper()
	var stderr bytes.Buffer
	code = run(append([]string{"run", "--once", "--config", config}, flags...), strings.NewReader(""), io.Discard, &stderr, app.Hooks{})
	return code, stderr.String()
}
