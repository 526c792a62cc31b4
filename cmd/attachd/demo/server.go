package demo

import (
	"embed"
	"fmt"
	"strings"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// Username and Password log in to the demo's mailbox.
const (
	Username = "hans"
	Password = "POP3-PASSWORD"
)

//go:embed mailbox/*.eml
var mailbox embed.FS

// UnknownServerError says that there is no server profile of a name.
type UnknownServerError struct{ Name string }

// Error lists the names that there are.
func (e *UnknownServerError) Error() string {
	return fmt.Sprintf("find a server of the name %q: there are\n%s", e.Name, Servers())
}

// NewServer returns the server, which is not started yet. It speaks POP3S with a certificate made
// at its start, and its client must trust [pop3test.Server.CertPEM]. It offers APOP and USER/PASS
// or, if a profile is named, does what the server of that profile does. login is the value of the
// key auth. The error is an [*UnknownServerError] for a name without a profile.
func NewServer(profile string) (s *pop3test.Server, login string, err error) {
	entries, err := mailbox.ReadDir("mailbox")
	if err != nil {
		return nil, "", fmt.Errorf("read the demo's mailbox: %w", err)
	}
	var raws [][]byte
	for _, e := range entries {
		raw, err := mailbox.ReadFile("mailbox/" + e.Name())
		if err != nil {
			return nil, "", fmt.Errorf("read the demo's mailbox: %w", err)
		}
		raws = append(raws, raw)
	}
	if profile != "" {
		p, ok := pop3test.ProfileNamed(profile)
		if !ok {
			return nil, "", &UnknownServerError{profile}
		}
		return p.NewServer(Username, Password, raws...), p.Login, nil
	}
	var messages []pop3test.Message
	for i, raw := range raws {
		messages = append(messages, pop3test.Message{UIDL: fmt.Sprintf("demo-%d", i+1), Raw: raw})
	}
	s = pop3test.NewServer()
	s.Users = map[string]string{Username: Password}
	s.Mailboxes = map[string][]pop3test.Message{Username: messages}
	s.APOP = true
	s.Pipelining = true
	return s, "auto", nil
}

// Servers lists the names of the profiles in lines, each with what is odd about it.
func Servers() string {
	var lines []string
	for _, p := range pop3test.Profiles() {
		lines = append(lines, fmt.Sprintf("  %-16s %s", p.Name, p.Quirk))
	}
	return strings.Join(lines, "\n")
}
