package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

func quarantineListCommand() *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [ACCOUNT]...",
		Short: "List what is in quarantine",
		Long: `list shows what is in quarantine, with its sender and subject, the reason and the file
that the message is kept in. With --json it prints one object per line:
{"account","id","uidl","size","reason","attempts","since","path","missing","from","subject","files"}
where files is how many files of the message were delivered, and missing says that the
file is not there: somebody removed it, or the account's folder is not mounted.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			all, err := quarantine.Read(cmd.Context(), t.config, t.accounts)
			if err != nil {
				return failure(err)
			}
			return failure(listQuarantine(cmd.Context(), cmd.OutOrStdout(), all, asJSON))
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per message")
	return cmd
}

// quarantineLine is what list --json prints of one message. It is a stable contract: fields are
// added, and never changed.
type quarantineLine struct {
	Account  string `json:"account"`
	ID       string `json:"id"`
	UIDL     string `json:"uidl"`
	Size     int64  `json:"size"`
	Reason   string `json:"reason"`
	Attempts int    `json:"attempts"`
	Since    string `json:"since"`
	Path     string `json:"path"`
	Missing  bool   `json:"missing"` // somebody removed the file, or the folder is not mounted
	From     string `json:"from"`    // "" when there is none, or the file is missing
	Subject  string `json:"subject"`
	Files    int    `json:"files"`
}

func listQuarantine(ctx context.Context, w io.Writer, all []quarantine.Message, asJSON bool) error {
	out := bufio.NewWriter(w)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	encoder := json.NewEncoder(foreign.JSONWriter{W: out})
	encoder.SetEscapeHTML(false)
	if len(all) == 0 && !asJSON {
		fmt.Fprintln(out, "nothing is in quarantine")
	}
	for _, q := range all {
		missing := q.IsMissing(ctx)
		m, is := q.Record, q.Envelope(ctx)
		if asJSON {
			if err := encoder.Encode(quarantineLine{q.Account.Name, q.ID(), m.UIDL, m.Size, m.Reason, m.Attempts, m.Delivered.UTC().Format(time.RFC3339), q.Path(), missing, is.From, is.Subject, m.Files()}); err != nil {
				return err
			}
			continue
		}
		size := "size unknown"
		if m.Size >= 0 {
			size = console.Bytes(m.Size)
		}
		fmt.Fprintf(table, "account %s:\t%s\tUIDL %s\t%s\tsince %s\t%s\n", q.Account.Name, q.ID(), console.Cell(m.UIDL), size,
			console.Minute(m.Delivered), console.Count(m.Attempts, "failed attempt"))
		fmt.Fprintf(table, "\tfrom %s, subject %s\n", cmp.Or(is.From, "unknown"), cmp.Or(is.Subject, "unknown"))
		if m.State != ledger.Quarantined {
			fmt.Fprintf(table, "\tdelivered, with %s, and not read right: %s\n", console.Count(m.Files(), "file"), console.Cell(m.Reason))
		} else {
			fmt.Fprintf(table, "\t%s\n", console.Cell(m.Reason))
		}
		switch {
		case missing && q.Away != nil:
			fmt.Fprintf(table, "\t%s (NOT THERE: %s)\n", foreign.Text(q.Path()), foreign.Error(q.Away))
		case missing:
			fmt.Fprintf(table, "\t%s (GONE: somebody removed it)\n", foreign.Text(q.Path()))
		default:
			fmt.Fprintf(table, "\t%s\n", foreign.Text(q.Path()))
		}
	}
	return errors.Join(table.Flush(), out.Flush())
}
