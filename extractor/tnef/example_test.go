package tnef_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/attachd/attachd/extractor/tnef"
)

// nopCloser is a place for a file's content; a real one is a file.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// A winmail.dat with one file in it.
func ExampleDecoder() {
	winmail := base64.NewDecoder(base64.StdEncoding, strings.NewReader(
		"eJ8+IgEAAgKQBgAOAAAAAAAAAAAAAAAAAAAAAAAAAAIQgAEACgAAAG5vdGVzLnR4dAC3AwIPgAYABwAAAEhlbGxvLgosAg=="))

	var files []*tnef.File
	d := tnef.NewDecoder(tnef.Options{}, func(f *tnef.File) (io.WriteCloser, error) {
		files = append(files, f)
		return nopCloser{os.Stdout}, nil
	})
	_, err := io.Copy(d, winmail)
	if closed := d.Close(); err == nil {
		err = closed
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range files { // complete now
		fmt.Printf("%q, damaged %v\n", f.Name, f.Damaged)
	}
	// Output:
	// Hello.
	// "notes.txt", damaged false
}
