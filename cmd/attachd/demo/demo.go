// Package demo is a mailbox to try attachd on: a POP3S server on loopback that
// holds a few telling messages. Among them are a picture as a mail client sends it, an
// invoice with German file names in two encodings, an inline picture beside a
// nameless logo, a forwarded message with an attachment of its own, a second
// file of a name that is taken, and a message without any attachment.
package demo

import (
	"embed"
	"fmt"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// Username and Password log in to the demo's mailbox.
const (
	Username = "hans"
	Password = "POP3-PASSWORD"
)

//go:embed mailbox/*.eml
var mailbox embed.FS

// NewServer returns the server, which is not started yet. It speaks POP3S with
// a certificate made at its start, offers APOP and USER/PASS, and its client
// must trust [pop3test.Server.CertPEM].
func NewServer() (*pop3test.Server, error) {
	entries, err := mailbox.ReadDir("mailbox")
	if err != nil {
		return nil, fmt.Errorf("read the demo's mailbox: %w", err)
	}
	var messages []pop3test.Message
	for i, e := range entries {
		raw, err := mailbox.ReadFile("mailbox/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read the demo's mailbox: %w", err)
		}
		messages = append(messages, pop3test.Message{UIDL: fmt.Sprintf("demo-%d", i+1), Raw: raw})
	}
	s := pop3test.NewServer()
	s.Users = map[string]string{Username: Password}
	s.Mailboxes = map[string][]pop3test.Message{Username: messages}
	s.APOP = true
	s.Pipelining = true
	return s, nil
}
