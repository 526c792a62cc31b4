package pop3_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"slices"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// A session lists the maildrop, retrieves what is in it and deletes it.
func Example() {
	server := pop3test.NewServer()
	server.APOP = true
	server.Users = map[string]string{"hans": "secret"}
	server.Mailboxes = map[string][]pop3test.Message{"hans": {
		{UIDL: "first", Raw: []byte("Subject: one\r\n\r\n.dots are kept\r\n")},
		{UIDL: "second", Raw: []byte("Subject: two\r\n\r\nend\r\n")},
	}}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	d := pop3.Dialer{Addr: server.Addr(), TLSConfig: &tls.Config{RootCAs: server.CertPool()}}
	c, err := d.Dial(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Apop("hans", "secret"); err != nil {
		log.Fatal(err)
	}
	var numbers []int
	err = c.Uidl(func(n int, uidl string) error {
		numbers = append(numbers, n)
		fmt.Println(n, uidl)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	err = c.RetrEach(slices.Values(numbers), pop3.MaxWindow, func(n int, body io.Reader, err error) error {
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(body)
		fmt.Printf("%d %q\n", n, raw)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// The server deletes when it confirms QUIT, so only a nil error counts.
	err = c.DeleQuit(slices.Values(numbers), pop3.MaxWindow, func(n int, err error) { fmt.Println("DELE", n, err) })
	fmt.Println("QUIT", err)
	// Output:
	// 1 first
	// 2 second
	// 1 "Subject: one\r\n\r\n.dots are kept\r\n"
	// 2 "Subject: two\r\n\r\nend\r\n"
	// DELE 1 <nil>
	// DELE 2 <nil>
	// QUIT <nil>
}

// A refusal is an [*pop3.Error] and leaves the session usable.
func ExampleError() {
	server := pop3test.NewServer()
	server.Plaintext = true
	server.Auth.Refusal = "-ERR [IN-USE] another session has the maildrop, wait 30 seconds"
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	d := pop3.Dialer{Addr: server.Addr(), Mode: pop3.Plaintext}
	c, err := d.Dial(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	err = c.UserPass("hans", "secret")
	fmt.Println(err)
	if refused, ok := errors.AsType[*pop3.Error](err); ok {
		fmt.Println(refused.Cmd, refused.Code, refused.Busy(), refused.Temporary(), refused.Wait())
	}
	fmt.Println(c.Quit())
	// Output:
	// server said: -ERR [IN-USE] another session has the maildrop, wait 30 seconds
	// PASS IN-USE true true 30s
	// <nil>
}
