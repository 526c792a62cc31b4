package bench

import (
	"errors"
	"fmt"
	"os"
	"testing"
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
	if len(done.rows) > 0 {
		fmt.Printf("\n%s", done.text())
	}
	if err := errors.Join(runFolder.remove(), ramFolder.remove()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}
