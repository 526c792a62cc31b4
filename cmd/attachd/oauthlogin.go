package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/oauth"
)

// signInTimeout bounds the wait for somebody to sign in.
const signInTimeout = 15 * time.Minute

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
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			a := t.accounts[0]
			if !a.OAuth.NeedsSignIn() {
				return &exitError{exitUsage, fmt.Errorf("account %s needs no sign-in: it logs in with %s", a.Name, tokenOrigin(a))}
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), signInTimeout, fmt.Errorf("nobody signed in within %v", signInTimeout))
			defer cancel()
			if err := signIn(ctx, cmd.OutOrStdout(), t.config, a, device || a.OAuth.Grant == config.GrantDeviceCode); err != nil {
				return failure(fmt.Errorf("sign in for account %s: %w", a.Name, err))
			}
			return nil
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&device, "device", false, "sign in with a code in a browser on any device")
	return cmd
}

// signIn lets a person sign in for the account, and keeps what the provider gives.
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
