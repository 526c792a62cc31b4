package main

import (
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
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			return oauthStatus(cmd.OutOrStdout(), t.config, args)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// oauthStatus prints the sign-ins of the accounts of these names or, without any, of those that log
// in with a token, in the order of the configuration.
func oauthStatus(w io.Writer, c *config.Config, names []string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	missing := 0
	for _, a := range c.Accounts {
		if len(names) > 0 && !slices.Contains(names, a.Name) || len(names) == 0 && !a.Auth.ByToken() {
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

// signInStatus describes the sign-in of one account. ok says that the account can log in with it,
// as far as is known without asking a server.
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
	text = fmt.Sprintf("signed in %s, access token until %s, to be refreshed then", console.Minute(s.SignedIn), console.Minute(s.Expiry))
	if !s.Expiry.After(time.Now()) {
		text = fmt.Sprintf("signed in %s, access token expired %s, to be refreshed at the next poll", console.Minute(s.SignedIn), console.Minute(s.Expiry))
	}
	if s.Scopes != "" {
		text += ", scopes " + s.Scopes
	}
	return text, true
}

// tokenOrigin names the source of the secret, for an account that needs no sign-in.
func tokenOrigin(a config.Account) string {
	switch {
	case !a.Token.IsZero():
		return a.Token.String()
	case a.OAuth != config.OAuth{}:
		return "a token by " + string(a.OAuth.Grant)
	}
	return a.Password.String()
}
