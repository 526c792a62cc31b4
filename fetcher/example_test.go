package fetcher_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/delivery/sinktest"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// records is a SQLite ledger as a supervisor takes it.
type records struct{ *sqlite.Ledger }

func (r records) Fenced(leases ...*ledger.Lease) fetcher.Ledger {
	return records{r.Ledger.Fenced(leases...)}
}

// This account is polled once, and once more after another message has come. The sink keeps each
// message in memory as one file. What was delivered is deleted on the server.
func ExampleSupervisor() {
	ctx := context.Background()
	server := pop3test.NewServer()
	server.Users = map[string]string{"hans": "secret"}
	server.Mailboxes = map[string][]pop3test.Message{"hans": {
		{UIDL: "a", Raw: []byte("Subject: one\r\n\r\n1\r\n")},
		{UIDL: "b", Raw: []byte("Subject: two\r\n\r\n2\r\n")},
	}}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	led, err := sqlite.Open(ctx, filepath.Join(dir, "state.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer led.Close()

	sink := &sinktest.Memory{Room: 1 << 30}
	account := fetcher.Account{Account: poll.Account{
		Name: "hans",
		Endpoint: session.Endpoint{
			Addr: server.Addr(), Username: "hans", Auth: session.AuthAuto,
			Password: func(context.Context) (string, error) { return "secret", nil },
			TLS:      func() (*tls.Config, error) { return &tls.Config{RootCAs: server.CertPool()}, nil },
		},
		Output:   delivery.Output{OpenSink: func(context.Context) (delivery.Sink, error) { return sink, nil }},
		Deletion: poll.Deletion{Delete: true},
	}}
	pollOnce := func() {
		s := &fetcher.Supervisor{
			Ledger: records{led}, MaxConcurrent: 8, MaxPerHost: 4, Log: zerolog.Nop(),
			Observe: func(e event.Event) {
				switch e := e.(type) {
				case event.Delivered:
					fmt.Printf("delivered %s, %d bytes\n", e.Attachment.Path, e.Attachment.Size)
				case event.Deleted:
					fmt.Println("deleted on the server:", e.Messages)
				}
			},
		}
		for _, err := range s.RunOnce(ctx, []fetcher.Account{account}) {
			fmt.Println(err)
		}
		server.Wait() // until the session has left the maildrop
	}

	pollOnce()
	server.Append("hans", pop3test.Message{UIDL: "c", Raw: []byte("Subject: three\r\n\r\n3\r\n")})
	pollOnce()
	fmt.Println(len(sink.Files()), "files")
	// Output:
	// delivered a, 19 bytes
	// delivered b, 19 bytes
	// deleted on the server: 2
	// delivered c, 21 bytes
	// deleted on the server: 1
	// 3 files
}
