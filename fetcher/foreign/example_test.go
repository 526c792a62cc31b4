package foreign_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/attachd/attachd/fetcher/foreign"
)

func ExampleText() {
	fmt.Println(foreign.Text("Rechnung für März.pdf"))
	fmt.Println(foreign.Text("photo\u202egpj.exe"))
	fmt.Println(foreign.Text("\x1b]0;title\a\n2026-01-01 forged line"))
	fmt.Println(foreign.Text("Stra\xdfe"))
	// Output:
	// Rechnung für März.pdf
	// photo\u202egpj.exe
	// \x1b]0;title\a\n2026-01-01 forged line
	// Stra\xdfe
}

func ExampleError() {
	err := errors.Join(errors.New("first"), errors.New("\x1b[2Jsecond"))
	fmt.Println(foreign.Error(err))
	// Output:
	// first
	// \x1b[2Jsecond
}

func ExampleJSONWriter() {
	w := foreign.JSONWriter{W: os.Stdout}
	fmt.Fprintln(w, "{\"name\":\"photo\u202egpj.exe\"}")
	// Output: {"name":"photo\u202egpj.exe"}
}
