package poll_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery/sinktest"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/mailbox/mailboxtest"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/session"
)

// A visit needs a store, a ledger and a sink, whatever these are.
func ExamplePoller_Visit() {
	dir, err := os.MkdirTemp("", "visit")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	led, err := sqlite.Open(ctx, filepath.Join(dir, "state.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer led.Close()
	store := &mailboxtest.Store{}
	store.Add(mailboxtest.Message{Key: "invoice-1", Raw: "Subject: invoice\r\n\r\n"})
	account := poll.Account{Name: "invoices", OpenSession: func(context.Context, session.Options) (*session.Session, error) {
		box, err := store.Open()
		return &session.Session{Mailbox: box}, err
	}}
	poller := &poll.Poller{Log: zerolog.Nop()}
	sink := &sinktest.Memory{}
	for range 2 {
		result, err := poller.Visit(ctx, poll.Visit{Account: &account, Past: &poll.Past{}, Ledger: led, Sink: sink})
		fmt.Println(result.Counts.Messages, "messages,", len(sink.Files()), "files,", err)
	}
	// Output:
	// 1 messages, 1 files, <nil>
	// 0 messages, 1 files, <nil>
}
