// Command attachd turns mail into files: it polls mailboxes over POP3S and
// writes the attachments of what arrives into a folder per account. README.md
// says how to use it; `attachd help` lists the commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	// The authorities to trust where the system has none, as in an empty container.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/fetcher/foreign"
)

// The exit codes, of which scripts and service managers may rely on every one.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitTemporary = 75 // EX_TEMPFAIL of sysexits.h: some accounts failed, or messages are in quarantine
	exitConfig    = 78 // EX_CONFIG of sysexits.h
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, app.Hooks{})) }

// exitError is an error with the exit code that it asks for.
type exitError struct {
	code int
	err  error // nil: all has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer, hooks app.Hooks) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program the hard way, should the first not do.
	context.AfterFunc(ctx, stop)
	// A reader of our output that goes away is an error of writing to it, not the
	// end on the spot: what is staged is still to be delivered or removed.
	signal.Ignore(syscall.SIGPIPE)

	root := command(hooks)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(stderr, "attachd: %s\n", foreign.Lines(text))
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	// Whatever comes without a code is cobra's own: an unknown command, a flag
	// that does not exist, an argument too many or too few, of which it says only
	// how many.
	if !cmd.HasSubCommands() {
		fmt.Fprintf(stderr, "Usage: %s\n", cmd.UseLine())
	}
	fmt.Fprintln(stderr, "Run 'attachd help' for the commands and their flags.")
	return exitUsage
}

func command(hooks app.Hooks) *cobra.Command {
	root := &cobra.Command{
		Use:   "attachd",
		Short: "Turn mail into files: attachments of POP3 mailboxes, into a folder per account",
		Long: `attachd polls mailboxes over POP3S and writes the attachments of new messages
into a folder per account. Each attachment arrives once, whole and byte-exact.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(runCommand(hooks), checkCommand(), oauthCommand(), extractCommand(), quarantineCommand(), stateCommand(), demoCommand(), versionCommand())
	return root
}

// showHelp is what a command does that only has others below it. With NoArgs, one that is misspelt is an error.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// failure is an error of a command's own work, unless it has an exit code already.
func failure(err error) error {
	if _, ok := errors.AsType[*exitError](err); ok || err == nil {
		return err
	}
	return &exitError{exitFailure, err}
}
