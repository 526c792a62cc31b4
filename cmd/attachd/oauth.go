package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/oauth"
)

// signInTimeout bounds the wait for somebody to sign in.
const signInTimeout = 15 * time.Minute

func oauthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "oauth",
		Short: "Sign in for accounts that log in with OAuth 2.0 tokens",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(oauthLoginCommand(), oauthStatusCommand())
	return cmd
}

func oauthLoginCommand() *cobra.Command {
	var path string
	var device bool
	cmd := &cobra.Command{
		Use:   "login ACCOUNT",
		Short: "Sign in for an account, once",
		Long: `login lets a person sign in for an account whose configuration has an oauth
section with grant: authorization_code or device_code. With the first, a browser
on this machine does it; with the second or --device, a browser anywhere, into
which a short code is typed.

What the provider gives is kept beside the state file, readable by attachd alone.
The daemon uses it from then on and refreshes it by itself; it need not be stopped
or told. Run as root, the file is given to the owner of the state's folder.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := load(path, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			a, err := signInAccount(c, args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), signInTimeout, fmt.Errorf("nobody signed in within %v", signInTimeout))
			defer cancel()
			if err := signIn(ctx, cmd.OutOrStdout(), c, a, device || a.OAuth.Grant == config.GrantDeviceCode); err != nil {
				return failure(fmt.Errorf("sign in for account %s: %w", a.Name, err))
			}
			return nil
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&device, "device", false, "sign in with a code in a browser on any device")
	return cmd
}

// signInAccount finds the account that somebody is to sign in for.
func signInAccount(c *config.Config, name string) (config.Account, error) {
	i := slices.IndexFunc(c.Accounts, func(a config.Account) bool { return a.Name == name })
	if i < 0 {
		return config.Account{}, fmt.Errorf("the configuration has no account %q", name)
	}
	a := c.Accounts[i]
	if !a.OAuth.NeedsSignIn() {
		return a, fmt.Errorf("account %s needs no sign-in: it logs in with %s", name, tokenOrigin(a))
	}
	return a, nil
}

// tokenOrigin says where the secret of an account comes from that needs no sign-in.
func tokenOrigin(a config.Account) string {
	switch {
	case !a.Token.IsZero():
		return a.Token.String()
	case a.OAuth != config.OAuth{}:
		return "a token by " + string(a.OAuth.Grant)
	}
	return a.Password.String()
}

func signIn(ctx context.Context, w io.Writer, c *config.Config, a config.Account, device bool) error {
	client := wiring.OAuthClient(a)
	say := func(format string, args ...any) error {
		_, err := io.WriteString(w, foreign.Lines(fmt.Sprintf(format, args...)))
		return err
	}
	var token oauth.Token
	var err error
	if device {
		client.Waits = func(err error) { _ = say("Not yet: %v. Asking again until the code expires.\n", err) }
		token, err = client.SignInWithDevice(ctx, func(p oauth.Prompt) error {
			if p.Complete != "" {
				return say("On any device, open\n\n  %s\n\nor open %s and enter the code %s. Sign in as %s.\n", p.Complete, p.URL, p.Code, a.Username)
			}
			return say("On any device, open\n\n  %s\n\nand enter the code %s. Sign in as %s.\n", p.URL, p.Code, a.Username)
		})
	} else {
		token, err = client.SignInWithCode(ctx, func(address string) error {
			return say("In a browser on this machine (else: --device), open\n\n  %s\n\nand sign in as %s.\n", address, a.Username)
		})
	}
	if err != nil {
		return err
	}
	if err := wiring.TokenStore(c, a).Save(ctx, client, token); err != nil {
		return err
	}
	return say("Signed in. The account is polled at its next turn; attachd check --online tries it at once.\n")
}

func oauthStatusCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "status [ACCOUNT]...",
		Short: "Show which accounts have signed in, and until when",
		Long: `status shows for each account that logs in with a token where that comes from
and, after a sign-in, when the current access token expires and for what it is
good. It shows no token and asks no server.

Exit code 0: all is well; 75: an account needs a sign-in.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := load(path, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return oauthStatus(cmd.OutOrStdout(), c, args)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

func oauthStatus(w io.Writer, c *config.Config, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(c.Accounts, func(a config.Account) bool { return a.Name == name }) {
			return &exitError{exitUsage, fmt.Errorf("the configuration has no account %q", name)}
		}
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	missing := 0
	for _, a := range c.Accounts {
		if len(names) > 0 && !slices.Contains(names, a.Name) || len(names) == 0 && a.Auth != config.AuthXOAuth2 && a.Auth != config.AuthOAuthBearer {
			continue
		}
		text, ok := signInStatus(c, a)
		if !ok {
			missing++
		}
		fmt.Fprintf(t, "account %s:\t%s\n", a.Name, foreign.Text(text))
	}
	if err := t.Flush(); err != nil {
		return failure(err)
	}
	if missing > 0 {
		return &exitError{exitTemporary, fmt.Errorf("%s without a valid sign-in", console.Count(missing, "account"))}
	}
	return nil
}

// signInStatus describes the sign-in of one account, and tells whether it can log in with it as far as is known here.
func signInStatus(c *config.Config, a config.Account) (text string, ok bool) {
	if !a.OAuth.NeedsSignIn() {
		return "needs no sign-in: " + tokenOrigin(a), true
	}
	s, err := wiring.TokenStore(c, a).Status(wiring.OAuthClient(a))
	switch {
	case err != nil:
		return err.Error(), false
	case s.SignedIn.IsZero():
		return (&oauth.SignInError{Account: a.Name, Err: oauth.ErrNoSignIn}).Error(), false
	case s.Refused != "":
		return (&oauth.SignInError{Account: a.Name, Err: errors.New(s.Refused)}).Error(), false
	}
	const minutes = "2006-01-02 15:04"
	text = fmt.Sprintf("signed in %s, access token until %s, to be refreshed then", s.SignedIn.Local().Format(minutes), s.Expiry.Local().Format(minutes))
	if !s.Expiry.After(time.Now()) {
		text = fmt.Sprintf("signed in %s, access token expired %s, to be refreshed at the next poll", s.SignedIn.Local().Format(minutes), s.Expiry.Local().Format(minutes))
	}
	if s.Scopes != "" {
		text += ", scopes " + s.Scopes
	}
	return text, true
}
