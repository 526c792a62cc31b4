package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/attachd/attachd/cmd/attachd/check"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// LoginError says that an account could not log in.
type LoginError struct {
	trouble.Trouble
	Err error
}

// Error returns what went wrong and what that means.
func (e *LoginError) Error() string {
	return fmt.Sprintf("%s: %v", e.Class.Advice().Heading, foreign.Error(e.Err))
}

// Unwrap returns the failure of the session.
func (e *LoginError) Unwrap() error { return e.Err }

// try logs in as the account that a draft adds, looks how much mail waits, and leaves. Its error
// is a [*LoginError], or that of the configuration.
func (b *Base) try(ctx context.Context, a *Account) (check.Login, error) {
	c, _, _, err := b.draft(a)
	if err != nil {
		return check.Login{}, err
	}
	i := slices.IndexFunc(c.Accounts, func(x config.Account) bool { return x.Name == a.Name })
	if i < 0 {
		return check.Login{}, errors.New("the account is not in the configuration")
	}
	account := c.Accounts[i]
	if a.Password.Typed != "" { // its file is not there yet
		account.Password = config.InlineSecret(a.Password.Typed)
	}
	if a.SignIn.SecretTyped != "" {
		account.OAuth.ClientSecret = config.InlineSecret(a.SignIn.SecretTyped)
	}
	return TryLogin(ctx, c, account)
}

// TryLogin logs in as one account of a configuration. Its error is a [*LoginError].
func TryLogin(ctx context.Context, c *config.Config, a config.Account) (check.Login, error) {
	alone := *c
	alone.Accounts = []config.Account{a}
	logins, _ := check.Online(ctx, &alone)
	if len(logins) == 0 {
		return check.Login{}, errors.New("the account is disabled")
	}
	l := logins[0]
	if err := ctx.Err(); err != nil {
		return l, err
	}
	if l.Err != nil {
		return l, &LoginError{trouble.Of(l.Probe.Addr, l.Err), l.Err}
	}
	return l, nil
}

// Waiting says how much mail a login found.
func Waiting(l check.Login) string {
	switch {
	case l.Probe.Messages == 0:
		return "The mailbox is empty."
	case l.Probe.Waiting == 0:
		return "Nothing new waits in the mailbox."
	}
	text := console.Count(l.Probe.Waiting, "message")
	if l.Probe.Octets >= 0 {
		text += " (" + console.Bytes(l.Probe.Octets) + ")"
	}
	if l.Probe.Waiting == 1 {
		return text + " waits in the mailbox."
	}
	return text + " wait in the mailbox."
}

// explain says what a failed login means, and what to do.
func explain(t *Terminal, e *LoginError, a *Account) {
	advice := e.Class.AdviceFor(trouble.Subject{Account: a.Name, Host: e.Host, Secret: "the account's password", Config: "the configuration"})
	t.Say("  %s. %s", advice.Heading, advice.Meaning)
	t.Say("  %s", e.Text)
	switch e.Class {
	case trouble.LoginRefused, trouble.LoginNotPermitted, trouble.LoginAppPassword, trouble.LoginPOPDisabled:
		if a.provider != nil {
			for _, step := range a.provider.Steps {
				t.Say("  - %s", step)
			}
			return
		}
		t.Say("  See whether the user name and the password are right, and whether the provider's settings allow POP3.")
	default:
		t.Say("  %s", advice.Todo)
	}
}
