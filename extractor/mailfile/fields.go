package mailfile

import (
	"bytes"
	"strings"
)

// Sniffed is how many bytes of a file's beginning tell whether it is mail. Headers are seldom
// longer, and a field of mail stands in the first lines of nearly all.
const Sniffed = 64 << 10

// MayBeMail reports whether a text may be a message. start is its beginning, up to [Sniffed] bytes.
// A line anywhere in it that begins like a field of mail is enough, as broken exports put all kinds
// of lines before the header.
func MayBeMail(start []byte) bool {
	start = bytes.TrimPrefix(start, []byte("\xef\xbb\xbf"))
	for len(start) > 0 {
		line := firstLine(start)
		if isPostmark(line) || isMailField(line) {
			return true
		}
		start = start[min(len(line)+1, len(start)):]
	}
	return false
}

// mailFields are fields that tell mail from other files of "name: value" (RFC 5322 section 3.6,
// RFC 2045 section 3), and those that servers and programs put first.
var mailFields = map[string]bool{
	"from": true, "to": true, "cc": true, "bcc": true, "subject": true, "date": true, "sender": true, "reply-to": true,
	"message-id": true, "in-reply-to": true, "references": true, "received": true, "return-path": true, "mime-version": true,
	"delivered-to": true, "delivery-date": true, "envelope-to": true, "apparently-to": true, "errors-to": true,
	"dkim-signature": true, "domainkey-signature": true, "authentication-results": true, "received-spf": true,
	"disposition-notification-to": true, "return-receipt-to": true, "auto-submitted": true, "user-agent": true,
	"thread-topic": true, "thread-index": true, "importance": true, "precedence": true, "newsgroups": true, "autocrypt": true,
}

// longestName is as long as the name of a field may be.
const longestName = 76

// isMailField reports whether a line begins with the name of a field of mail and a colon.
func isMailField(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	name, _, ok := bytes.Cut(line[:min(len(line), longestName+1)], []byte(":"))
	if !ok {
		return false
	}
	field := strings.ToLower(string(bytes.TrimRight(name, " \t")))
	for _, prefix := range []string{"content-", "x-", "resent-", "list-", "arc-"} {
		if strings.HasPrefix(field, prefix) && !strings.ContainsAny(field, " \t") {
			return true
		}
	}
	return mailFields[field]
}
