package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/attachd/attachd/cmd/attachd/demo"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestScript runs the scripts of testdata/script against the real program.
//
// Besides testscript's own commands they may use:
//
//	popserver [refuse TEXT]   start the demo's server; sets HOST and PORT and
//	                          writes its certificate to ca.pem
//	popserver answer COMMAND TEXT
//	                          the same, with these lines, that \n ends, for a command
//	receivers                 start a web and a mail server that receive notices into
//	                          http.txt and mail.txt
//	waitfor FILE [TEXT]       wait until the file exists (and holds the text)
//	until REGEXP PROGRAM ARG...
//	                          run a program, again and again, until its output matches
//	signal NAME               send HUP or TERM to the program in the background
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"popserver": startServer,
			"receivers": startReceivers,
			"waitfor":   waitFor,
			"until":     until,
			"signal":    sendSignal,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("TMPDIR", env.WorkDir)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // as in program
			return nil
		},
	})
}

func startServer(ts *testscript.TestScript, _ bool, args []string) {
	server, _, err := demo.NewServer("")
	ts.Check(err)
	if len(args) == 2 && args[0] == "refuse" {
		server.Auth.Refusal = args[1]
	}
	if len(args) == 3 && args[0] == "answer" {
		server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd != args[1] {
				return false
			}
			c.Reply(strings.Split(args[2], `\n`)...)
			return true
		}
	}
	ts.Check(server.Start())
	ts.Defer(server.Close)
	host, port, _ := strings.Cut(server.Addr(), ":")
	ts.Setenv("HOST", host)
	ts.Setenv("PORT", port)
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), server.CertPEM(), 0o600))
	// The configurations of the scripts have the port filled in.
	configs, err := filepath.Glob(ts.MkAbs("*.yaml"))
	ts.Check(err)
	for _, path := range configs {
		content, err := os.ReadFile(path)
		ts.Check(err)
		ts.Check(os.WriteFile(path, bytes.ReplaceAll(content, []byte("PORT"), []byte(port)), 0o600))
	}
}

func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ; time.Now().Before(deadline); <-tick.C {
		content, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && (len(args) == 1 || bytes.Contains(content, []byte(args[1]))) {
			return
		}
	}
	ts.Fatalf("%s did not come in time", strings.Join(args, " with "))
}

func until(ts *testscript.TestScript, _ bool, args []string) {
	wanted, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ; time.Now().Before(deadline); <-tick.C {
		_ = ts.Exec(args[1], args[2:]...) // which may fail as often as it likes
		if wanted.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("%s did not come in time", args[0])
}

func sendSignal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(signals[args[0]]))
	}
}
