package yenc_test

import (
	"fmt"
	"io"
	"os"

	"github.com/attachd/attachd/extractor/yenc"
)

// nopCloser is a place for a file's content; a real one is a file.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// A text with a file in it: the caller finds the line =ybegin, and Feed the end of
// the line =yend.
func ExampleDecoder() {
	text := "=ybegin line=128 size=7 name=notes.txt\r\n" +
		"r\x8f\x96\x96\x99X4\r\n" +
		"=yend size=7 crc32=37dac451\r\n" +
		"That was the file.\r\n"
	d := yenc.NewDecoder(func(h yenc.Header) (io.WriteCloser, error) {
		fmt.Printf("%q of %d bytes: ", h.Name, h.Size)
		return nopCloser{os.Stdout}, nil
	}, func(kind, detail string) { fmt.Println("problem:", kind, detail) })

	n, done, err := d.Feed([]byte(text))
	if closed := d.Close(); err == nil {
		err = closed
	}
	fmt.Printf("done %v, error %v, rest %q\n", done, err, text[n:])
	// Output:
	// "notes.txt" of 7 bytes: Hello.
	// done true, error <nil>, rest "That was the file.\r\n"
}
