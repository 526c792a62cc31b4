package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/check"
	"github.com/attachd/attachd/cmd/attachd/provider"
	"github.com/attachd/attachd/cmd/attachd/setup"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// maxPassword is how much of standard input is taken for a password, in bytes.
const maxPassword = 64 << 10

// accountFlags are what one can say of an account on the command line.
type accountFlags struct {
	account                            setup.Account
	host                               string
	startTLS, acceptHost, yes, untried bool
	keep, drop                         bool
	passwordFile, passwordEnv          string
	passwordCommand                    string
	passwordStdin                      bool
}

func (f *accountFlags) add(cmd *cobra.Command) {
	flags, a := cmd.Flags(), &f.account
	flags.StringVar(&a.Address, "address", "", "the mail `ADDRESS`")
	flags.StringVar(&a.Name, "name", "", "the account's `NAME`, which is that of its folder; made of the address unless given")
	flags.StringVar(&f.host, "host", "", "the POP3 server, as `HOST` or HOST:PORT; found unless given")
	flags.BoolVar(&f.startTLS, "starttls", false, "the server begins in plain text and changes to TLS, as on port 110")
	flags.StringVar(&a.CAFile, "ca-file", "", "trust the authorities in this `FILE` in place of the system's")
	flags.BoolVar(&f.acceptHost, "accept-host", false, "take a server that the DNS names although it is in another domain")
	flags.StringVar(&a.Username, "username", "", "log in as `USER`; the address, or what the provider wants, unless given")
	flags.StringVar(&f.passwordFile, "password-file", "", "the `FILE` that holds the password")
	flags.StringVar(&f.passwordEnv, "password-env", "", "the environment `VARIABLE` that holds the password")
	flags.StringVar(&f.passwordCommand, "password-command", "", "the `PROGRAM` that prints the password, with its arguments, split at spaces")
	flags.BoolVar(&f.passwordStdin, "password-stdin", false, "read the password from standard input, and keep it in a file of its own")
	flags.StringVar(&a.SignIn.ClientID, "client-id", "", "sign in with OAuth 2.0 by the application of this `ID`")
	flags.StringVar(&a.SignIn.Provider, "oauth-provider", "", "`microsoft` or google; told by the address unless given")
	flags.StringVar(&a.SignIn.Grant, "grant", "", "the `GRANT`: device_code, authorization_code or client_credentials")
	flags.StringVar(&a.SignIn.Tenant, "tenant", "", "Microsoft's `TENANT`")
	flags.StringVar(&a.SignIn.SecretFile, "client-secret-file", "", "the `FILE` that holds the application's secret")
	flags.DurationVar(&a.Interval, "interval", 0, "poll every `INTERVAL`, such as 10m")
	flags.StringVar(&a.Start, "start", "", "fetch `WHICH` mail that is there already: all, now (none), or what is younger than 30d")
	flags.BoolVar(&f.keep, "keep", false, "leave mail on the server")
	flags.BoolVar(&f.drop, "delete", false, "delete mail on the server once its files are safe")
	flags.StringVar(&a.DeleteAfter, "delete-after", "", "with --delete: this `LONG` after, such as 30d; at once unless given")
	flags.BoolVarP(&f.yes, "yes", "y", false, "ask nothing: take the defaults for what is not given")
	flags.BoolVar(&f.untried, "no-login", false, "do not try the login")
	cmd.MarkFlagsMutuallyExclusive("keep", "delete")
	cmd.MarkFlagsMutuallyExclusive("password-file", "password-env", "password-command", "password-stdin", "client-id")
}

// given checks the flags and returns the account as far as they say it.
func (f *accountFlags) given(stdin io.Reader) (setup.Account, error) {
	a := f.account
	var err error
	if f.host != "" {
		if a.Server, err = setup.ParseServer(f.host); err != nil {
			return a, fmt.Errorf("--host: %w", err)
		}
	}
	if f.startTLS {
		if a.Server.StartTLS = true; f.host == "" {
			return a, errors.New("--starttls goes with --host")
		}
		if a.Server.Port == 995 && !strings.HasSuffix(f.host, ":995") {
			a.Server.Port = 110
		}
	}
	if a.Start != "" {
		if _, err := config.ParseStart(a.Start); err != nil {
			return a, fmt.Errorf("--start %w", err)
		}
	}
	switch {
	case f.keep:
		a.After = string(config.AfterKeep)
	case f.drop:
		a.After = string(config.AfterDelete)
	case a.DeleteAfter != "":
		return a, errors.New("--delete-after goes with --delete")
	}
	if a.Interval > 0 && a.Interval < time.Second {
		return a, errors.New("--interval must be a second at least")
	}
	for _, path := range []*string{&a.Output, &a.CAFile, &f.passwordFile, &a.SignIn.SecretFile} {
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return a, err
			}
		}
	}
	a.Password, err = f.password(stdin)
	return a, err
}

func (f *accountFlags) password(stdin io.Reader) (p setup.Password, err error) {
	switch {
	case f.passwordFile != "":
		return setup.Password{Key: "password_file", Value: f.passwordFile}, nil
	case f.passwordEnv != "":
		return setup.Password{Key: "password_env", Value: f.passwordEnv}, nil
	case f.passwordCommand != "":
		return setup.Password{Key: "password_command", Command: strings.Fields(f.passwordCommand)}, nil
	case f.passwordStdin:
		if !f.yes {
			return p, errors.New("--password-stdin goes with --yes, as standard input can't answer questions then")
		}
		data, err := io.ReadAll(io.LimitReader(stdin, maxPassword))
		text := strings.TrimRight(string(data), "\r\n")
		if err == nil && (text == "" || strings.ContainsAny(text, "\r\n\x00")) {
			err = errors.New("it must be one line")
		}
		if err != nil {
			return p, fmt.Errorf("read the password from standard input: %w", err)
		}
		return setup.Password{Typed: config.Secret(text)}, nil
	}
	return p, nil
}

// ask asks for what the flags do not say.
func (f *accountFlags) ask(cmd *cobra.Command, base *setup.Base, t *setup.Terminal) (*setup.Account, error) {
	given, err := f.given(cmd.InOrStdin())
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	a, err := setup.Ask(cmd.Context(), setup.Options{
		Base: base, Terminal: t, Finder: provider.NewFinder(), Given: given, Silent: f.yes, AcceptHost: f.acceptHost, Untried: f.untried,
	})
	return a, setupError(cmd, err)
}

// setUp asks for an account, adds it to the configuration, lets somebody sign in where it takes
// that, and says what keeps the daemon from working with it. It returns the configuration as it is
// then.
func (f *accountFlags) setUp(cmd *cobra.Command, base *setup.Base, t *setup.Terminal) (*setup.Account, *config.Config, error) {
	a, err := f.ask(cmd, base, t)
	if err != nil {
		return nil, nil, err
	}
	w, err := writeAccount(cmd, base, a, t)
	if err != nil {
		return nil, nil, err
	}
	if err := finishSetup(cmd, base, w.Config, a, t, f.yes, f.untried); err != nil {
		return nil, nil, err
	}
	sayFaults(base, w.Config, t)
	return a, w.Config, nil
}

// writeAccount adds an account to the configuration, and says where it is and what is doubtful
// about it.
func writeAccount(cmd *cobra.Command, base *setup.Base, a *setup.Account, t *setup.Terminal) (*setup.Written, error) {
	w, err := base.Write(cmd.Context(), a)
	if err != nil {
		return nil, setupError(cmd, err)
	}
	for _, warning := range w.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", foreign.Text(warning.String()))
	}
	for _, note := range w.Notes {
		t.Say("%s", note)
	}
	t.Say("Account %s is in %s.", a.Name, w.Path)
	return w, nil
}

// sayFaults says what keeps the daemon from working with a configuration.
func sayFaults(base *setup.Base, c *config.Config, t *setup.Terminal) {
	faults, doubts := check.Folders(base.Path(), c)
	for _, fault := range append(faults, doubts...) {
		t.Say("Before it runs: %s", fault)
	}
}

// setupError gives an error of setting up its exit code, and says that nothing was written.
func setupError(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	code := exitFailure
	if cmd.Context().Err() != nil {
		err = errors.New("interrupted")
	}
	if _, ok := errors.AsType[*setup.MissingError](err); ok {
		code = exitUsage
	}
	if problems, ok := errors.AsType[config.Problems](err); ok {
		return &exitError{exitConfig, fmt.Errorf("%w\nnothing was written", problems)}
	}
	return &exitError{code, fmt.Errorf("%s: %w; nothing was written", strings.TrimPrefix(cmd.CommandPath(), "attachd "), err)}
}
