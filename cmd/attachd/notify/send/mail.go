package send

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/config"
)

const (
	// mailStep bounds each command of SMTP. [Timeout] bounds them all.
	mailStep = 20 * time.Second
	// maxReplies bounds what a mail server says in a session.
	maxReplies = 256 << 10
)

// mail sends a notice by SMTP.
func (t *Target) mail(ctx context.Context, c *config.MailTarget, n *Notice) error {
	password, err := resolve(ctx, c.Password)
	if err != nil {
		return err
	}
	message, err := n.message(c)
	if err != nil {
		return err
	}
	client, err := mailClient(c)
	if err != nil {
		return err
	}
	err = deliver(ctx, client, c, password, message)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return outbound.Conceal(fmt.Errorf("send mail by %s: %w", client.ServerAddr(), err), password, c.Username+"\x00"+password)
	}
	return nil
}

// message writes a notice as a mail. Programs are asked not to answer it (RFC 3834 section 5).
func (n *Notice) message(c *config.MailTarget) (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := m.From(c.From); err != nil {
		return nil, fmt.Errorf("read the address of from: %w", err)
	}
	if err := m.To(c.To...); err != nil {
		return nil, fmt.Errorf("read the addresses of to: %w", err)
	}
	domain := "attachd.invalid"
	if from := m.GetFrom(); len(from) > 0 {
		if _, after, ok := strings.Cut(from[0].Address, "@"); ok {
			domain = after
		}
	}
	m.Subject("attachd: " + cut(n.Title(), 200))
	m.SetDateWithValue(n.At)
	m.SetMessageIDWithValue("attachd." + n.ID + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetGenHeaderPreformatted("List-Id", "<notices.attachd."+domain+">")
	m.SetUserAgent("attachd")
	if n.NeedsYou() {
		m.SetImportance(mail.ImportanceHigh)
	}
	m.SetBodyString(mail.TypeTextPlain, n.text(plain))
	return m, nil
}

// mailClient returns a client for the server of a target.
func mailClient(c *config.MailTarget) (*mail.Client, error) {
	tlsConfig, err := config.TLS{CAFile: c.CAFile, ServerName: c.Host}.ClientConfig()
	if err != nil {
		return nil, err
	}
	options := []mail.Option{
		mail.WithPort(c.Port), mail.WithTimeout(mailStep), mail.WithTLSConfig(tlsConfig), mail.WithHELO(helo()),
		mail.WithSMTPAuth(mail.SMTPAuthNoAuth), mail.WithoutNoop(), mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialMail(ctx, network, address, c.TLS, tlsConfig)
		}),
	}
	if c.TLS != config.TLSStartTLS {
		options = append(options, mail.WithTLSPolicy(mail.NoTLS)) // the connection is what it should be
	}
	return mail.NewClient(c.Host, options...)
}

// helo is what attachd calls itself: its host name, if that is one.
func helo() string {
	name, err := os.Hostname()
	if err != nil || name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return "localhost"
	}
	return name
}

// mailConn is a connection of bounded replies. It ends with its context.
type mailConn struct {
	net.Conn
	replies io.Reader
}

func (c *mailConn) Read(p []byte) (int, error) { return c.replies.Read(p) }

// dialMail connects to a mail server. The context of the dial ends when go-mail has connected, so
// the whole delivery closes the connection: see [deliver].
func dialMail(ctx context.Context, network, address string, mode config.TLSMode, tlsConfig *tls.Config) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if whole, ok := ctx.Value(sessionKey{}).(context.Context); ok {
		context.AfterFunc(whole, func() { _ = conn.Close() })
	}
	bounded := &mailConn{conn, io.LimitReader(conn, maxReplies)}
	if mode != config.TLSImplicit {
		return bounded, nil
	}
	secure := tls.Client(bounded, tlsConfig)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// sessionKey is the key of the context that a whole delivery has.
type sessionKey struct{}

// deliver connects, logs in, and sends one mail.
func deliver(ctx context.Context, client *mail.Client, c *config.MailTarget, password string, message *mail.Msg) error {
	ctx, end := context.WithCancel(ctx)
	defer end() // closes the connection
	session, err := client.DialToSMTPClientWithContext(context.WithValue(ctx, sessionKey{}, ctx))
	if err != nil {
		return err
	}
	if c.Username != "" {
		auth, err := mechanism(session, c, password)
		if err != nil {
			return err
		}
		if err := session.Auth(auth); err != nil {
			return fmt.Errorf("log in as %s: %w", c.Username, err)
		}
	}
	if err := client.SendWithSMTPClient(session, message); err != nil {
		return err
	}
	_ = client.CloseWithSMTPClient(session) // the server has the mail
	return nil
}

// mechanism chooses how to log in. Without TLS, the server is this machine.
func mechanism(session *smtp.Client, c *config.MailTarget, password string) (smtp.Auth, error) {
	encrypted := c.TLS != config.TLSNone
	if !encrypted && !isLoopback(c.Host) {
		return nil, errors.New("the password would go over the net in the clear")
	}
	_, offered := session.Extension("AUTH")
	for _, known := range []struct {
		name string
		auth smtp.Auth
	}{
		{"PLAIN", smtp.PlainAuth("", c.Username, password, c.Host, !encrypted)},
		{"LOGIN", smtp.LoginAuth(c.Username, password, c.Host, !encrypted)},
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(c.Username, password)},
		{"SCRAM-SHA-1", smtp.ScramSHA1Auth(c.Username, password)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(c.Username, password)},
	} {
		for mechanism := range strings.FieldsSeq(strings.ToUpper(offered)) {
			if mechanism == known.name {
				return known.auth, nil
			}
		}
	}
	return nil, errors.New("the server offers no way to log in that attachd knows (" + strconv.Quote(offered) + ")")
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
