package send

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/config"
)

// Timeout bounds the delivery of one notice, commands for its secrets included.
const Timeout = 45 * time.Second

// Options say how to reach receivers.
type Options struct {
	Client *outbound.Client
	// Shoutrrr is the command that runs [RunShoutrrr], with its arguments. Without one there are no
	// services of shoutrrr.
	Shoutrrr []string
}

// Target is one receiver. Use [New]. Its methods may be called from many goroutines at once.
type Target struct {
	config  config.Target
	options Options
}

// New returns the receiver of a configuration.
func New(c config.Target, o Options) *Target { return &Target{c, o} }

// String says what the receiver is, without any secret.
func (t *Target) String() string { return t.config.String() }

// Send delivers a notice. The error is safe to print and holds no secret. An [outbound.StatusError]
// may say how long the server wants to be left alone.
func (t *Target) Send(ctx context.Context, n *Notice) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var err error
	switch c := t.config; {
	case c.Mail != nil:
		err = t.mail(ctx, c.Mail, n)
	case c.Ntfy != nil:
		err = t.ntfy(ctx, c.Ntfy, n)
	case c.Webhook != nil:
		err = t.webhook(ctx, c.Webhook, n)
	case c.Shoutrrr != nil:
		err = t.shoutrrr(ctx, c.Shoutrrr, n)
	default:
		err = errors.New("the target says nobody to tell")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("it took longer than " + Timeout.String())
	}
	return err
}

// resolve reads a secret. Without one it is empty.
func resolve(ctx context.Context, ref config.SecretRef) (string, error) {
	if ref.IsZero() {
		return "", nil
	}
	s, err := ref.Resolve(ctx)
	return string(s), err
}

// maxNtfy is the most that ntfy takes as text: 4096 bytes. It makes a file of more.
const maxNtfy = 4000

// ntfy publishes a notice (https://docs.ntfy.sh/publish).
func (t *Target) ntfy(ctx context.Context, c *config.NtfyTarget, n *Notice) error {
	address, err := resolve(ctx, c.URL)
	if err != nil {
		return err
	}
	token, err := resolve(ctx, c.Token)
	if err != nil {
		return err
	}
	header := http.Header{
		"Title":        {ascii(n.Title())},
		"Priority":     {n.priority()},
		"Tags":         {n.tag()},
		"Content-Type": {"text/plain; charset=utf-8"},
	}
	if n.Page != "" {
		header.Set("Click", n.Page)
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return t.options.Client.Do(ctx, outbound.Request{Method: http.MethodPost, URL: address, Header: header, Body: []byte(cut(n.text(plain), maxNtfy))})
}

// ascii encodes a text for a header field, as RFC 2047 says and ntfy reads it.
func ascii(s string) string {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
		}
	}
	return s
}

// priority is one of ntfy's, from 1 to 5: 4 makes a phone sound even where most do not.
func (n *Notice) priority() string {
	switch {
	case n.NeedsYou():
		return "4"
	case n.over():
		return "2"
	}
	return "3"
}

// tag is a word that ntfy shows as a picture.
func (n *Notice) tag() string {
	switch {
	case n.NeedsYou():
		return "rotating_light"
	case n.Test, n.over():
		return "white_check_mark"
	}
	return "warning"
}

// over reports whether a notice tells only what is over.
func (n *Notice) over() bool {
	for _, item := range n.Items {
		if item.Event != End && item.Event != Over {
			return false
		}
	}
	return len(n.Items) > 0
}
