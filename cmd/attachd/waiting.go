package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// inspectState opens the state file to look into it, nil for one that was not made yet. When it can't be read, as by who is not the
// daemon's user, that is said, and known is false: what is new can't be told then.
func inspectState(ctx context.Context, stderr io.Writer, c *config.Config) (led *sqlite.Ledger, known bool) {
	led, err := sqlite.Inspect(ctx, c.State)
	switch {
	case err == nil:
		return led, true
	case errors.Is(err, fs.ErrNotExist):
		return nil, true
	}
	fmt.Fprintf(stderr, "warning: new messages can't be told from those delivered before: %v\n", err)
	return nil, false
}

// waiting says what of a mailbox is new, and what will become of the rest.
func waiting(p fetcher.Probe, known bool) string {
	if !known {
		return unfetchable(console.Count(p.Messages, "message")+" on the server", p)
	}
	parts := []string{"nothing new"}
	if p.Waiting > 0 {
		parts[0] = console.Count(p.Waiting, "message") + " waiting"
		if p.Octets >= 0 {
			parts[0] += " (" + console.Bytes(p.Octets) + ")"
		}
	}
	if p.Messages != p.Waiting {
		parts = append(parts, console.Count(p.Messages, "message")+" on the server")
	}
	if p.Pending > 0 {
		parts = append(parts, console.Count(p.Pending, "message")+" failed before, to be tried again later (attachd state check says why)")
	}
	if p.Due > 0 {
		parts = append(parts, console.Count(p.Due, "delivered message")+" will be deleted at the next poll")
	}
	switch {
	case p.Staying == 1:
		parts = append(parts, "1 stays there as no file of it was delivered")
	case p.Staying > 1:
		parts = append(parts, fmt.Sprintf("%d stay there as no file of them was delivered", p.Staying))
	}
	if n := p.Unread - p.NoRoom; n > 0 {
		parts = append(parts, fmt.Sprintf("something of %d that stay there could not be read right, and they are kept nowhere else", n))
	}
	if p.NoRoom > 0 {
		parts = append(parts, fmt.Sprintf("something of %d that stay there could not be read right, and the quarantine had no room for them (quarantine.max_bytes): they are tried again when it has", p.NoRoom))
	}
	return unfetchable(strings.Join(parts, ", "), p)
}

// unfetchable adds which messages can't be fetched, if any.
func unfetchable(text string, p fetcher.Probe) string {
	if p.Unfetchable != "" {
		text += "; WARNING: " + p.Unfetchable
	}
	return text
}
