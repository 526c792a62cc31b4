package main

import (
	"context"
	"fmt"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
)

// uncopied says which messages were delivered and stay on the server as the quarantine had no room for them.
func (s *stateCheck) uncopied(ctx context.Context, a config.Account) error {
	messages, err := s.ledger.Unread(ctx, a.Name)
	n := 0
	for _, m := range messages {
		why, is := delivery.IsWithoutCopy(m.Reason)
		if !is {
			continue
		}
		if n++; n <= shownFailures {
			fmt.Fprintf(s.out, "  message '%s' was delivered and stays on the server: something of it could not be read right, and the quarantine had no room for it (quarantine.max_bytes): %s\n", console.Cell(m.UIDL), console.Cell(why))
		}
	}
	if n -= shownFailures; n > 0 {
		fmt.Fprintf(s.out, "  and %d more\n", n)
	}
	return err
}
