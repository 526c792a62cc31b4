package setup

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/provider"
	"github.com/attachd/attachd/config"
)

// dns says that mail of example.org is at pop.evil.net, and that of company.test at Microsoft.
type dns struct{}

func (dns) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if name == "company.test." {
		return []*net.MX{{Host: "company-test.mail.protection.outlook.com."}}, nil
	}
	return nil, errors.New("none")
}

func (dns) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	if name == "example.org." && service == "pop3s" {
		return "", []*net.SRV{{Target: "pop.evil.net.", Port: 995}}, nil
	}
	return "", nil, errors.New("none")
}

type noWeb struct{}

func (noWeb) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no web") }

// ask asks for an account without trying it, with these answers.
func ask(t *testing.T, answers string, change func(*Options)) (*Account, string, *Base, error) {
	t.Helper()
	var shown bytes.Buffer
	term, err := NewTerminal(t.Context(), strings.NewReader(answers), &shown)
	if err != nil {
		t.Fatal(err)
	}
	defer term.Close()
	base, err := NewBase(filepath.Join(t.TempDir(), "attachd.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Base: base, Terminal: term, Untried: true, Finder: &provider.Finder{
		Resolver: dns{}, HTTP: &http.Client{Transport: noWeb{}}, Probe: func(_ context.Context, s provider.Server) error {
			if s.Host == "pop.evil.net" || s.Host == "mail.plain.test" {
				return nil
			}
			return errors.New("nobody")
		},
	}}
	if change != nil {
		change(&o)
	}
	a, err := Ask(t.Context(), o)
	return a, shown.String(), base, err
}

func TestAsk(t *testing.T) {
	t.Parallel()
	silent := func(address, password string) func(*Options) {
		return func(o *Options) {
			o.Silent, o.Given.Address = true, address
			if password != "" {
				o.Given.Password = Password{Key: "password_env", Value: password}
			}
		}
	}
	for name, test := range map[string]struct {
		answers string
		change  func(*Options)
		shown   string // some of it
		want    string // lines of the account
		err     string
	}{
		"a server elsewhere is not taken by Enter": {
			answers: "me@example.org\n\npop.example.org\nhunter2\n\n\n\n", shown: "That is not in the domain example.org, and such records can be forged.",
			want: "host: pop.example.org",
		},
		"it is by yes":                           {answers: "me@example.org\ny\nhunter2\n\n\n\n", shown: "Is that the server that your provider names [no]: ", want: "host: pop.evil.net"},
		"nor silently":                           {change: silent("me@example.org", "PW"), err: "give --host pop.evil.net or --accept-host"},
		"unless told":                            {change: func(o *Options) { silent("me@example.org", "PW")(o); o.AcceptHost = true }, want: "host: pop.evil.net"},
		"a guess":                                {answers: "me@plain.test\n\nhunter2\n\n\n\n", shown: "Found mail.plain.test:995, TLS, by a guess.", want: "host: mail.plain.test"},
		"another server":                         {answers: "me@plain.test\npop.plain.test:110\nhunter2\n\n\n\n", want: "tls: {mode: starttls}"},
		"none found":                             {answers: "me@none.test\nhost with spaces\nimap.none.test:1995\nhunter2\n\n\n\n", shown: "None was found.", want: "port: 1995"},
		"none, silently":                         {change: silent("me@none.test", "PW"), err: "give --host HOST[:PORT], as no server was found for none.test"},
		"what Gmail needs":                       {answers: "me@gmail.com\n\n\nhunter2\n\n\n\n", shown: "make an app password at https://myaccount.google.com/apppasswords.", want: "interval: 10m"},
		"Gmail by sign-in":                       {answers: "me@gmail.com\n\ns\n1-a.apps.googleusercontent.com\nhunter3\n\n\n\n", want: "grant: authorization_code"},
		"a company at Microsoft, by application": {answers: "me@company.test\n\n0a1b\napp\nhunter3\n\n\n\n\n", shown: "(by the mail server of company.test)", want: "tenant: company.test"},
		"a person at Microsoft":                  {answers: "me@hotmail.com\n\n0a1b\n\n\n\n", want: "tenant: consumers"},
		"no password for it":                     {change: silent("me@hotmail.com", ""), err: "give --client-id, as Outlook.com takes no password"},
		"a user id":                              {answers: "me@legalmail.it\n\n\nM1\nhunter2\n\n\n\n", shown: "not the address", want: "username: M1"},
		"a user id, silently":                    {change: silent("me@legalmail.it", "PW"), err: "give --username: User id"},
		"local part":                             {answers: "me@web.de\n\nhunter2\n\n\n\n", want: "username: me"},
		"deleted later":                          {answers: "me@web.de\n\nhunter2\n\nnow\ndelete\n2x\n2w\n", shown: "Must be a duration", want: "delete_after: 2w"},
		"escaped":                                {answers: "me\x1b[2J@example.org\n", err: ErrNoAnswer.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, shown, base, err := ask(t, test.answers, test.change)
			if strings.ContainsAny(shown, "\x1b") || strings.Contains(shown, "hunter2") || strings.Contains(shown, "hunter3") {
				t.Errorf("it shows a secret, or what steers a terminal: %q", shown)
			}
			if !strings.Contains(shown, test.shown) {
				t.Errorf("it does not show %q:\n%s", test.shown, shown)
			}
			if test.err != "" || err != nil {
				if err == nil || test.err == "" || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q\n%s", err, test.err, shown)
				}
				return
			}
			text := strings.Join(a.lines("secrets"), "\n")
			if !strings.Contains(text, test.want) {
				t.Errorf("no %q in\n%s", test.want, text)
			}
			w, err := base.Write(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if again, _, err := config.Load(base.Path()); err != nil || again.Accounts[0].Name != w.Config.Accounts[0].Name {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestNames: a name that is taken is not given away again.
func TestNames(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"hans@example.org": "hans", "Hans.Müller@example.org": "Hans.M-ller", ".x@example.org": "x", "a/b@example.org": "a-b", "-@example.org": "mail", "a+b@example.org": "a+b",
	} {
		if got := accountName(address); got != want {
			t.Errorf("%s is %q, want %q", address, got, want)
		}
	}
	b := &Base{place: place{path: filepath.Join(t.TempDir(), "attachd.yaml")}, Config: &config.Config{Accounts: []config.Account{{Name: "HANS"}, {Name: "hans@example.org"}}}}
	if got := b.freeName("hans@example.org"); got != "hans-2" {
		t.Errorf("%q", got)
	}
}
