package extractor_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/attachd/attachd/extractor"
)

// counter counts what is written to it; a real one writes a file.
type counter struct {
	attachment *extractor.Attachment
	n          int
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

func (c *counter) Close() error {
	a := c.attachment
	fmt.Printf("part %s: %s, %s, %d bytes, problems %v\n", a.Part, a.Name, a.MediaType, c.n, a.Problems)
	return nil
}

func ExampleExtract() {
	message := strings.NewReader(`From: Hans <hans@example.org>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Content-Type: multipart/mixed; boundary=----=_Part_1

------=_Part_1
Content-Type: text/plain

Im Anhang liegt die Datei.
------=_Part_1
Content-Type: application/pdf
Content-Disposition: attachment; filename=../für alle.pdf
Content-Transfer-Encoding: "base64"

JVBERi0xLjQ=
------=_Part_1--
`)
	m, err := extractor.Extract(message, extractor.Options{}, func(a *extractor.Attachment) (io.WriteCloser, error) {
		return &counter{attachment: a}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q from %s, %d bytes, attachments: %d\n", m.Subject, m.From, m.Size, m.Attachments)
	// Output:
	// part 2: für alle.pdf, application/pdf, 8 bytes, problems [part 2: odd-encoding: "base64" part 2: name-cleaned: ../für alle.pdf]
	// "Grüße" from Hans <hans@example.org>, 360 bytes, attachments: 1
}
