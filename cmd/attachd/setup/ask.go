package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/attachd/attachd/cmd/attachd/check"
	"github.com/attachd/attachd/cmd/attachd/provider"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// Options say how an account is set up.
type Options struct {
	Base     *Base
	Terminal *Terminal
	Finder   *provider.Finder
	// Given is what is known already. It is not asked.
	Given Account
	// Silent asks nothing: what is not given takes its default, or is missing.
	Silent bool
	// AcceptHost takes a server in a foreign domain that records of the DNS name, without a question.
	AcceptHost bool
	// Untried leaves the login out.
	Untried bool
}

// MissingError says what has to be given where nothing can be asked.
type MissingError struct{ Flags string }

// Error names the flags.
func (e *MissingError) Error() string { return "give " + e.Flags }

// asker asks for one account.
type asker struct {
	Options
	*Terminal
	a Account
	// found is how the server was found, nil if it was given.
	found *provider.Found
	login *check.Login // nil if it was not tried
}

// Ask asks for all that is needed to set an account up, finds its server and tries its login. It
// writes nothing. Its errors are a [*MissingError] if something is missing and can't be asked, a
// [*LoginError] if the login fails and can't be asked for again, [ErrNoAnswer], that of ctx, or
// one that says what is wrong.
func Ask(ctx context.Context, o Options) (*Account, error) {
	q := &asker{Options: o, Terminal: o.Terminal, a: o.Given}
	for _, step := range []func(context.Context) error{q.address, q.server, q.free, q.needs, q.secret, q.tryLogin, q.folder, q.start, q.after} {
		if err := step(ctx); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return &q.a, nil
}

func (q *asker) address(context.Context) error {
	check := func(answer string) error {
		if _, _, ok := provider.Split(answer); !ok {
			return errors.New("write a whole mail address, such as invoices@example.org")
		}
		return nil
	}
	switch {
	case q.a.Address != "":
		if err := check(q.a.Address); err != nil {
			return fmt.Errorf("read the address %q: it is no mail address", q.a.Address)
		}
		return nil
	case q.Silent:
		return &MissingError{"--address"}
	}
	var err error
	q.a.Address, err = q.ask("Mail address", "", check)
	return err
}

// server finds the server, and has a person confirm it. A server that was given is taken as it is.
func (q *asker) server(ctx context.Context) error {
	if q.a.Name == "" {
		q.a.Name = q.Base.freeName(q.a.Address)
	}
	_, domain, _ := provider.Split(q.a.Address)
	if q.a.Server.Host != "" {
		q.a.provider = provider.ByDomain(domain)
		if q.a.provider != nil && !strings.EqualFold(q.a.provider.Host, q.a.Server.Host) {
			q.a.provider = nil
		}
		q.username(q.a.Address)
		return nil
	}
	q.Say("Looking for the mail server of %s …", domain)
	found, err := q.Finder.Find(ctx, q.a.Address)
	if none, ok := errors.AsType[*provider.NotOfferedError](err); ok {
		return fmt.Errorf("%w (--host HOST takes a server all the same)", none)
	}
	switch {
	case err == nil:
		q.found = found
	case !errors.Is(err, provider.ErrNotFound):
		return fmt.Errorf("look for the mail server of %s: %w", domain, err)
	case q.Silent:
		return &MissingError{"--host HOST[:PORT], as no server was found for " + domain}
	default:
		q.Say("None was found. Your provider's help pages name it, as \"POP3 server\".")
		return q.typedServer("")
	}
	if q.found.Foreign && q.Silent && !q.AcceptHost {
		return &MissingError{fmt.Sprintf("--host %s or --accept-host, if that is your provider's server: by %s, but it is not in the domain %s", foreign.Text(found.Host), found.How, domain)}
	}
	if q.found.Foreign && !q.Silent && !q.AcceptHost {
		if err := q.confirmForeign(domain); err != nil || q.a.Server.Host != "" {
			return err
		}
	}
	return q.accept(domain)
}

// confirmForeign asks whether a server elsewhere is the right one.
func (q *asker) confirmForeign(domain string) error {
	q.Say("By %s, it is %s. That is not in the domain %s, and such records can be forged.", q.found.How, describe(q.found.Server), domain)
	yes, err := q.Confirm("Is that the server that your provider names", false)
	if err != nil || yes {
		return err
	}
	q.found = nil
	return q.typedServer("")
}

// accept takes the server that was found, or another one that is typed.
func (q *asker) accept(domain string) error {
	found := q.found
	q.a.Server, q.a.provider = found.Server, found.Provider
	if found.Provider != nil {
		q.Say("%s reads mail at %s (by %s).", found.Provider.Name, describe(found.Server), found.How)
	} else {
		q.Say("Found %s, by %s.", describe(found.Server), found.How)
	}
	if found.TokenOnly {
		q.Say("%s says that it takes no passwords, only OAuth 2.0. deploy/oauth.md says how to use a program that gets tokens.", domain)
	}
	if !q.Silent && !found.Foreign {
		if err := q.typedServer(serverText(found.Server)); err != nil {
			return err
		}
	}
	if p := q.a.provider; p != nil && p.UserID != "" && q.a.Username == "" {
		if q.Silent {
			return &MissingError{"--username: " + p.UserID}
		}
		var err error
		q.a.Username, err = q.ask(p.UserID, "", notEmpty)
		return err
	}
	q.username(found.Username)
	return nil
}

func serverText(s provider.Server) string {
	if s.Port == 995 {
		return s.Host
	}
	return fmt.Sprintf("%s:%d", s.Host, s.Port)
}

// typedServer asks for the server.
func (q *asker) typedServer(preset string) error {
	answer, err := q.ask("POP3 server", preset, func(answer string) error {
		if _, err := ParseServer(answer); err != nil {
			return err
		}
		return nil
	})
	if err != nil || answer == preset {
		return err
	}
	q.a.Server, _ = ParseServer(answer)
	q.a.provider = nil
	q.username(q.a.Address)
	return nil
}

func (q *asker) username(preset string) {
	if q.a.Username == "" {
		q.a.Username = preset
	}
}

// free looks whether an account has the mailbox already, before a password is asked for.
func (q *asker) free(context.Context) error {
	if q.Base.Config == nil {
		return nil
	}
	for _, a := range q.Base.Config.Accounts {
		if a.Enabled && strings.EqualFold(a.Host, q.a.Server.Host) && a.Port == q.a.Server.Port && a.Username == q.a.Username {
			return fmt.Errorf("%s: account %s fetches the mail of %s at %s already", q.Base.placeOf(a.Name), a.Name, a.Username, a.Host)
		}
	}
	return nil
}

// needs says what the provider needs before the first login.
func (q *asker) needs(context.Context) error {
	p := q.a.provider
	if p == nil {
		return nil
	}
	if q.a.Interval == 0 {
		q.a.Interval, q.a.paced = p.Interval, true
	}
	if len(p.Steps) > 0 {
		q.Say("%s needs this first:", p.Name)
	}
	for _, step := range p.Steps {
		q.Say("  - %s", step)
	}
	if p.Note != "" {
		q.Say("%s", p.Note)
	}
	if p.Page != "" {
		q.Say("deploy/providers/%s tells more.", p.Page)
	}
	return nil
}

// secret asks for what the account logs in with.
func (q *asker) secret(ctx context.Context) error {
	if !q.a.Password.IsZero() || !q.a.SignIn.IsZero() {
		return q.fillSignIn()
	}
	p := q.a.provider
	bySignIn := p != nil && p.Secret == provider.SignIn
	switch {
	case q.Silent && bySignIn:
		return &MissingError{"--client-id, as " + p.Name + " takes no password (deploy/providers/" + p.Page + ")"}
	case q.Silent:
		return &MissingError{"--password-file, --password-env, --password-command or --password-stdin"}
	case p != nil && p.Secret == provider.AppPassword && p.OAuth.Provider != "":
		way, err := q.choose("Log in with an app password, or with a sign-in in the browser (which needs an OAuth client of your own)", "app-password", "app-password", "sign-in")
		if err != nil {
			return err
		}
		bySignIn = way == "sign-in"
	}
	if bySignIn {
		return q.client()
	}
	return q.password()
}

// password asks for a password.
func (q *asker) password() error {
	kind := "Password"
	if q.a.provider != nil && q.a.provider.Secret == provider.AppPassword {
		kind = "App password"
	}
	answer, err := q.askSecret(kind + " of " + q.a.Username + " (not shown)")
	q.a.Password = Password{Typed: config.Secret(answer)}
	return err
}

// client asks for the registration with an authorization server.
func (q *asker) client() error {
	p := q.a.provider
	id, err := q.ask("Client id of your application", "", func(answer string) error {
		if answer == "" || strings.ContainsAny(answer, " \t") {
			return fmt.Errorf("deploy/providers/%s says how to get one. It looks like 0a1b2c3d-… or 1234-….apps.googleusercontent.com", p.Page)
		}
		return nil
	})
	if err != nil {
		return err
	}
	q.a.SignIn = SignIn{ClientID: id}
	if p.OAuth.Provider == "microsoft" && p.OAuth.Tenant == "" {
		who, err := q.choose("Who signs in: you, once (me), or nobody, as the application may read the mailbox by itself (application)", "me", "me", "application")
		if err != nil {
			return err
		}
		if who == "application" {
			q.a.SignIn.Grant = string(config.GrantClientCredentials)
		}
	}
	if err := q.fillSignIn(); err != nil {
		return err
	}
	if q.a.SignIn.Provider == "google" || q.a.SignIn.Grant == string(config.GrantClientCredentials) {
		secret, err := q.askSecret("Client secret (not shown)")
		q.a.SignIn.SecretTyped = config.Secret(secret)
		if err != nil {
			return err
		}
	}
	if q.a.SignIn.Grant == string(config.GrantClientCredentials) && q.a.SignIn.Tenant == "" {
		_, domain, _ := provider.Split(q.a.Address)
		q.a.SignIn.Tenant, err = q.ask("Tenant (its id or domain)", domain, anything)
	}
	return err
}

// fillSignIn takes what is not given of a sign-in from the provider.
func (q *asker) fillSignIn() error {
	s := &q.a.SignIn
	if s.IsZero() {
		return nil
	}
	if p := q.a.provider; p != nil && s.Provider == "" && p.OAuth.Provider != "" {
		s.Provider = p.OAuth.Provider
		if s.Grant == "" {
			s.Grant = p.OAuth.Grant
		}
		if s.Tenant == "" {
			s.Tenant = p.OAuth.Tenant
		}
	}
	if s.Provider == "" {
		return &MissingError{"--oauth-provider microsoft or google, as the address does not tell"}
	}
	if s.Grant == "" {
		s.Grant = string(config.GrantAuthorizationCode)
	}
	return nil
}
