// Command attachd turns mail into files: it polls mailboxes over POP3S and writes the attachments
// of new messages into a folder per account. Each attachment arrives once, whole and byte-exact.
//
//	attachd init         set attachd up: find the server, try the login, write the configuration
//	attachd account      list, add, disable, enable: the accounts of the configuration
//	attachd run          poll the configured accounts, for ever or --once
//	attachd status       say whether everything is fine, what needs somebody, what came in
//	attachd log          show the last polls of an account
//	attachd reload       have the running daemon load its configuration again
//	attachd healthcheck  ask the running daemon whether it works
//	attachd check        check the configuration and its folders, with --online every login
//	attachd extract      write the attachments of message files, Maildirs and mbox files
//	attachd quarantine   list, show, retry and drop messages that could not be taken apart
//	attachd state        check, rebuild, forget, accept, rename: look after the state file
//	attachd oauth        login, status: sign in for accounts that log in with tokens
//	attachd notify       test: send a test notice to those who are to be told of trouble
//	attachd demo         show all of this, with a mail server of its own
//	attachd config       print: show the configuration in force, and where each value comes from
//	attachd schema       print the JSON Schema of the configuration
//	attachd help         explain a command, or a key of the configuration
//	attachd version      print the version
//
// `attachd help COMMAND` has the flags of each, and README.md says how to install, configure and
// run it.
//
// # Exit codes
//
// Exit codes are a stable contract.
//
//	0   all went well
//	1   the command failed; attachd status: something needs somebody
//	2   the command line is wrong
//	75  some accounts failed, or messages are in quarantine: a later run may do better
//	78  the configuration is wrong, or it names folders that can't be used
//
// # Streams
//
// Standard output has what was asked for, and standard error the log and what went wrong. No line
// of either has control characters that a sender or a server chose.
//
// # Signals
//
// SIGTERM and SIGINT end a run with everything delivered that was staged; the second one ends it at
// once. SIGHUP has a run load its configuration again.
//
// # Sources
//
// This package has one file per subcommand, which parses flags, calls and prints. Package app
// polls, extract extracts, and each other package below is named for what it finds or does.
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

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/trust"
	"github.com/attachd/attachd/fetcher/foreign"
)

// The exit codes are a stable contract; the package comment says what each means. Those above 2 are
// those of sysexits.h.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitTemporary = 75 // EX_TEMPFAIL
	exitConfig    = 78 // EX_CONFIG
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

// run runs attachd with these arguments and streams, and returns its exit code. The hooks are for
// tests.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, hooks app.Hooks) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once, should the first not do.
	context.AfterFunc(ctx, stop)
	// A reader of our output that goes away is an error of writing to it, and not the end of the
	// process: what is staged is still to be delivered or removed.
	signal.Ignore(syscall.SIGPIPE)
	trust.Load()

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
	// An error without a code is cobra's own: an unknown command, an unknown flag, or a wrong
	// number of arguments. cobra does not say which arguments there should be.
	if !cmd.HasSubCommands() {
		fmt.Fprintf(stderr, "Usage: %s\n", cmd.UseLine())
	}
	fmt.Fprintln(stderr, "Run 'attachd help' for the commands and their flags.")
	return exitUsage
}

// command is attachd with all its subcommands.
func command(hooks app.Hooks) *cobra.Command {
	root := &cobra.Command{
		Use:   "attachd",
		Short: "Turn mail into files: attachments of POP3 mailboxes, into a folder per account",
		Long: `attachd polls mailboxes over POP3S and writes the attachments of new messages
into a folder per account. Each attachment arrives once, whole and byte-exact.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(initCommand(hooks), accountCommand(), runCommand(hooks), statusCommand(), logCommand(), reloadCommand(), healthcheckCommand(), checkCommand(), oauthCommand(), extractCommand(), quarantineCommand(), stateCommand(), notifyCommand(), demoCommand(), configCommand(), schemaCommand(), versionCommand())
	root.AddCommand(buildCommands()...)
	root.SetHelpCommand(helpCommand(root))
	addCompletions(root)
	return root
}

// showHelp is for a command that only has others below it. With cobra.NoArgs beside it, a misspelt
// subcommand is an error.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// failure gives an error the exit code 1, unless it has a code already.
func failure(err error) error {
	if _, ok := errors.AsType[*exitError](err); ok || err == nil {
		return err
	}
	return &exitError{exitFailure, err}
}
