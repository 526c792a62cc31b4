package mailbox_test

import (
	"fmt"

	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/mailbox/mailboxtest"
)

// A refusal leaves the session usable, and says what kind it is.
func ExampleRefused() {
	store := &mailboxtest.Store{}
	store.Add(mailboxtest.Message{Key: "1", Raw: "Subject: invoice\r\n\r\n"})
	box, err := store.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer box.Close()
	_, err = store.Open() // a second session
	if reply, ok := mailbox.Refused(err); ok {
		fmt.Println(reply, "- busy:", reply.Busy())
	}
	fmt.Println(box.Stat())
	// Output:
	// store said: mailbox is locked - busy: true
	// 1 20 <nil>
}
