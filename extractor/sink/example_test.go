package sink_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/attachd/attachd/extractor/sink"
)

const mail = "From: kim@example.org\r\n" +
	"Subject: the figures\r\n" +
	"Content-Type: text/csv\r\n" +
	"Content-Disposition: attachment; filename=figures.csv\r\n" +
	"\r\n" +
	"year,total\r\n"

// The steps from a message to files that stand there durable. Between Sync and Publish the caller
// records what is staged, to publish it again after a crash.
func Example() {
	dir, err := os.MkdirTemp("", "attachments")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	d, err := sink.Open(dir, sink.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()

	var group []*sink.Staged
	for range 2 { // the same mail twice
		_, files, err := d.Stage(ctx, strings.NewReader(mail), sink.Plan{})
		if err != nil {
			log.Fatal(err)
		}
		group = append(group, files...)
	}
	if err := d.Sync(ctx, group); err != nil {
		log.Fatal(err)
	}
	if err := d.Publish(ctx, group); err != nil {
		log.Fatal(err)
	}
	for _, f := range group {
		fmt.Println(f.Path, f.Size, "bytes")
	}
	// Output:
	// figures.csv 12 bytes
	// figures-2.csv 12 bytes
}

// An Inspector tells what became of a staging file, without opening the folder for writing.
func ExampleInspector() {
	dir, err := os.MkdirTemp("", "attachments")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	d, err := sink.Open(dir, sink.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	_, files, err := d.Stage(ctx, strings.NewReader(mail), sink.Plan{})
	if err != nil {
		log.Fatal(err)
	}

	show := func() {
		snapshot, err := sink.Inspect(dir).Snapshot(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("waiting:", snapshot.Fate(files[0].ID) == sink.Waiting)
	}
	show()
	if err := d.Sync(ctx, files); err != nil {
		log.Fatal(err)
	}
	if err := d.Publish(ctx, files); err != nil {
		log.Fatal(err)
	}
	show()
	// Output:
	// waiting: true
	// waiting: false
}
