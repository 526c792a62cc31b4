package notify

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/cmd/attachd/notify/send"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
)

// words says what failed at a poll, for a ping: the kind of failure and the server, and no words of
// the server.
func (n *Notifier) words(account string, err error) string {
	c := n.config.Load()
	address := ""
	for i := range c.Accounts {
		if c.Accounts[i].Name == account {
			address = net.JoinHostPort(c.Accounts[i].Host, strconv.Itoa(c.Accounts[i].Port))
		}
	}
	t := trouble.Of(address, err)
	text := t.Class.Advice().Heading + ": account " + account
	if t.Host != "" {
		text += ", " + t.Host
	}
	return words.Visible(text)
}

// Names returns the names of the receivers of a configuration, in its order: what each is, with a
// number from the second on, such as mail, ntfy, ntfy-2.
func Names(c *config.Config) []string {
	names := make([]string, len(c.Notify.To))
	count := make(map[string]int)
	for i, t := range c.Notify.To {
		kind := "shoutrrr"
		switch {
		case t.Mail != nil:
			kind = "mail"
		case t.Ntfy != nil:
			kind = "ntfy"
		case t.Webhook != nil:
			kind = "webhook"
		}
		if count[kind]++; count[kind] == 1 {
			names[i] = kind
		} else {
			names[i] = kind + "-" + strconv.Itoa(count[kind])
		}
	}
	return names
}

// Test sends a test notice to the receivers of these names, or to all without any, one after the
// other, and reports what became of each. A name that no receiver has is an error, and nothing is
// sent.
func Test(ctx context.Context, o Options, chosen []string, report func(name, what string, err error)) error {
	names := Names(o.Config)
	for _, name := range chosen {
		if !slices.Contains(names, name) {
			return fmt.Errorf("notify has no target %q, only %s", name, words.List(names, max(1, len(names))))
		}
	}
	client := outbound.New(o.Transport)
	now := time.Now()
	if o.Zone != nil {
		now = now.In(o.Zone)
	}
	for i, t := range o.Config.Notify.To {
		if len(chosen) > 0 && !slices.Contains(chosen, names[i]) {
			continue
		}
		target := send.New(t, send.Options{Client: client, Shoutrrr: o.Shoutrrr})
		notice := &send.Notice{At: now, Machine: machine(o.Machine), Page: page(o.Config.HTTP), Test: true}
		notice.ID = noticeID("test "+names[i]+now.String(), notice)
		report(names[i], target.String(), target.Send(ctx, notice))
	}
	return nil
}

// page guesses where readers see attachd's page: under the first of its names. Without one it may
// be anywhere, and there is no link.
func page(h config.HTTP) string {
	if len(h.Hosts) == 0 || len(h.Listen) == 0 {
		return ""
	}
	host := h.Hosts[0]
	for _, listen := range h.Listen {
		_, port, err := net.SplitHostPort(listen)
		if err != nil || config.IsLocal(listen) {
			continue // a proxy is in front, or nobody else sees it
		}
		scheme, usual := "http", "80"
		if h.CertFile != "" {
			scheme, usual = "https", "443"
		}
		if port != usual {
			host = net.JoinHostPort(host, port)
		}
		return scheme + "://" + host + "/"
	}
	return "https://" + host + "/"
}
