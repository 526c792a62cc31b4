package testsize

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

type cell struct{ row, column int }

func table(rows, columns int) (cells []cell) {
	for row := range rows {
		for column := range columns {
			cells = append(cells, cell{row, column})
		}
	}
	return cells
}

func (c cell) features() []string {
	return []string{fmt.Sprint("row ", c.row), fmt.Sprint("column ", c.column)}
}

func TestChooseLeavesNothingOut(t *testing.T) {
	cells := table(50, 6)
	for seed := range uint64(100) {
		met := make(map[string]bool)
		part := choose(rand.New(rand.NewPCG(seed, 0)), cells, cell.features)
		for _, c := range part {
			for _, feature := range c.features() {
				met[feature] = true
			}
		}
		if len(met) != 56 || len(part) > 56 {
			t.Errorf("seed %d: %d cells of %d rows and columns, want all 56 in at most as many", seed, len(part), len(met))
		}
		if !slices.IsSortedFunc(part, func(a, b cell) int { return slices.Index(cells, a) - slices.Index(cells, b) }) {
			t.Errorf("seed %d: the cells are in another order", seed)
		}
	}
}

func TestEnvironment(t *testing.T) {
	cells := table(50, 6)
	t.Setenv(Env, "all")
	if part := Choose(t, cells, cell.features); len(part) != len(cells) || Of(1, 2) != 2 {
		t.Errorf("of %d cells %d are tried, want all", len(cells), len(part))
	}
	t.Setenv(Env, "17")
	if a, b := Choose(t, cells, cell.features), Choose(t, cells, cell.features); !slices.Equal(a, b) || Of(1, 2) != 1 {
		t.Errorf("one seed chooses %v and %v", a, b)
	}
	t.Setenv(Env, "al")
	if _, err := seed(); err == nil {
		t.Error("a slip of the pen is taken for a seed")
	}
	t.Setenv(Env, "")
	if a, b := Choose(t, cells, cell.features), Choose(t, cells, cell.features); !slices.Equal(a, b) {
		t.Errorf("one process chooses %v and %v", a, b)
	}
}
