package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// envelopeBytes is how much of a message is read for its sender and subject.
const envelopeBytes = 64 << 10

// envelope reads who a message in quarantine is from, and what about. Its file may be gone, or not be readable for who lists it.
func (q inQuarantine) envelope() delivery.Envelope {
	kept := q.message.Kept()
	if len(kept) == 0 {
		return delivery.Envelope{}
	}
	f, err := os.OpenInRoot(q.account.Output, filepath.FromSlash(kept[0].Path))
	if err != nil {
		return delivery.Envelope{}
	}
	defer f.Close()
	header := make([]byte, envelopeBytes)
	n, _ := io.ReadFull(f, header) // what can't be read tells nothing
	return wiring.ReadEnvelope(header[:n])
}

// quarantineError is an error with the exit code for messages in quarantine, nil without any. What failed besides comes first.
func quarantineError(messages int, failed string) error {
	if messages > 0 {
		text := console.Count(messages, "message") + " in quarantine: attachd quarantine list says which and why"
		if failed != "" {
			text = failed + "; " + text
		}
		failed = text
	}
	if failed == "" {
		return nil
	}
	return &exitError{exitTemporary, fmt.Errorf("%s", failed)}
}

// quarantineLine is what list --json prints of one message: a contract that other tools rely on.
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

func listQuarantine(w io.Writer, all []inQuarantine, asJSON bool) error {
	out := bufio.NewWriter(w)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	encoder := json.NewEncoder(foreign.JSONWriter{W: out})
	encoder.SetEscapeHTML(false)
	if len(all) == 0 && !asJSON {
		fmt.Fprintln(out, "nothing is in quarantine")
	}
	for _, q := range all {
		_, err := os.Stat(q.path())
		missing := errors.Is(err, fs.ErrNotExist)
		m, is := q.message, q.envelope()
		if asJSON {
			if err := encoder.Encode(quarantineLine{q.account.Name, q.id(), m.UIDL, m.Size, m.Reason, m.Attempts, m.Delivered.UTC().Format(time.RFC3339), q.path(), missing, is.From, is.Subject, m.Files()}); err != nil {
				return err
			}
			continue
		}
		size := "size unknown"
		if m.Size >= 0 {
			size = console.Bytes(m.Size)
		}
		fmt.Fprintf(table, "account %s:\t%s\tUIDL %s\t%s\tsince %s\t%s\n", q.account.Name, q.id(), console.Cell(m.UIDL), size,
			m.Delivered.Local().Format("2006-01-02 15:04"), console.Count(m.Attempts, "failed attempt"))
		fmt.Fprintf(table, "\tfrom %s, subject %s\n", cmp.Or(is.From, "unknown"), cmp.Or(is.Subject, "unknown"))
		if m.State != ledger.Quarantined {
			fmt.Fprintf(table, "\tdelivered, with %s, and not read right: %s\n", console.Count(m.Files(), "file"), console.Cell(m.Reason))
		} else {
			fmt.Fprintf(table, "\t%s\n", console.Cell(m.Reason))
		}
		switch {
		case missing && q.away != nil:
			fmt.Fprintf(table, "\t%s (NOT THERE: %s)\n", foreign.Text(q.path()), foreign.Error(q.away))
		case missing:
			fmt.Fprintf(table, "\t%s (GONE: somebody removed it)\n", foreign.Text(q.path()))
		default:
			fmt.Fprintf(table, "\t%s\n", foreign.Text(q.path()))
		}
	}
	return errors.Join(table.Flush(), out.Flush())
}
