package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/cmd/attachd/health"
	"github.com/attachd/attachd/cmd/attachd/setup"
	"github.com/attachd/attachd/config"
)

// healthPatience is how long a daemon may take to answer.
const healthPatience = 3 * time.Second

func healthcheckCommand() *cobra.Command {
	var path, from string
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the running daemon whether it works, for containers",
		Long: `healthcheck asks the running daemon whether its scheduler moves, within 3 seconds.
It finds it by the socket beside the state file that the configuration names, or at
--url: http://127.0.0.1:9110/livez, or unix: and the path of a socket. A faulty
configuration does not matter, as the daemon goes on with the one that it has. One of a
package or an image that names no state any more has it look in /var/lib/attachd.

A mail server that is down is no reason to fail: attachd status tells of those.

Exit code 0: it works; 1: it does not, or it does not run.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, at, err := healthOf(path, from)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), healthPatience)
			defer cancel()
			if err := health.Ask(ctx, client, at); err != nil {
				if ctx.Err() != nil {
					err = fmt.Errorf("attachd does not answer within %v", healthPatience)
				}
				return failure(err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "attachd works")
			return failure(err)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&from, "url", "", "ask at this `URL` instead of the socket beside the state")
	return cmd
}

// healthOf returns how to ask the running daemon how it is: at the URL from, or if that is "", at
// the socket of the configuration at path.
func healthOf(path, from string) (*http.Client, string, error) {
	const live = "http://attachd/livez"
	if from == "" {
		state, err := config.StatePath(path)
		if err != nil {
			if state = usualState(path, usual); state == "" {
				return nil, "", failure(err)
			}
		}
		return control.Client(state), live, nil
	}
	if socket, ok := strings.CutPrefix(from, "unix:"); ok {
		return control.At("/" + strings.TrimLeft(socket, "/")), live, nil
	}
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, "", &exitError{exitUsage, errors.New("--url: give one such as http://127.0.0.1:9110/livez, or unix: and the path of a socket")}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/livez"
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	client.Transport = &http.Transport{DisableKeepAlives: true} // and no proxy: it would answer for the daemon
	return client, u.String(), nil
}

// usual is where packages and images have the state.
const usual = "/var/lib/attachd/state.db"

// usualState returns where the state is if path is the configuration of a package or an image, and
// a daemon is at the usual place; else "". A configuration that was emptied, or can't be read, no
// longer says where it is. The daemon goes on all the same, and must not be ended for that.
func usualState(path, usual string) string {
	if _, err := os.Stat(control.Path(usual)); path != setup.SystemConfig || err != nil {
		return ""
	}
	return usual
}
