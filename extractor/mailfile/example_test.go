package mailfile_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/attachd/attachd/extractor/mailfile"
)

const mbox = `From hans@example.org Mon Nov 23 05:00:00 2026
Subject: one

>From now on, a line that begins so is quoted.

From hans@example.org Mon Nov 23 06:00:00 2026
Subject: two

`

// A folder with a message, an mbox of two, and a file that is no mail.
func ExampleMessages() {
	folder, err := os.MkdirTemp("", "mail")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	for name, content := range map[string]string{"a.eml": "Subject: a\n\ntext\n", "archive": mbox, "notes": "no mail\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			fmt.Println(err)
			return
		}
	}

	ignored, err := mailfile.Messages(context.Background(), folder, "", func(source string, size int64, r io.Reader) error {
		message, err := io.ReadAll(r)
		fmt.Printf("%s, size %d: %q\n", strings.TrimPrefix(source, folder), size, message)
		return err
	})
	fmt.Println("ignored", ignored, "error", err)
	// Output:
	// /a.eml, size 17: "Subject: a\n\ntext\n"
	// /archive:1, size -1: "Subject: one\n\nFrom now on, a line that begins so is quoted.\n"
	// /archive:2, size -1: "Subject: two\n"
	// ignored 1 error <nil>
}

func ExampleMbox() {
	err := mailfile.Mbox(bufio.NewReader(strings.NewReader(mbox)), func(r io.Reader) error {
		subject, err := bufio.NewReader(r).ReadString('\n')
		fmt.Print(subject) // the rest of the message is skipped
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// Subject: one
	// Subject: two
}
