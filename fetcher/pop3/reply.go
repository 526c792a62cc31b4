package pop3

import (
	"bytes"
	"strings"
)

// maxReply bounds a status line, in bytes. RFC 2449 section 4 allows 512; real
// greetings have 600, SASL challenges more (RFC 5034 section 4).
const maxReply = 8 << 10

type status int

const (
	statusNone status = iota // no reply at all
	statusOK
	statusErr
)

// parseReply splits a status line, which comes without its line end, into its
// status and its text. Only +OK is success: "+OKAY" and the "+ERR" that some
// servers send are no replies (RFC 1939 section 3).
func parseReply(line []byte) (status, []byte) {
	if len(line) < 3 {
		return statusNone, nil
	}
	n, s := 3, statusOK
	if line[0] == '-' {
		n, s = 4, statusErr
	}
	if len(line) < n || len(line) > n && line[n] != ' ' && line[n] != '\t' {
		return statusNone, nil
	}
	if want := "+OK-ERR"[3*(int(s)-1):][:n]; !strings.EqualFold(string(line[:n]), want) {
		return statusNone, nil
	}
	return s, bytes.Trim(line[n:], " \t")
}

// maxCode bounds a response code: what is longer is text in brackets.
const maxCode = 64

// responseCode returns the response code at the start of a reply's text in upper
// case, or "" (RFC 2449 section 8).
func responseCode(text []byte) string {
	if len(text) == 0 || text[0] != '[' {
		return ""
	}
	end := bytes.IndexByte(text, ']')
	if end < 2 || end > maxCode {
		return ""
	}
	code := text[1:end]
	for _, b := range code {
		if b <= ' ' || b > '~' || b == '[' {
			return ""
		}
	}
	return strings.ToUpper(string(code))
}
