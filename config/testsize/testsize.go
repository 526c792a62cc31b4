// Package testsize says how much the tests try. They have tables of hundreds of faults, and models
// that run at random. By default each test takes a part of its table, so that all tests together
// take some minutes on two slow cores. With ATTACHD_TESTS=all they take everything (make test-all).
//
// Each run chooses another part at random. A part has every row and column of its table in it: see
// [Choose]. A test that fails logs its seed; ATTACHD_TESTS=SEED chooses the same part again.
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

// All reports whether the tests try everything at its full size.
func All() bool { return os.Getenv(Env) == "all" }

// Of returns usual by default, and all if [All] holds. T may be a number of rounds, say, or a size.
func Of[T any](usual, all T) T {
	if All() {
		return all
	}
	return usual
}

// Choose returns a part of cases, in their order, that has each feature of any case at least once.
// If [All] holds, it returns all cases. The features of a case are the rows and columns of a table:
// a step and a fault, or the two together if each cell is to be tried.
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

// choose goes through the cases at random and takes each one with a new feature.
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

// seed returns the environment's seed, or a random one for the whole process.
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
