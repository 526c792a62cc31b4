package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// A message is staged with its files, delivered once these stand in their places, and known from
// then on.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := sqlite.Open(ctx, filepath.Join(dir, "state.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	lease, err := l.Lease(ctx, "hans", time.Now())
	if err != nil {
		log.Fatal(err) // ledger.ErrLeased: another process polls the account
	}
	defer lease.Release()
	led := l.Fenced(lease)

	group := []*ledger.Message{{
		Key:         ledger.Key{UIDL: "0001", Size: 4711},
		Envelope:    ledger.Envelope{From: "erika@example.org", Subject: "Rechnung"},
		Attachments: []ledger.Attachment{{StagingID: "a1", Path: "rechnung.pdf", Size: 3, Digests: digest.Of(digest.Own, []byte("pdf")).Set()}},
	}}
	if err := led.Stage(ctx, "hans", group); err != nil {
		log.Fatal(err)
	}
	// Here the staging file is renamed. After a crash, Unfinished returns what is left to do.
	if err := led.Delivered(ctx, "hans", group, time.Now()); err != nil {
		log.Fatal(err)
	}

	records, err := led.Lookup(ctx, "hans", []string{"0001"})
	if err != nil {
		log.Fatal(err)
	}
	record, known := ledger.Match(records, 4711)
	fmt.Println(known, record.State, record.Files)
	_, known = ledger.Match(records, 12) // the server uses the UIDL again
	fmt.Println(known)
	// Output:
	// true delivered 1
	// false
}
