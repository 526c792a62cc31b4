package setup

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/provider"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/edit"
)

// Account is an account to be set up. Of those that somebody gives on the command line, empty
// fields are still to be found or asked for.
type Account struct {
	Address  string
	Name     string // of the account and its folder
	Username string
	Server   provider.Server
	CAFile   string // absolute; authorities in place of the system's

	Password Password
	SignIn   SignIn

	Output      string        // absolute folder for the account's own; "" for that of the configuration
	Interval    time.Duration // 0: that of the configuration
	Start       string        // all, now or an age
	After       string        // keep or delete
	DeleteAfter string        // an age; "" is at once
	provider    *provider.Provider
	paced       bool // Interval is the provider's

	// LoginFailed says that somebody goes on although the login has not worked.
	LoginFailed bool

	passwordFile, clientFile string   // in the folder of the secrets, of what was typed
	notes                    []string // about these files
}

// Password says where a password comes from: it was typed, or Key and Value are a key of the
// configuration, such as password_env.
type Password struct {
	Typed      config.Secret
	Key, Value string
	Command    []string // the value of password_command
}

// IsZero reports whether there is none.
func (p Password) IsZero() bool { return p.Typed == "" && p.Key == "" }

// SignIn is a login with OAuth 2.0 tokens.
type SignIn struct {
	Provider, Grant, Tenant, ClientID string
	// SecretFile holds the client's secret; or it was typed. Both are empty for a client without.
	SecretFile  string
	SecretTyped config.Secret
}

// IsZero reports whether the account logs in with a password.
func (s SignIn) IsZero() bool { return s.ClientID == "" }

// clientSuffix is what the file of a client's secret adds to the account's name.
const clientSuffix = ".client"

// lines are the keys of the account, as edit.AddAccount takes them. secrets is the folder of the
// secrets, as the file names it.
func (a *Account) lines(secrets string) []string {
	var lines []string
	add := func(key, value, comment string) {
		line := key + ": " + value
		if comment != "" {
			line = fmt.Sprintf("%-27s # %s", line, comment)
		}
		lines = append(lines, line)
	}
	add("name", edit.Text(a.Name), "of its folder, and in logs")
	label := ""
	if a.provider != nil {
		label = a.provider.Name
	}
	add("host", edit.Text(a.Server.Host), label)
	usual := 995
	if a.Server.StartTLS {
		usual = 110
	}
	if a.Server.Port != usual {
		add("port", strconv.Itoa(a.Server.Port), "")
	}
	add("username", edit.Text(a.Username), "")
	lines = append(lines, a.login(secrets)...)
	switch {
	case a.Server.StartTLS && a.CAFile != "":
		lines = append(lines, "tls:", "  mode: starttls", "  ca_file: "+edit.Text(a.CAFile))
	case a.Server.StartTLS:
		add("tls", "{mode: starttls}", "")
	case a.CAFile != "":
		lines = append(lines, "tls:", "  ca_file: "+edit.Text(a.CAFile))
	}
	if a.Output != "" {
		add("output", edit.Text(a.Output), "the files go into the account's folder below it")
	}
	if a.Interval > 0 {
		comment := ""
		if a.paced {
			comment = "the provider asks not to come more often"
		}
		add("interval", config.FormatDuration(a.Interval), comment)
	}
	add("start", cmp.Or(a.Start, "all"), "mail that was there before the first poll: all, now (none), or an age such as 30d")
	if a.After == string(config.AfterDelete) {
		add("after", a.After, "keep, or delete a message once its files are safe")
		if a.DeleteAfter != "" {
			add("delete_after", a.DeleteAfter, "so long after the first delivery")
		}
	} else {
		add("after", cmp.Or(a.After, string(config.AfterKeep)), "leave the mail on the server; or delete it once its files are safe")
	}
	return lines
}

// login are the keys of what the account logs in with.
func (a *Account) login(secrets string) []string {
	switch p := a.Password; {
	case !a.SignIn.IsZero():
		s := a.SignIn
		lines := []string{"auth: xoauth2", "oauth:", "  provider: " + s.Provider, "  grant: " + s.Grant}
		if s.Tenant != "" {
			lines = append(lines, "  tenant: "+edit.Text(s.Tenant))
		}
		lines = append(lines, "  client_id: "+edit.Text(s.ClientID))
		if s.SecretTyped != "" {
			lines = append(lines, "  client_secret_file: "+edit.Text(filepath.Join(secrets, cmp.Or(a.clientFile, a.Name+clientSuffix))))
		} else if s.SecretFile != "" {
			lines = append(lines, "  client_secret_file: "+edit.Text(s.SecretFile))
		}
		return lines
	case p.Typed != "":
		return []string{"password_file: " + edit.Text(filepath.Join(secrets, cmp.Or(a.passwordFile, a.Name)))}
	case p.Command != nil:
		words := make([]string, len(p.Command))
		for i, word := range p.Command {
			words[i] = edit.Text(word)
			if strings.ContainsAny(words[i], ",[]{}") && !strings.ContainsAny(words[i][:1], `"'`) {
				words[i] = strconv.Quote(word)
			}
		}
		return []string{p.Key + ": [" + strings.Join(words, ", ") + "]"}
	}
	return []string{a.Password.Key + ": " + edit.Text(a.Password.Value)}
}

// accountName makes the name of an account of an address, which a folder can have.
func accountName(address string) string {
	local, _, ok := provider.Split(address)
	if !ok {
		local = address
	}
	return cleanName(local)
}

func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < '0' && r != '-' && r != '.' && r != '+' || r > '~' || strings.ContainsRune(`:;<>?/\|*"'`+"`", r) {
			return '-'
		}
		return r
	}, name)
	name = strings.Trim(name, "-.~")
	if name == "" {
		return "mail"
	}
	return name[:min(len(name), 60)]
}

// ParseServer reads "host" or "host:port". Port 110 is that of STARTTLS.
func ParseServer(text string) (provider.Server, error) {
	s := provider.Server{Host: strings.TrimSpace(text), Port: 995}
	if host, port, err := net.SplitHostPort(s.Host); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return s, errors.New("the port must be a number up to 65535")
		}
		s.Host, s.Port = host, n
	}
	s.StartTLS = s.Port == 110
	if s.Host = strings.TrimSuffix(s.Host, "."); s.Host == "" || strings.ContainsAny(s.Host, " /@\\\"'") {
		return s, errors.New("write the host's name, such as pop.example.org, or host:port")
	}
	return s, nil
}

func describe(s provider.Server) string {
	way := "TLS"
	if s.StartTLS {
		way = "STARTTLS"
	}
	return fmt.Sprintf("%s, %s", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), way)
}
