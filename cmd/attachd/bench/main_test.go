package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// asLimit in the environment makes the test's binary one of the limits: its arguments are theirs.
const asLimit = "ATTACHD_BENCH_LIMIT"

func TestMain(m *testing.M) {
	if name := os.Getenv(asLimit); name != "" {
		if err := runLimit(name, os.Args[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := done.finish(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if err := errors.Join(runFolder.remove(), ramFolder.remove()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// finish shows what the benchmarks have found.
func (r *report) finish() error {
	if len(r.rows) == 0 {
		return nil
	}
	r.date, r.machine = time.Now().Format(time.DateOnly), thisMachine()
	fmt.Printf("\n%s", r.text())
	return r.publishIfAsked()
}

// publishIfAsked publishes the rows that there are. It is called for each row: a run of half an
// hour that is ended early leaves what it has found.
func (r *report) publishIfAsked() error {
	if !*readme {
		return nil
	}
	r.date, r.machine = time.Now().Format(time.DateOnly), thisMachine()
	return r.publish(filepath.Join("..", "..", ".."))
}
