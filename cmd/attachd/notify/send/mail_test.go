package send_test

import (
	"context"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/send"
	"github.com/attachd/attachd/cmd/attachd/notify/send/smtptest"
	"github.com/attachd/attachd/config"
)

// canary stands for every secret of these tests.
const canary = "canary-51c0ffee99"

// evil is what a stranger may say.
const evil = "-ERR <b>\x1b[31mno\u202e\r\nBcc: victim@example.org\r\n\r\n`<!channel> @everyone ```x & <https://evil.example|click>"

var at = time.Date(2026, 11, 27, 14, 29, 3, 0, time.FixedZone("", 3600))

// notice is of one case with all that a stranger can choose.
func notice() *send.Notice {
	return &send.Notice{ID: "0123456789ab", At: at, Machine: "box", Page: "https://attachd.example/", Items: []send.Item{{
		Event: send.Begin, Key: "login_refused/login/mx.example:995", Class: "login_refused", Heading: "Login refused", NeedsYou: true,
		Host: "mx.example:995", Accounts: []string{"hans", "eva"}, Others: 12, Said: []string{evil}, Meaning: "The server does not take the password.",
		Todo: "Put the right password into the file.", Since: at.Add(-2 * time.Hour), Next: at.Add(8 * time.Minute),
	}}}
}

// mailTarget is a target for a server of the test.
func mailTarget(t *testing.T, s *smtptest.Server, mode config.TLSMode) *config.MailTarget {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c := &config.MailTarget{Host: "127.0.0.1", Port: s.Port(), TLS: mode, From: "attachd <attachd@example.org>", To: []string{"ops@example.org", "Eva <eva@example.org>"}}
	if mode != config.TLSNone {
		c.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(c.CAFile, s.Cert, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s.User != "" {
		c.Username, c.Password = s.User, config.InlineSecret(canary)
	}
	return c
}

func sendMail(ctx context.Context, c *config.MailTarget, n *send.Notice) error {
	return send.New(config.Target{Mail: c}, send.Options{}).Send(ctx, n)
}

// TestMail: each way to a server, with and without a login; and what arrives.
func TestMail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		server smtptest.Mode
		client config.TLSMode
		user   string
	}{
		{"implicit", smtptest.Implicit, config.TLSImplicit, "u"},
		{"starttls", smtptest.StartTLS, config.TLSStartTLS, "u"},
		{"none", smtptest.Plain, config.TLSNone, "u"},
		{"no login", smtptest.Implicit, config.TLSImplicit, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &smtptest.Server{Mode: c.server, User: c.user, Password: canary}
			if err := sendMail(t.Context(), mailTarget(t, s, c.client), notice()); err != nil {
				t.Fatal(err)
			}
			got := s.Messages()
			if len(got) != 1 || got[0].User != c.user || got[0].TLS != (c.client != config.TLSNone) || len(got[0].To) != 2 || !strings.HasPrefix(got[0].From, "FROM:<attachd@example.org>") {
				t.Fatalf("got %+v", got)
			}
			checkMail(t, got[0].Data)
		})
	}
}

// checkMail reads a mail of notice().
func checkMail(t *testing.T, data string) {
	t.Helper()
	if strings.Contains(data, canary) {
		t.Errorf("the mail has a secret:\n%s", data)
	}
	m, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "List-Id": "<notices.attachd.example.org>", "Message-Id": "<attachd.0123456789ab@example.org>",
		"Date": "Fri, 27 Nov 2026 14:29:03 +0100", "Bcc": "", "To": `<ops@example.org>, "Eva" <eva@example.org>`,
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if want := "attachd: Login refused: mx.example:995, 14 accounts"; subject != want {
		t.Errorf("the subject is %q, want %q", subject, want)
	}
	if kind, _, err := mime.ParseMediaType(m.Header.Get("Content-Type")); err != nil || kind != "text/plain" {
		t.Errorf("the media type is %q, %v", kind, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, strings.ReplaceAll(string(body), "\r\n", "\n"))
}

// TestMailFails: what goes wrong is said, without the password.
func TestMailFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		server *smtptest.Server
		mode   config.TLSMode
		change func(c *config.MailTarget)
		want   string
	}{
		{"wrong password", &smtptest.Server{Mode: smtptest.Implicit, User: "u", Password: "other"}, config.TLSImplicit, nil, "log in as u: 535"},
		{"no such authority", &smtptest.Server{Mode: smtptest.Implicit}, config.TLSImplicit, func(c *config.MailTarget) { c.CAFile = "" }, "certificate"},
		{"no STARTTLS", &smtptest.Server{Mode: smtptest.Plain, User: "u", Password: canary}, config.TLSStartTLS, nil, "STARTTLS"},
		{"recipient refused", &smtptest.Server{Mode: smtptest.Plain, Answer: refuse("RCPT", "550 no such user\x1b[2J "+canary)}, config.TLSNone, nil, `550 "no such user\x1b[2J`},
		{"endless reply", &smtptest.Server{Mode: smtptest.Plain, Answer: refuse("EHLO", strings.Repeat("250-x\r\n", 100000))}, config.TLSNone, nil, "EOF"},
		{"no password file", &smtptest.Server{Mode: smtptest.Plain, User: "u"}, config.TLSNone, func(c *config.MailTarget) { c.Password = config.FileSecret("/nowhere") }, "/nowhere: no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := mailTarget(t, c.server, c.mode)
			target.Password = config.InlineSecret(canary)
			if c.change != nil {
				c.change(target)
			}
			err := sendMail(t.Context(), target, notice())
			switch {
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("got error %v, want one with %q", err, c.want)
			case strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "AHUAY2FuYXJ5"): // "\0u\0canary" in base64
				t.Errorf("the error has the password: %v", err)
			}
			if got := c.server.Messages(); len(got) != 0 {
				t.Errorf("mail arrived: %+v", got)
			}
		})
	}
}

func refuse(verb, answer string) func(string) string {
	return func(line string) string {
		if strings.HasPrefix(line, verb) {
			return answer
		}
		return ""
	}
}

// TestMailEnds: a server that says nothing holds nobody up when attachd stops.
func TestMailEnds(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			cancel()
			_, err = conn.Read(make([]byte, 1)) // until the other end closes it
		}
		closed <- err
	}()
	c := &config.MailTarget{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, TLS: config.TLSNone, From: "a@example.org", To: []string{"b@example.org"}}
	if err := sendMail(ctx, c, notice()); err == nil || ctx.Err() == nil {
		t.Errorf("got error %v", err)
	}
	if err := <-closed; err == nil {
		t.Error("the connection stays open")
	}
}
