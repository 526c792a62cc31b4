package foreign

import (
	"strings"

	"github.com/attachd/attachd/fetcher/ledger"
)

// UIDL shows the UIDL of a message, opaque bytes of the server's choice, as the
// server sent it: what the ledger puts behind one is left out.
func UIDL(uidl string) string { return Text(ledger.Sent(uidl)) }

// FirstLine returns the first line of s.
func FirstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
