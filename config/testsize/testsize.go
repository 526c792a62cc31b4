// Package testsize says how much the tests are to try. They have tables of hundreds of faults, and models that run at
// random: by default each test takes a telling part of its table, so that all tests together take some minutes on two slow
// cores, and with ATTACHD_TESTS=all the whole of it (make test-all).
//
// A part is chosen at random, another one with each run, such that nothing that the table is about is left out: see
// [Choose]. A test that fails says which seed chose it; ATTACHD_TESTS=SEED chooses the same again.
package testsize

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
)

// Env is the environment variable: "all", a seed, or empty for a seed of chance.
const Env = "ATTACHD_TESTS"

// All reports whether everything is to be tried at its full size.
func All() bool { return os.Getenv(Env) == "all" }

// Of returns usual by default and all where everything is tried: a number of rounds, say, or a size.
func Of[T any](usual, all T) T {
	if All() {
		return all
	}
	return usual
}

// Choose returns a part of cases in which each feature of any of them is met at least once, in their order; all of them
// where everything is tried. The features of a case are what a table has as its rows and columns: the step and the fault that is tried
// there, or the two together if each cell is to be tried.
func Choose[T any](t testing.TB, cases []T, features func(T) []string) []T {
	t.Helper()
	if All() {
		return cases
	}
	chosen, err := seed()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s=%d chooses the same again", Env, chosen)
	return choose(rand.New(rand.NewPCG(chosen, 0)), cases, features)
}

// choose goes through the cases at random and takes each one that shows something new.
func choose[T any](random *rand.Rand, cases []T, features func(T) []string) []T {
	met := make(map[string]bool)
	taken := make([]bool, len(cases))
	for _, i := range random.Perm(len(cases)) {
		for _, feature := range features(cases[i]) {
			taken[i] = taken[i] || !met[feature]
			met[feature] = true
		}
	}
	var part []T
	for i, c := range cases {
		if taken[i] {
			part = append(part, c)
		}
	}
	return part
}

// seed is the environment's, or one for the whole process.
func seed() (uint64, error) {
	text := os.Getenv(Env)
	if text == "" {
		return chance(), nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s=%s: want \"all\" or the number that a test has logged", Env, text)
	}
	return n, nil
}

var chance = sync.OnceValue(rand.Uint64)
