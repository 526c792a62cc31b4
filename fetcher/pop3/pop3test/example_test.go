package pop3test_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// This server has a quirk, to confirm deletions and carry out none, and a fault that a hook
// scripts: it refuses the second message.
func Example() {
	s := pop3test.NewServer()
	s.Plaintext = true
	s.Users = map[string]string{"hans": "secret"}
	s.Mailboxes = map[string][]pop3test.Message{"hans": {
		{UIDL: "a", Raw: []byte("Subject: one\r\n\r\n.\r\n")},
		{UIDL: "b", Raw: []byte("Subject: two\r\n\r\n")},
	}}
	s.Dele.Ignored = true
	s.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "RETR" && args == "2" {
			c.Reply("-ERR [SYS/TEMP] not now")
			return true
		}
		return false
	}
	if err := s.Start(); err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "USER hans\r\nPASS secret\r\nRETR 1\r\nDELE 1\r\nRETR 2\r\nQUIT\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fmt.Println(lines.Text())
	}
	s.Wait()
	fmt.Println(s.Log())
	fmt.Println(len(s.Mailbox("hans")), "left")
	// Output:
	// +OK ready
	// +OK user ok
	// +OK 2 messages (35 octets).
	// +OK 19 octets
	// Subject: one
	//
	// ..
	// .
	// +OK
	// -ERR [SYS/TEMP] not now
	// +OK bye
	// [USER hans PASS *** RETR 1 DELE 1 RETR 2 QUIT]
	// 2 left
}

// A profile is a provider with the quirks that its users report.
func ExampleProfileNamed() {
	p, ok := pop3test.ProfileNamed("gmail")
	if !ok {
		log.Fatal("no such profile")
	}
	s := p.NewServer("hans", "secret", []byte("Subject: one\r\n\r\n"))
	fmt.Println(p.Quirk)
	fmt.Println(s.List.Oldest, s.Retr.ConsumesAtQuit)
	// Output:
	// lists the oldest 250 messages, and those retrieved no more once QUIT has come, deleted or not
	// 250 true
}
