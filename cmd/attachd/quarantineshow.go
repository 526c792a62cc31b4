package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/preview"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
)

func quarantineShowCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "show ACCOUNT ID...",
		Short: "Show why a message is in quarantine, its header, and what would come of it now",
		Long: `show prints the reason, the beginning of the message's header, with nothing in it that
could steer a terminal, and what retry would make of the message under the
configuration as it is now. ID is what list shows, or the UIDL.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args[:1])
			if err != nil {
				return err
			}
			found, err := quarantine.Find(cmd.Context(), t.config, t.accounts[0], args[1:])
			if err != nil {
				return failure(err)
			}
			var failed error
			for _, m := range found {
				failed = errors.Join(failed, showQuarantined(cmd.Context(), cmd.OutOrStdout(), t.config, m))
			}
			return failure(failed)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// shownHeader is how many bytes of a header are shown.
const shownHeader = 8 << 10

func showQuarantined(ctx context.Context, out io.Writer, c *config.Config, m quarantine.Message) error {
	raw, err := m.Open(ctx)
	if err != nil {
		if m.Away != nil {
			err = m.Away
		} else {
			err = fmt.Errorf("read the message in quarantine: %w; %s", err, delivery.WhenLost(m.Account.Name, m.Record))
		}
		return errors.Join(listQuarantine(ctx, out, []quarantine.Message{m}, false), err)
	}
	defer raw.Close()
	start := make([]byte, shownHeader)
	n, err := io.ReadFull(raw, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", m.Path(), err)
	}
	if _, err := raw.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", m.Path(), err)
	}
	if err := listQuarantine(ctx, out, []quarantine.Message{m}, false); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for line := range bytes.Lines(start[:n]) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		fmt.Fprintf(out, "  %s\n", printableText(line))
	}
	fmt.Fprintln(out)
	text, err := preview.Message(raw, wiring.NewRules(c, m.Account), m.ID())
	if _, ok := errors.AsType[extractor.MessageError](err); ok {
		text, err = fmt.Sprintf("attachd: %s\n", foreign.Error(err)), nil
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// printableText makes a line of a header printable. The tab of a continued line becomes a blank.
func printableText(line []byte) string {
	return console.Cell(string(bytes.ReplaceAll(line, []byte("\t"), []byte(" "))))
}
