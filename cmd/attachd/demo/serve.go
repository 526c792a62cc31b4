package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/daemon"
	"github.com/attachd/attachd/config"
)

// DefaultListen is where the page of [Serve] is, unless it is taken.
const DefaultListen = "127.0.0.1:9110"

// newMail is how often a letter comes in.
const newMail = 5 * time.Second

// Serve runs the daemon with its page, until ctx ends: beside a mailbox that gets mail all the
// time, there are accounts that fail in every usual way. It prints the page's address.
//
// The folder stays unless Clean is set. The log goes into a file in it.
func Serve(ctx context.Context, o Options) (err error) {
	dir, err := o.makeDir()
	if err != nil {
		return err
	}
	if o.Clean {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	w, err := newWorld()
	if err != nil {
		return err
	}
	defer w.server.Close()
	listen := o.Listen
	if listen == "" {
		listen = DefaultListen
	}
	if listen, err = unused(listen); err != nil {
		return err
	}
	path, err := w.writeConfig(dir, listen)
	if err != nil {
		return err
	}
	c, warnings, err := config.Load(path)
	if err != nil {
		return err
	}
	logPath := filepath.Join(dir, "attachd.log")
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the demo's log: %w", err)
	}
	defer logFile.Close()
	fmt.Fprintf(o.Out, "attachd polls %s now: some get mail every few seconds, and some fail in every usual way.\n\n", console.Count(len(c.Enabled()), "account"))
	fmt.Fprintf(o.Out, "  The page:           http://%s/\n  In a terminal:      attachd status --config %s\n  The configuration:  %s (edit it while this runs)\n  The log:            %s\n\nCtrl-C ends it.\n", listen, path, path, logPath)
	living, stop := context.WithCancel(ctx)
	defer stop()
	go w.live(living, newMail)
	return daemon.Run(ctx, daemon.Options{
		Config: c, Path: path, Warnings: warnings, Shoutrrr: o.Shoutrrr,
		Log: zerolog.New(console.NewWriter(logFile, false)).With().Timestamp().Logger(),
	})
}

// writeConfig writes the configuration of the lively world and returns its path.
func (w *world) writeConfig(dir, listen string) (path string, err error) {
	host, port, err := net.SplitHostPort(w.server.Addr())
	if err != nil {
		return "", fmt.Errorf("find the demo's server: %w", err)
	}
	_, down, err := net.SplitHostPort(w.down)
	if err != nil {
		return "", fmt.Errorf("find the demo's server: %w", err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, `# The configuration of the demo. Paths are relative to this file.
output: attachments
state: state.db
interval: 15s
http:
  listen: %s
limits:
  attachments: 20            # of one message; one for the account %s has more
defaults:
  host: %s
  port: %s
  tls:
    ca_file: demo-ca.pem     # only for servers whose certificate no public authority signed
  exclude:
    - {type: image/*, max_size: 1KiB}   # logos
accounts:
`, listen, crowd, host, port)
	for _, account := range append([]string{Username, crowd, lateComer, refused, inUse}, lively...) {
		fmt.Fprintf(&text, "  - {name: %s, username: %s, password_file: password}\n", account, account)
	}
	for _, account := range []string{"branch-north", "branch-south"} {
		fmt.Fprintf(&text, "  - {name: %s, username: %s, password_file: password, port: %s}   # nobody listens there\n", account, account, down)
	}
	text.WriteString("  - {name: archive, username: archive, password_file: password, enabled: false}\n")
	return writeFiles(dir, text.String(), w.server.CertPEM())
}
