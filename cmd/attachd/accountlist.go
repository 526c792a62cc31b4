package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// listedAccount is a line of `attachd account list --json`. The keys are a contract.
type listedAccount struct {
	Name     string `json:"name"`
	Username string `json:"username"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Enabled  bool   `json:"enabled"`
	After    string `json:"after"`
	Output   string `json:"output"`
	Secret   string `json:"secret"` // where it comes from, not the secret
}

func accountListCommand() *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts of the configuration",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := load(path, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return failure(listAccounts(cmd.OutOrStdout(), c, asJSON))
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON for each account")
	return cmd
}

func listAccounts(w io.Writer, c *config.Config, asJSON bool) error {
	encoder := json.NewEncoder(foreign.JSONWriter{W: w})
	encoder.SetEscapeHTML(false)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintln(t, "ACCOUNT\tUSER\tSERVER\t\tAFTER\tFILES\tPASSWORD")
	}
	for _, a := range c.Accounts {
		l := listedAccount{a.Name, a.Username, a.Host, a.Port, a.Enabled, describeAfter(a), a.Output, tokenOrigin(a)}
		if asJSON {
			if err := encoder.Encode(l); err != nil {
				return err
			}
			continue
		}
		on := map[bool]string{true: "on", false: "off"}[l.Enabled]
		server := net.JoinHostPort(l.Host, strconv.Itoa(l.Port))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", foreign.Text(l.Name), foreign.Text(l.Username), foreign.Text(server), on, l.After, foreign.Text(l.Output), foreign.Text(l.Secret))
	}
	return t.Flush()
}

// describeAfter is what becomes of an account's mail on the server.
func describeAfter(a config.Account) string {
	if a.After == config.AfterDelete && a.DeleteAfter > 0 {
		return "delete after " + config.FormatDuration(a.DeleteAfter)
	}
	return string(a.After)
}
