package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/demo"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/foreign"
)

func demoCommand() *cobra.Command {
	var dir, profile string
	var clean bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what attachd does, with a mail server of its own and nothing configured",
		Long: `demo starts a POP3S server on this machine with a mailbox of a few messages,
writes a configuration for it and polls it twice, as 'attachd run' would. The
files and the configuration stay in the folder that it names, unless --clean
removes it in the end.

With --server its server behaves like that of a provider, or like a server program,
with all that is odd about it; --server list prints the names.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return failure(runDemo(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), dir, profile, clean))
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the `FOLDER` to work in (default: a new one among the temporary files)")
	cmd.Flags().StringVar(&profile, "server", "", "behave like the server of this `NAME` (list prints them)")
	cmd.Flags().BoolVar(&clean, "clean", false, "remove the temporary folder in the end")
	cmd.MarkFlagsMutuallyExclusive("dir", "clean") // or a folder with other files in it would go
	return cmd
}

func runDemo(ctx context.Context, stdout, stderr io.Writer, dir, profile string, clean bool) (err error) {
	if profile == "list" {
		fmt.Fprintln(stdout, demo.Servers())
		return nil
	}
	server, login, err := demo.NewServer(profile)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	made := dir == ""
	if made {
		dir, err = os.MkdirTemp("", "attachd-demo-")
	} else {
		err = os.MkdirAll(dir, 0o750)
	}
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	if clean {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the demo's server: %w", err)
	}
	defer server.Close()

	path, err := writeDemoConfig(dir, server.Addr(), login, server.CertPEM())
	if err != nil {
		return err
	}
	c, _, err := config.Load(path)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }
	say("A POP3S server runs on %s for this demo, with a mailbox of %s.", server.Addr(), console.Count(len(server.Mailbox(demo.Username)), "message"))
	say("attachd polls it with this configuration: %s\n", path)

	say("First poll")
	delivered, err := demoPoll(ctx, say, stderr, c)
	if err != nil {
		return err
	}
	say("\nSecond poll")
	if _, err := demoPoll(ctx, say, stderr, c); err != nil {
		if profile == "" {
			return err
		}
		say("  the server would not have it, and attachd would ask again later: %v", err)
	}
	say("\n%s, byte for byte as they were sent, in %s", console.Count(delivered, "file"), c.Accounts[0].Output)
	switch {
	case clean:
		say("That folder is removed now, as --clean says.")
		return nil
	case made:
		say("The folder %s stays: remove it when you have seen enough (attachd demo --clean does so by itself).", dir)
	}
	say("For your own mailbox: copy the configuration, put in your server and password, and try")
	say("  attachd check --online --config attachd.yaml")
	say("  attachd run --config attachd.yaml")
	return nil
}

// demoPoll runs the accounts of c once, by the code that `run --once` runs, and
// tells what happens.
func demoPoll(ctx context.Context, say func(string, ...any), stderr io.Writer, c *config.Config) (delivered int, err error) {
	log := zerolog.New(console.NewWriter(stderr, false)).Level(zerolog.WarnLevel)
	var mu sync.Mutex // observe is called from the poll's two goroutines
	a, err := app.Open(ctx, app.Options{Config: c, Log: log, Observe: func(e fetcher.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch e := e.(type) {
		case fetcher.LoggedIn:
			say("  connected with %s, certificate verified, logged in with %s", e.TLS, e.Mechanism)
		case fetcher.Listed:
			say("  %s in the mailbox, %d of them new", console.Count(e.Messages, "message"), e.New)
		case fetcher.Retrieved:
			if e.Attachments == 0 {
				say("    message %s: no attachment", foreign.Text(e.UIDL))
			}
		case fetcher.Delivered:
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

// writeDemoConfig writes the configuration, commented as one to learn from.
func writeDemoConfig(dir, addr, login string, certificate []byte) (path string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the demo's folder: %w", err)
	}
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
		"    username: " + demo.Username,
		"    " + secret,
		"    auth: " + login + strings.Repeat(" ", max(0, 13-len(login))) + "# auto is APOP when the server offers it, else USER/PASS",
		"    after: keep        # or: delete",
		"    tls:",
		"      ca_file: demo-ca.pem   # only for servers whose certificate no public authority signed",
		"",
	}, "\n")
	path = filepath.Join(dir, "attachd.yaml")
	for _, f := range []struct {
		name    string
		content []byte
	}{{"attachd.yaml", []byte(text)}, {"demo-ca.pem", certificate}, {"password", []byte(demo.Password + "\n")}} {
		if err := os.WriteFile(filepath.Join(dir, f.name), slices.Clone(f.content), 0o600); err != nil {
			return "", fmt.Errorf("write the demo's files: %w", err)
		}
	}
	return path, nil
}
