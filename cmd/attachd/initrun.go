package main

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/check"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/daemon"
	"github.com/attachd/attachd/cmd/attachd/setup"
	"github.com/attachd/attachd/cmd/attachd/state"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

// firstRun offers to fetch what is there, and says how to go on. All is set up by now, so that an
// end of the answers is no failure.
func firstRun(cmd *cobra.Command, base *setup.Base, c *config.Config, a *setup.Account, t *setup.Terminal, hooks app.Hooks, silent, now bool) error {
	option := configOption(base)
	running, err := askDaemon(cmd, c.State)
	if err != nil {
		return err
	}
	if running {
		t.Say("Next: attachd status%s", option)
		return nil
	}
	other := otherUser(base, c)
	switch {
	case other != "" && now:
		t.Say("The mail is not fetched now, in spite of --run: the folders are for %s, and what another user makes there would be in the way.", other)
		now = false
	case other != "":
	case a.LoginFailed:
		now = false
		t.Say("Once the login works, attachd check%s --online says so.", option)
	case !silent:
		now, err = t.Confirm("Fetch the mail that is there now", true)
		if unlessUnanswered(cmd, err) != nil {
			return failure(err)
		}
		if err != nil {
			now = now && cmd.Context().Err() == nil
			t.Say("\nAttachd is set up.")
		}
	}
	if now {
		if err := fetchOnce(cmd, base.Path(), t, hooks); err != nil {
			return err
		}
	}
	switch {
	case base.Service():
		t.Say("Next: systemctl enable --now attachd\nThen: attachd status")
	case other != "":
		t.Say("Next, as %s: attachd run%s\nThen: attachd status%s", other, option, option)
	default:
		t.Say("Next: attachd run%s\nThen: attachd status%s", option, option)
	}
	return nil
}

// configOption is how other commands are told of the configuration.
func configOption(base *setup.Base) string {
	if base.Path() == setup.ConfigPath() {
		return ""
	}
	return " --config " + words.Shell(base.Path())
}

// unlessUnanswered returns err unless it says that nobody answers: by the end of the input, or by
// Ctrl-C.
func unlessUnanswered(cmd *cobra.Command, err error) error {
	if errors.Is(err, setup.ErrNoAnswer) || cmd.Context().Err() != nil {
		return nil
	}
	return err
}

// otherUser is the user whose folders the daemon works in, "" if that is the one of this process.
// What root owns tells nothing: it may be a folder that everybody can write.
func otherUser(base *setup.Base, c *config.Config) string {
	owners := []*syscall.Stat_t{owner(c.State)}
	if st, ok := state.Owner(c); ok {
		owners[0] = st
	}
	for _, output := range c.Outputs() {
		owners = append(owners, owner(output))
	}
	for _, st := range owners {
		if st == nil || st.Uid == 0 || int(st.Uid) == os.Geteuid() {
			continue
		}
		return check.UserName(int(st.Uid))
	}
	if base.Service() {
		return "the service"
	}
	return ""
}

// owner tells who owns what is at path, or the folder that it would be made in.
func owner(path string) *syscall.Stat_t {
	for {
		if info, err := os.Stat(path); err == nil {
			st, _ := info.Sys().(*syscall.Stat_t)
			return st
		}
		up := filepath.Dir(path)
		if up == path {
			return nil
		}
		path = up
	}
}

// fetchOnce polls every account once, and says what came.
func fetchOnce(cmd *cobra.Command, path string, t *setup.Terminal, hooks app.Hooks) error {
	c, warnings, err := load(path, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	progress := console.NewProgress(cmd.ErrOrStderr())
	defer progress.Done()
	log, err := console.NewLogger(progress, console.IsTerminal(cmd.ErrOrStderr()), config.Log{Level: config.LevelWarn, Format: c.Log.Format})
	if err != nil {
		return failure(err)
	}
	var counting sync.Mutex
	files := make(map[string]int)
	shoutrrr := shoutrrrProcess()
	err = runOnce(cmd.Context(), daemon.Options{Config: c, Path: path, Log: log, Warnings: warnings, Shoutrrr: shoutrrr, Hooks: hooks}, func(e event.Event) {
		progress.Observe(e)
		if came, ok := e.(event.Delivered); ok {
			counting.Lock()
			defer counting.Unlock()
			files[came.Account]++
		}
	})
	progress.Done()
	for _, a := range c.Enabled() {
		t.Say("%s came into %s.", console.Count(files[a.Name], "file"), a.Output)
	}
	return err
}
