package apptest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/config"
)

// Once polls every account of a configuration once, as `attachd run --once` does. It returns the
// outcome and the log, which has this level, or the configuration's if level is "".
func Once(t testing.TB, path string, level config.Level) (o *app.Outcome, log string) {
	t.Helper()
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if level != "" {
		c.Log.Level = level
	}
	var text bytes.Buffer
	logger, err := console.NewLogger(&text, false, c.Log)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Options{Config: c, Log: logger, Once: true})
	if err != nil {
		t.Fatal(err)
	}
	o, err = a.RunOnce(t.Context())
	if err := errors.Join(err, a.Close()); err != nil {
		t.Fatal(err)
	}
	return o, text.String()
}
