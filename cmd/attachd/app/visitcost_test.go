package app_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// TestTransactionsOfVisits: a first visit makes four transactions on its account, or two if it
// finds nothing, and one on the server. A later visit that finds nothing new makes none.
func TestTransactionsOfVisits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		messages int
		want     []string
	}{
		"message": {1, []string{"lease", "stage", "delivered", "mailbox", "host"}},
		"empty":   {0, []string{"lease", "mailbox", "host"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, dir := apptest.StartPop3test(t, apptest.Notes(test.messages)), t.TempDir()
			c, _, err := config.Load(s.Config(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			var made []string
			a, err := app.Open(t.Context(), app.Options{Config: c, Once: true, Hooks: app.Hooks{Ledger: func(step sqlite.Step, name string) error {
				if step == sqlite.StepBegin {
					made = append(made, name)
				}
				return nil
			}}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			}()
			for _, want := range [][]string{test.want, nil} {
				made = nil
				if o, err := a.RunOnce(t.Context()); err != nil || !wentWell(o) {
					t.Fatal(errors.Join(append(o.Failed, err)...))
				}
				if !slices.Equal(made, want) {
					t.Errorf("transactions %q, want %q", made, want)
				}
			}
		})
	}
}
