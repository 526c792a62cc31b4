package cms_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/attachd/attachd/extractor/cms"
)

// A signed document, as in a letter.txt.p7m. Its signature is not judged.
func ExampleDecoder() {
	p7m := base64.NewDecoder(base64.StdEncoding, strings.NewReader(
		"MC8GCSqGSIb3DQEHAqAiMCACAQExADAXBgkqhkiG9w0BBwGgCgQIRGVhciBhbGwxAA=="))

	d := cms.NewDecoder(os.Stdout)
	_, err := io.Copy(d, p7m)
	if closed := d.Close(); err == nil {
		err = closed
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("\ncomplete %v, ended %v\n", d.Complete(), d.Ended())
	// Output:
	// Dear all
	// complete true, ended true
}
