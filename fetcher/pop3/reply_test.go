package pop3

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzReply(f *testing.F) {
	for _, seed := range []string{"+OK", "+ok x", "-ERR [SYS/TEMP] busy", "+OKAY", "-err\t[in-use]", "-ERR [", "+ERR", "-ERR []x", ""} {
		f.Add([]byte(seed))
	}
	// Properties: a reply is +OK or -ERR before a blank or the end, and nothing
	// else is; what errors show is bounded and holds no control characters.
	f.Fuzz(func(t *testing.T, line []byte) {
		s, text := parseReply(line)
		word, _, _ := strings.Cut(strings.ReplaceAll(string(line), "\t", " "), " ")
		want := statusNone
		switch {
		case strings.EqualFold(word, "+OK") && len(word) == 3:
			want = statusOK
		case strings.EqualFold(word, "-ERR") && len(word) == 4:
			want = statusErr
		}
		if s != want {
			t.Fatalf("status %d, want %d", s, want)
		}
		if s == statusNone {
			return
		}
		if !bytes.Contains(line, text) {
			t.Fatalf("text %q is not in %q", text, line)
		}
		e := newError("X", line)
		if strings.ContainsFunc(e.Text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len([]rune(e.Text)) > maxErrorText {
			t.Fatalf("text %q", e.Text)
		}
		if len(e.Code) > maxCode || strings.ContainsAny(e.Code, " []\r\n") {
			t.Fatalf("code %q", e.Code)
		}
		if e.Code != "" && !strings.HasPrefix(strings.ToUpper(string(text)), "["+e.Code+"]") {
			t.Fatalf("code %q of %q", e.Code, text)
		}
		e.Temporary()
	})
}

func TestParseEntry(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("u", 1000)
	for _, test := range []struct {
		line string
		n    int
		rest string
		size int64
	}{
		{"1 2572", 1, "2572", 2572},
		{"1   abc", 1, "abc", -1},   // Maillennium
		{"+OK 2 abc", 2, "abc", -1}, // K-9's issue 1237
		{"3 abc  \t", 3, "abc", -1}, // trailing blanks
		{"4", 4, "", -1},            // no UIDL at all
		{"5 ", 5, "", -1},           //
		{"6 a b", 6, "a b", -1},     // opaque
		{"7 \xfc\x80", 7, "\xfc\x80", -1},
		{"8 " + long, 8, long, -1},
		{" 9\t10", 9, "10", 10},
		{"10 0", 10, "0", 0},
		{"11 -5", 11, "-5", -1},
		{"12 1099511627776 extra", 12, "1099511627776 extra", 1 << 40},
		{"13 9223372036854775807", 13, "9223372036854775807", math.MaxInt64},
		{"14 99999999999999999999999", 14, "99999999999999999999999", math.MaxInt64},
		{"15 %!d(float64=1234)", 15, "%!d(float64=1234)", -1}, // Mailpit
		{"0 x", 0, "x", -1}, // netius
		{"0 17", 0, "17", 17},
		{"-1 x", -1, "", 0},
		{"2147483648 x", -1, "", 0},
		{"99999999999999999999 x", -1, "", 0},
		{"x 1", -1, "", 0},
		{"", -1, "", 0},
		{"1x", -1, "", 0},
		{"1\x00 x", -1, "", 0},
	} {
		n, rest, ok := parseEntry([]byte(test.line))
		if n != max(test.n, 0) || string(rest) != test.rest || ok != (test.n >= 0) {
			t.Errorf("%.30q: got %d, %q, %t, want %d, %q", test.line, n, rest, ok, test.n, test.rest)
		}
		if size := parseSize(rest); ok && size != test.size {
			t.Errorf("%.30q: size %d, want %d", test.line, size, test.size)
		}
	}
}

func FuzzList(f *testing.F) {
	for _, seed := range []string{"1 2", "+OK 3 abc ", "4   x y", "0 x", "18446744073709551617 1", "1 -1", "\t7\t8", "+OK"} {
		f.Add([]byte(seed))
	}
	// Properties: numbers are not negative, what follows is a part of the line without
	// blanks around it, and sizes are no less than -1.
	f.Fuzz(func(t *testing.T, line []byte) {
		n, rest, ok := parseEntry(line)
		if n < 0 || !ok && n > 0 {
			t.Fatalf("number %d, ok %t", n, ok)
		}
		if !bytes.Contains(line, rest) || len(bytes.Trim(rest, " \t")) != len(rest) {
			t.Fatalf("rest %q of %q", rest, line)
		}
		if size := parseSize(rest); size < -1 {
			t.Fatalf("size %d", size)
		}
	})
}

func TestErrorCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cmd, line, code string
		temporary       bool
	}{
		{"PASS", "-ERR [IN-USE] Do you have another POP session running?", "IN-USE", true},
		{"PASS", "-ERR [in-use] password in use", "IN-USE", true},
		{"PASS", "-ERR [LOGIN-DELAY] minimum time between mail checks violation", "LOGIN-DELAY", true},
		{"PASS", "-ERR [SYS/TEMP] password server down", "SYS/TEMP", true},
		{"PASS", "-ERR [SYS/PERM] try again never", "SYS/PERM", false},
		{"PASS", "-ERR [AUTH] try again", "AUTH", false},
		{"PASS", "-ERR [AUTH] Account exceeded command or bandwidth limits", "AUTH", true},
		{"PASS", "-ERR [SYS/PERM] Too many connections", "SYS/PERM", false},
		{"PASS", "-ERR [X-NEW/THING] hm", "X-NEW/THING", true},
		{"APOP", "-ERR permission denied", "", false},
		{"PASS", "-ERR Logon failure: unknown user name or bad password.", "", false},
		{"PASS", "-ERR Exceeded the login limit for a 15 minute period. Wrong password?", "", true},
		{"PASS", "-ERR maildrop already locked", "", true},
		{"PASS", "-ERR Server Unavailable. 21", "", true},
		{"PASS", "-ERR", "", true},
		{"PASS", "-ERR hm", "", true},
		{"PASS", "-ERR [not a code] hm", "", true},
		{"PASS", "-ERR [", "", true},
		{"PASS", "-ERR []", "", true},
		{"RETR", "-ERR no such message", "", false},
		{"RETR", "-ERR Download exceed. msg=10", "", true},
		{"RETR", "-ERR password protected", "", true},
		{"UIDL", "-ERR command not implemented", "", false},
	} {
		e := newError(test.cmd, []byte(test.line))
		if e.Code != test.code || e.Temporary() != test.temporary || e.Text != test.line || e.Cmd != test.cmd {
			t.Errorf("%s to %s: got %+v, temporary %t, want code %q, temporary %t", test.line, test.cmd, e, e.Temporary(), test.code, test.temporary)
		}
	}
	for raw, want := range map[string]string{
		"-ERR \xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc":     `-ERR \xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc`, // GBK
		"-ERR [AUTH] falsches Pa\xdfwort":           `-ERR [AUTH] falsches Pa\xdfwort`,       // ISO 8859-1
		"-ERR 登录失败":                                 "-ERR 登录失败",
		"-ERR a\tb\x00c\x7f \r":                     `-ERR a\x09b\x00c\x7f`,
		"-ERR \u202eevil \u200b":                    `-ERR \xe2\x80\xaeevil \xe2\x80\x8b`,
		"-ERR " + strings.Repeat("x", 506) + "é":    "-ERR " + strings.Repeat("x", 506),
		"-ERR " + strings.Repeat("x", 506) + "\xb5": "-ERR " + strings.Repeat("x", 506) + `\xb5`,
	} {
		if e := newError("PASS", []byte(raw)); e.Text != want {
			t.Errorf("%q is shown as %q, want %q", raw, e.Text, want)
		}
	}
	if e := newError("PASS", []byte("-ERR \x1b[31m\x00\r\xff\u202e"+strings.Repeat("é", 400))); len(e.Text) > 4*maxErrorText || !utf8.ValidString(e.Text) || strings.ContainsAny(e.Text, "\x1b\x00\r\u202e") {
		t.Errorf("text is %q", e.Text)
	}
}
