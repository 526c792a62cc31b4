//go:build ignore

// Command progress runs go test and shows how far it is. go test itself is silent until its first
// package is done, and the first may be the slowest:
//
//	progress [-expect TEXT] go test [flags] packages
//
// It prints
//
//   - at the start, how long the tests will take: as long as the last such run, or TEXT if there
//     was none,
//   - each package that is done, and each test that fails, with its output,
//   - after 15 seconds without a line, the packages that are running, how many of their tests are
//     done, and the time left,
//   - at the end, the slowest packages and tests, the skipped and the failed tests, and the lines
//     that go test closes with, one for each package.
//
// The exit status is go test's. The file progress.json beside the program keeps the times of runs
// without a failure.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
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
	quiet       = 15 * time.Second // without a line, then it says what is running
	slowest     = 10               // tests that are listed at the end, and packages
	slowTest    = 500 * time.Millisecond
	slowPackage = 5 * time.Second
)

func main() {
	expect := flag.String("expect", "", "how long a first run takes: `text`")
	flag.Parse()
	args := flag.Args()
	if len(args) < 2 || args[1] != "test" {
		fmt.Fprintln(os.Stderr, "usage: progress [-expect TEXT] go test [flags] packages")
		os.Exit(2)
	}
	r := newReport(strings.Join(args, " "))
	switch {
	case r.last.Seconds > 0:
		fmt.Printf("this took %s here last time\n", minutes(r.last.Seconds))
	case *expect != "":
		fmt.Printf("this takes %s\n", *expect)
	}
	code, err := run(r, args[0], append([]string{"test", "-json"}, args[2:]...))
	if err != nil {
		fmt.Fprintf(os.Stderr, "progress: %v\n", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run starts the command, has its output shown, and returns its exit status.
func run(r *report, name string, args []string) (code int, err error) {
	// A signal to stop is passed on to go test and to the tests that it runs; their last output is
	// shown.
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
	r.follow(out)
	err = cmd.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); !ok && err != nil {
		return 0, err
	}
	if err == nil {
		r.remember()
	}
	return cmd.ProcessState.ExitCode(), nil
}

// times is what is kept of a run.
type times struct {
	Seconds float64
	Tests   map[string]int // by package
}

// recall returns the times of all kinds of runs, by their command.
func recall() map[string]times {
	all := make(map[string]times)
	if text, err := os.ReadFile(os.Args[0] + ".json"); err == nil {
		_ = json.Unmarshal(text, &all) // a damaged file is as good as none
	}
	return all
}

// remember keeps the times of this run for the next one. If it cannot, the next one only knows
// less.
func (r *report) remember() {
	all := recall()
	all[r.command] = times{time.Since(r.began).Seconds(), r.ended}
	if text, err := json.Marshal(all); err == nil {
		_ = os.WriteFile(os.Args[0]+".json", text, 0o644)
	}
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

// report is the state of a run, as far as its output tells.
type report struct {
	command  string
	last     times // of the run before; zero if there was none
	began    time.Time
	said     time.Time
	running  map[string]map[string]*testCase // by package and name; "" is the package itself
	ended    map[string]int                  // tests, by package
	slow     []*testCase
	packages []*testCase
	skipped  []string
	failed   []string
	closing  []string
}

func newReport(command string) *report {
	return &report{
		command: command, last: recall()[command], began: time.Now(), said: time.Now(),
		running: make(map[string]map[string]*testCase), ended: make(map[string]int),
	}
}

// follow reads go test's output to its end and prints what matters.
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
		of := ""
		if all := r.last.Tests[pkg]; all > 0 {
			of = fmt.Sprintf(" of %d", max(all, r.ended[pkg]))
		}
		parts = append(parts, fmt.Sprintf("%s (%d%s tests done)", short(pkg), r.ended[pkg], of))
	}
	if len(parts) == 0 {
		parts = []string{"the compiler"}
	}
	slices.Sort(parts)
	left := ""
	if seconds := r.last.Seconds - time.Since(r.began).Seconds(); seconds > 0 {
		left = "; " + minutes(seconds) + " left"
	}
	r.say("running: %s%s", strings.Join(parts, ", "), left)
}

// minutes shows a time as a person would say it.
func minutes(seconds float64) string {
	if seconds < 90 {
		return fmt.Sprintf("about %.0f seconds", max(seconds, 1))
	}
	return fmt.Sprintf("about %.1f minutes", seconds/60)
}

// short is the package's path without the module's.
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
		// The process has died under these.
		for _, test := range tests {
			r.failed = append(r.failed, short(test.pkg)+" "+test.name)
			r.say("%s %s did not end:\n%s", short(test.pkg), test.name, strings.Join(test.output, ""))
		}
	}
	if pkg.elapsed >= slowPackage {
		r.packages = append(r.packages, pkg)
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
	listSlow("packages", r.packages)
	listSlow("tests", r.slow)
	list("Skipped", r.skipped)
	list("Failed", r.failed)
	fmt.Printf("\nAll of it took %.0f s.\n", time.Since(r.began).Seconds())
	slices.SortFunc(r.closing, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	fmt.Print(strings.Join(r.closing, ""))
	if slices.ContainsFunc(r.closing, func(line string) bool { return strings.HasPrefix(line, "FAIL") }) {
		fmt.Println("FAIL")
	}
}

func listSlow(what string, slow []*testCase) {
	if len(slow) == 0 {
		return
	}
	slices.SortFunc(slow, func(a, b *testCase) int { return cmp.Compare(b.elapsed, a.elapsed) })
	fmt.Printf("\nThe slowest %s (they share the processors):\n", what)
	for _, test := range slow[:min(slowest, len(slow))] {
		fmt.Printf("%6.1f s  %s\n", test.elapsed.Seconds(), strings.TrimSpace(short(test.pkg)+" "+test.name))
	}
}

// place is the package of a closing line: go test sorts by it.
func place(line string) string {
	_, pkg, _ := strings.Cut(line, "\t")
	return strings.Fields(pkg + " ")[0]
}

func list(what string, tests []string) {
	if len(tests) > 0 {
		fmt.Printf("\n%s: %d\n  %s\n", what, len(tests), strings.Join(tests, "\n  "))
	}
}
