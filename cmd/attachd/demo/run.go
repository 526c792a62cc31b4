package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/foreign"
)

// Options say how to show it.
type Options struct {
	// Out takes the story, and Errors the log of the polls from its warnings on.
	Out, Errors io.Writer
	// Dir is the folder to work in, made if missing; "" is a new one among the temporary files.
	Dir string
	// Server names the profile of the server, "" for one without quirks.
	Server string
	// Clean removes the folder in the end.
	Clean bool
	// Listen is the address of the page, for [Serve]; "" is [DefaultListen].
	Listen string
	// Shoutrrr is for [Serve], see package daemon.
	Shoutrrr []string
}

// makeDir makes the folder to work in and returns its absolute path.
func (o *Options) makeDir() (dir string, err error) {
	if o.Dir == "" {
		dir, err = os.MkdirTemp("", "attachd-demo-")
	} else if dir, err = filepath.Abs(o.Dir); err == nil {
		err = os.MkdirAll(dir, 0o750)
	}
	if err != nil {
		return "", fmt.Errorf("make the demo's folder: %w", err)
	}
	return dir, nil
}

// Run starts the server, writes a configuration for it, polls it twice and tells what happens. The
// configuration and the files that were delivered stay unless Clean is set.
//
// It fails with an [*UnknownServerError] for a name without a profile. A server with a profile may
// refuse the second poll, as some do so soon after the first: that is told, and is no error.
func Run(ctx context.Context, o Options) (err error) {
	server, login, err := NewServer(o.Server)
	if err != nil {
		return err
	}
	dir, err := o.makeDir()
	if err != nil {
		return err
	}
	if o.Clean {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the demo's server: %w", err)
	}
	defer server.Close()

	path, err := writeConfig(dir, server.Addr(), login, server.CertPEM())
	if err != nil {
		return err
	}
	c, _, err := config.Load(path)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(o.Out, format+"\n", args...) }
	say("A POP3S server runs on %s for this demo, with a mailbox of %s.", server.Addr(), console.Count(len(server.Mailbox(Username)), "message"))
	say("attachd polls it with this configuration: %s\n", path)

	say("First poll")
	delivered, err := poll(ctx, say, o.Errors, c)
	if err != nil {
		return err
	}
	say("\nSecond poll")
	if _, err := poll(ctx, say, o.Errors, c); err != nil {
		if o.Server == "" {
			return err
		}
		say("  the server would not have it, and attachd would ask again later: %v", err)
	}
	say("\n%s, byte for byte as they were sent, in %s", console.Count(delivered, "file"), c.Accounts[0].Output)
	switch {
	case o.Clean:
		say("That folder is removed now, as --clean says.")
		return nil
	case o.Dir == "":
		say("The folder %s stays: remove it when you have seen enough (attachd demo --clean does so by itself).", dir)
	}
	say("For your own mailbox: attachd init")
	return nil
}

// poll polls the accounts of c once, by the code of `run --once`, and tells what happens.
func poll(ctx context.Context, say func(string, ...any), stderr io.Writer, c *config.Config) (delivered int, err error) {
	log := zerolog.New(console.NewWriter(stderr, false)).Level(zerolog.WarnLevel)
	var mu sync.Mutex // observe is called from the poll's two goroutines
	a, err := app.Open(ctx, app.Options{Config: c, Log: log, Observe: func(e event.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch e := e.(type) {
		case event.LoggedIn:
			say("  connected with %s, certificate verified, logged in with %s", e.TLS, e.Mechanism)
		case event.Listed:
			say("  %s in the mailbox, %d of them new", console.Count(e.Messages, "message"), e.New)
		case event.Retrieved:
			if e.Attachments == 0 {
				say("    message %s: no attachment", foreign.Text(e.UIDL))
			}
		case event.Delivered:
			delivered++
			say("    message %s: %s (%s, %s)", foreign.Text(e.UIDL), foreign.Text(e.Attachment.Path), foreign.Text(e.Attachment.MediaType), console.Bytes(e.Attachment.Size))
		}
	}})
	if err != nil {
		return 0, err
	}
	defer a.Close()
	o, err := a.RunOnce(ctx)
	if err != nil {
		return 0, err
	}
	if len(o.Failed) > 0 {
		return 0, o.Failed[0]
	}
	if delivered == 0 {
		say("  nothing to fetch: what was delivered once is not delivered again")
	}
	return delivered, nil
}

// writeConfig writes a configuration with comments, to learn from, and returns its path.
func writeConfig(dir, addr, login string, certificate []byte) (path string, err error) {
	host, port, _ := strings.Cut(addr, ":")
	secret := "password_file: password"
	if login == string(config.AuthXOAuth2) {
		secret = fmt.Sprintf("token_command: [cat, %q]", filepath.Join(dir, "password"))
	}
	text := strings.Join([]string{
		"# The configuration of the demo. Paths are relative to this file.",
		"output: attachments",
		"state: state.db",
		"interval: 5m",
		"accounts:",
		"  - name: hans",
		"    host: " + host,
		"    port: " + port + "        # 995 unless given",
		"    username: " + Username,
		"    " + secret,
		"    auth: " + login + strings.Repeat(" ", max(0, 13-len(login))) + "# auto is APOP when the server offers it, else USER/PASS",
		"    after: keep        # or: delete",
		"    tls:",
		"      ca_file: demo-ca.pem   # only for servers whose certificate no public authority signed",
		"",
	}, "\n")
	return writeFiles(dir, text, certificate)
}

// writeFiles writes a configuration and what it refers to, and returns its path.
func writeFiles(dir, text string, certificate []byte) (path string, err error) {
	path = filepath.Join(dir, "attachd.yaml")
	for _, f := range []struct {
		name    string
		content []byte
	}{{"attachd.yaml", []byte(text)}, {"demo-ca.pem", certificate}, {"password", []byte(Password + "\n")}} {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.content, 0o600); err != nil {
			return "", fmt.Errorf("write the demo's files: %w", err)
		}
	}
	return path, nil
}
