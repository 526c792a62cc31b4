package identity_test

import (
	"fmt"

	"github.com/attachd/attachd/fetcher/identity"
)

// Two headers are of one message if the fields agree that tell messages apart. A server may add
// others, as Status.
func ExampleSame() {
	was := identity.Identify([]byte("Message-ID: <1@example.org>\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\n\r\n"))
	is := identity.Identify([]byte("Status: RO\r\nMessage-ID: <1@example.org>\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\n\r\n"))
	again := identity.Identify([]byte("Message-ID: <1@example.org>\r\nDate: Tue, 2 Jan 2024 10:00:00 +0100\r\n\r\n"))
	fmt.Println(was.MessageID, identity.Same(was, is), identity.Same(was, again))
	// Output: 1@example.org true false
}
