package binhex_test

import (
	"fmt"
	"io"
	"os"

	"github.com/attachd/attachd/extractor/binhex"
)

// nopCloser is a place for a file's content; a real one is a file.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// A text with a file in it: the caller finds its first line, and Feed its end.
func ExampleDecoder() {
	text := `(This file must be converted with BinHex 4.0)

:#@j[G'9c,R4iG!"849K8G(4iG!#3"3F!N!5@fNKPE'a[,JVPYJ!!:
That was the file.
`
	d := binhex.NewDecoder(func(name string) (io.WriteCloser, error) {
		fmt.Printf("%q: ", name)
		return nopCloser{os.Stdout}, nil
	}, func(kind, detail string) { fmt.Println("problem:", kind, detail) })

	n, done, err := d.Feed([]byte(text))
	if closed := d.Close(); err == nil {
		err = closed
	}
	fmt.Printf("done %v, error %v, rest %q\n", done, err, text[n:])
	// Output:
	// "notes.txt": Hello.
	// done true, error <nil>, rest "\nThat was the file.\n"
}
