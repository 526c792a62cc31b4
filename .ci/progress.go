//go:build ignore

// Command progress runs go test and shows how it gets on, as go test itself is silent until the first of the packages is
// done, which may be the slowest:
//
//	progress go test [flags] packages
//
// While tests run it prints each package that is done, each test that fails, with what it printed, and now and then what is
// running. In the end come the slowest tests, what was skipped, and then the lines that go test closes with, one for each
// package. The exit status is go test's.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	quiet    = 15 * time.Second // without a word, then it says what is running
	slowest  = 10               // tests that are listed
	slowTest = 500 * time.Millisecond
)

func main() {
	if len(os.Args) < 3 || os.Args[2] != "test" {
		fmt.Fprintln(os.Stderr, "usage: progress go test [flags] packages")
		os.Exit(2)
	}
	code, err := run(os.Args[1], append([]string{"test", "-json"}, os.Args[3:]...))
	if err != nil {
		fmt.Fprintf(os.Stderr, "progress: %v\n", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run starts the command and returns its exit status when all of its output has been shown.
func run(name string, args []string) (code int, err error) {
	// It is told to stop as we are, with the tests that it runs, and what it says then is shown.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	newReport().follow(out)
	err = cmd.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); !ok && err != nil {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64 // seconds
	Output  string
}

// testCase is a test that has begun.
type testCase struct {
	pkg, name string
	output    []string
	elapsed   time.Duration
	parent    bool // of others, which are listed in its place
}

// report is what was heard of the tests so far.
type report struct {
	began   time.Time
	said    time.Time
	running map[string]map[string]*testCase // by package and name; "" is the package itself
	ended   map[string]int                  // tests, by package
	slow    []*testCase
	skipped []string
	failed  []string
	closing []string
}

func newReport() *report {
	return &report{began: time.Now(), said: time.Now(), running: make(map[string]map[string]*testCase), ended: make(map[string]int)}
}

// follow shows what is worth it until the end.
func (r *report) follow(out io.Reader) {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewReader(out); ; {
			line, err := in.ReadString('\n')
			if line != "" {
				lines <- line
			}
			if err != nil {
				return
			}
		}
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				r.end()
				return
			}
			var e event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				fmt.Print(line) // not of a test
				continue
			}
			r.note(e)
		case <-tick.C:
			if time.Since(r.said) >= quiet {
				r.sayRunning()
			}
		}
	}
}

func (r *report) say(format string, args ...any) {
	r.said = time.Now()
	fmt.Printf("%4.0fs  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

func (r *report) sayRunning() {
	var parts []string
	for pkg := range r.running {
		parts = append(parts, fmt.Sprintf("%s (%d tests done)", short(pkg), r.ended[pkg]))
	}
	if len(parts) == 0 {
		parts = []string{"the compiler"}
	}
	slices.Sort(parts)
	r.say("running: %s", strings.Join(parts, ", "))
}

// short is a package without what all have in common.
func short(pkg string) string {
	if parts := strings.SplitN(pkg, "/", 4); len(parts) == 4 {
		return parts[3]
	}
	return pkg
}

func (r *report) note(e event) {
	if e.Action == "build-output" {
		fmt.Print(e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	tests := r.running[e.Package]
	if tests == nil {
		tests = make(map[string]*testCase)
		r.running[e.Package] = tests
	}
	test := tests[e.Test]
	if test == nil {
		test = &testCase{pkg: e.Package, name: e.Test}
		tests[e.Test] = test
		if i := strings.LastIndex(e.Test, "/"); i > 0 && tests[e.Test[:i]] != nil {
			tests[e.Test[:i]].parent = true
		}
	}
	switch e.Action {
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") {
			test.output = append(test.output, e.Output)
		}
	case "pass", "fail", "skip":
		test.elapsed = time.Duration(e.Elapsed * float64(time.Second))
		if e.Test == "" {
			r.endPackage(test, e.Action)
		} else {
			r.endTest(test, e.Action)
		}
	}
}

func (r *report) endTest(test *testCase, how string) {
	delete(r.running[test.pkg], test.name)
	r.ended[test.pkg]++
	if test.elapsed >= slowTest && !test.parent {
		r.slow = append(r.slow, test)
	}
	switch how {
	case "fail":
		if !test.parent {
			r.failed = append(r.failed, short(test.pkg)+" "+test.name)
		}
		r.say("%s %s failed:\n%s", short(test.pkg), test.name, strings.Join(test.output, ""))
	case "skip":
		why, _, _ := strings.Cut(strings.Join(test.output, ""), "--- SKIP")
		r.skipped = append(r.skipped, fmt.Sprintf("%s %s: %s", short(test.pkg), test.name, strings.Join(strings.Fields(why), " ")))
	}
}

func (r *report) endPackage(pkg *testCase, how string) {
	tests := r.running[pkg.pkg]
	delete(r.running, pkg.pkg)
	delete(tests, "")
	if how == "fail" {
		// Those that did not come to their end, as when the process died.
		for _, test := range tests {
			r.failed = append(r.failed, short(test.pkg)+" "+test.name)
			r.say("%s %s did not end:\n%s", short(test.pkg), test.name, strings.Join(test.output, ""))
		}
	}
	for _, line := range pkg.output {
		last := false
		for _, word := range []string{"ok  \t", "FAIL\t", "?   \t", "---\t"} {
			last = last || strings.HasPrefix(line, word)
		}
		switch {
		case last:
			r.closing = append(r.closing, line)
		case how == "fail" && line != "FAIL\n" && line != "PASS\n":
			fmt.Print(line)
		}
	}
	if r.ended[pkg.pkg] > 0 || how == "fail" {
		r.say("%s: %s, %d tests in %.1f s", short(pkg.pkg), map[string]string{"pass": "ok", "fail": "FAILED", "skip": "skipped"}[how], r.ended[pkg.pkg], pkg.elapsed.Seconds())
	}
}

func (r *report) end() {
	slices.SortFunc(r.slow, func(a, b *testCase) int { return cmp.Compare(b.elapsed, a.elapsed) })
	if len(r.slow) > 0 {
		fmt.Println("\nThe slowest tests, which share the processors with others:")
		for _, test := range r.slow[:min(slowest, len(r.slow))] {
			fmt.Printf("%6.1f s  %s %s\n", test.elapsed.Seconds(), short(test.pkg), test.name)
		}
	}
	list("Skipped", r.skipped)
	list("Failed", r.failed)
	fmt.Printf("\nAll of it took %.0f s.\n", time.Since(r.began).Seconds())
	slices.SortFunc(r.closing, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	fmt.Print(strings.Join(r.closing, ""))
	if slices.ContainsFunc(r.closing, func(line string) bool { return strings.HasPrefix(line, "FAIL") }) {
		fmt.Println("FAIL")
	}
}

// place is what go test sorts its closing lines by: the package.
func place(line string) string {
	_, pkg, _ := strings.Cut(line, "\t")
	return strings.Fields(pkg + " ")[0]
}

func list(what string, tests []string) {
	if len(tests) > 0 {
		fmt.Printf("\n%s: %d\n  %s\n", what, len(tests), strings.Join(tests, "\n  "))
	}
}
