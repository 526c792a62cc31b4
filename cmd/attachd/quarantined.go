package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/ledger"
)

// envelopeBytes is how much of a message is read for its sender and subject.
const envelopeBytes = 64 << 10

// envelope reads who a message in quarantine is from, and what about. Its file may be gone, or not be readable for who lists it.
func (q inQuarantine) envelope() fetcher.Envelope {
	kept := q.message.Kept()
	if len(kept) == 0 {
		return fetcher.Envelope{}
	}
	f, err := os.OpenInRoot(q.account.Output, filepath.FromSlash(kept[0].Path))
	if err != nil {
		return fetcher.Envelope{}
	}
	defer f.Close()
	header := make([]byte, envelopeBytes)
	n, _ := io.ReadFull(f, header) // what can't be read tells nothing
	return readEnvelope(header[:n])
}

// quarantineError is an error with the exit code for messages in quarantine, nil without any. What failed besides comes first.
func quarantineError(messages int, failed string) error {
	if messages > 0 {
		text := count(messages, "message") + " in quarantine: attachd quarantine list says which and why"
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

// inQuarantines counts the messages in quarantine of these accounts.
func inQuarantines(ctx context.Context, led *ledger.Ledger, accounts []fetcher.Account) (n int, err error) {
	counts, err := led.QuarantineCounts(ctx)
	for _, a := range accounts {
		n += counts[a.Name]
	}
	return n, err
}
