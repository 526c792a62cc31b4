package identity

import (
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/ledger"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	const header = "Received: by mx id 1;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@x>\r\nDate: today\r\nStatus: O\r\nContent-Type: multipart/mixed; boundary=a\r\n"
	id := Identify([]byte(header + "\r\nDate: of the body\r\n"))
	if id.MessageID != "1@x" {
		t.Errorf("Message-ID %q", id.MessageID)
	}
	for name, tt := range map[string]struct {
		header string
		same   bool
	}{
		"without the body":       {header, true},
		"bare LF":                {strings.ReplaceAll(header, "\r\n", "\n"), true},
		"folded otherwise":       {strings.Replace(header, ";\r\n\t", "; ", 1), true},
		"other case of a name":   {strings.Replace(header, "Message-ID", "MESSAGE-Id", 1), true},
		"another boundary":       {strings.Replace(header, "=a", "=b", 1), true},
		"another status":         {strings.Replace(header, "Status: O", "Status: RO", 1), true},
		"another Message-ID":     {strings.Replace(header, "1@x", "2@x", 1), false},
		"another date":           {strings.Replace(header, "today", "never", 1), false},
		"received another time":  {strings.Replace(header, "00:00:00", "00:00:01", 1), false},
		"received by one more":   {"Received: by imap\r\n" + header, false},
		"a field more":           {header + "Subject: x\r\n", false},
		"an empty field more":    {header + "Subject:\r\n", false},
		"a folded name":          {strings.Replace(header, "\nDate: today", "\n Date: today", 1), false},
		"cut":                    {header[:len(header)/2], false},
		"a line without a colon": {"From nobody\r\n" + header, true},
	} {
		if got := Identify([]byte(tt.header)); (got.Header == id.Header) != tt.same {
			t.Errorf("%s: taken for the same: %t, want %t", name, !tt.same, tt.same)
		}
	}
	for _, none := range []string{"", "\r\nDate: of the body\r\n", "X-Mailer: x\r\n\r\n", "no header"} {
		if id := Identify([]byte(none)); id != (ledger.Identity{}) {
			t.Errorf("%q tells %v", none, id)
		}
	}
}

// FuzzIdentify checks that a header tells the same in pieces as in one, and with the text
// behind it.
func FuzzIdentify(f *testing.F) {
	f.Add("Message-ID: <1@x>\r\nDate: today\r\n\r\nbody\r\n", uint8(3))
	f.Add("Received: a\n\tb\n\nx", uint8(1))
	f.Add("\r\n\r\n", uint8(2))
	f.Fuzz(func(t *testing.T, raw string, size uint8) {
		want := Identify([]byte(raw))
		var h HeaderReader
		for rest := []byte(raw); len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			h.Write(rest[:n])
			rest = rest[n:]
		}
		if got := Identify(h.header); got != want && len(raw) < HeaderMost {
			t.Errorf("in pieces of %d: %v, want %v", size+1, got, want)
		}
	})
}
