package delivery_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/delivery/sinktest"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Two messages are staged and become durable files together. The sink says what it is asked for.
func ExampleDelivery() {
	ctx := context.Background()
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

	sink := &sinktest.Memory{Before: func(step sinktest.Step, name string) error {
		fmt.Println(strings.TrimSpace(fmt.Sprint(step, " ", name)))
		return nil
	}}
	d := &delivery.Delivery{Account: "hans", Ledger: led, Sink: sink, Log: zerolog.Nop(), Now: time.Now}
	if err := d.Recover(ctx); err != nil {
		log.Fatal(err)
	}
	d.Start(ctx)
	for _, uidl := range []string{"a", "b"} {
		staged, err := d.Stage(ctx, uidl, strings.NewReader("Subject: one\r\n\r\n"))
		if err != nil {
			log.Fatal(err)
		}
		m := &ledger.Message{Key: ledger.Key{UIDL: uidl, Size: 16}, Attachments: staged.Attachments}
		if err := d.Add(ctx, m); err != nil {
			log.Fatal(err)
		}
	}
	if err := d.Finish(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Tally.Delivered, "delivered")
	// Output:
	// stage a
	// stage b
	// sync a
	// sync b
	// publish a
	// publish b
	// sync folders
	// 2 delivered
}
