package pop3

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/attachd/attachd/config/testsize"
)

// readerConn is a connection that r feeds and that swallows what is sent.
type readerConn struct {
	net.Conn
	r io.Reader
}

func (c readerConn) Read(b []byte) (int, error)       { return c.r.Read(b) }
func (c readerConn) Write(b []byte) (int, error)      { return len(b), nil }
func (c readerConn) Close() error                     { return nil }
func (c readerConn) SetReadDeadline(time.Time) error  { return nil }
func (c readerConn) SetWriteDeadline(time.Time) error { return nil }

// segments yields what it holds in reads of lengths that follow a pattern.
type segments struct {
	data    []byte
	pattern []byte
	next    int
}

func (s *segments) Read(b []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := len(s.data)
	if len(s.pattern) > 0 {
		n = int(s.pattern[s.next%len(s.pattern)])%64 + 1
		s.next++
	}
	n = copy(b[:min(n, len(b))], s.data)
	s.data = s.data[n:]
	return n, nil
}

// unstuff reads a message as the client does, with a buffer of size bytes; rest
// is what follows its final dot.
func unstuff(r io.Reader, size int, read func(r io.Reader) ([]byte, error)) (message, rest []byte, err error) {
	c := newClient(context.Background(), readerConn{r: r}, Timeouts{}, nil)
	c.wire.recycle()
	c.wire.r = bufio.NewReaderSize(c.wire.conn, size)
	message, err = read(c.newBody(1))
	if err == nil {
		rest, _ = io.ReadAll(c.wire.r)
	}
	return message, rest, err
}

func viaWriteTo(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	_, err := r.(io.WriterTo).WriteTo(&b)
	return b.Bytes(), err
}

func viaSmallReads(r io.Reader) ([]byte, error) { return io.ReadAll(iotest.OneByteReader(r)) }

// reference is the same, line by line and as simple as can be.
func reference(data []byte) (message, rest []byte, err error) {
	for {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			return nil, nil, io.ErrUnexpectedEOF
		}
		line := data[:end]
		data = data[end:]
		switch {
		case string(line) == ".\r\n", string(line) == ".\n":
			return message, data, nil
		case bytes.HasPrefix(line, []byte("..")):
			line = line[1:]
		}
		message = append(message, line...)
	}
}

func TestDotReader(t *testing.T) {
	t.Parallel()
	edge := func(n int) string { return strings.Repeat("x", n) }
	long := testsize.Of(4*bufferSize, 1<<20)
	for _, test := range []struct{ name, sent, want string }{
		{"empty message", ".\r\n", ""},
		{"bare LF", "a\nb\n.\n", "a\nb\n"},
		{"CRLF with a bare LF behind the dot", "a\r\n.\n", "a\r\n"},
		{"stuffed", "..a\r\n...\r\n....b\r\nc..\r\n.\r\n", ".a\r\n..\r\n...b\r\nc..\r\n"},
		{"a stuffed lone dot", "a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
		{"stuffed behind a bare LF", "a\n..b\n.\n", "a\n.b\n"},
		{"not stuffed", ".a\r\n.b\r\n.\r\n", ".a\r\n.b\r\n"}, // Mailpit and others
		{"dot and bare CR", ".\rx\r\n.\r\n", ".\rx\r\n"},
		{"dot and two CR", ".\r\r\n.\r\n", ".\r\r\n"},
		{"dot behind a bare CR", "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n"},
		{"dot behind a bare CR, stuffed elsewhere", "a\r..\r\n.\r\n", "a\r..\r\n"},
		{"NUL and 8-bit", "\x00\xff\x80\r\n.\r\n", "\x00\xff\x80\r\n"},
		{"header only", "a: b\r\n\r\n.\r\n", "a: b\r\n\r\n"},
		{"body only", "\r\nx\r\n.\r\n", "\r\nx\r\n"},
		{"only line ends", "\r\n\n\r\n.\r\n", "\r\n\n\r\n"},
		{"long line", edge(long) + "\r\n.\r\n", edge(long) + "\r\n"},
		{"4095", edge(4093) + "\r\n..\r\n.\r\n", edge(4093) + "\r\n.\r\n"},
		{"4096", edge(4094) + "\r\n..\r\n.\r\n", edge(4094) + "\r\n.\r\n"},
		{"4097", edge(4095) + "\r\n..\r\n.\r\n", edge(4095) + "\r\n.\r\n"},
		{"LF ends the buffer", edge(bufferSize-1) + "\n..\n.\n", edge(bufferSize-1) + "\n.\n"},
		{"dot ends the buffer", edge(bufferSize-2) + "\n.\r\n", edge(bufferSize-2) + "\n"},
		{"stuffed dot ends the buffer", edge(bufferSize-2) + "\n..\r\n.\r\n", edge(bufferSize-2) + "\n.\r\n"},
		{"CR ends the buffer", edge(bufferSize-3) + "\n.\r\n", edge(bufferSize-3) + "\n"},
		{"second buffer begins with a dot", edge(bufferSize-1) + "..\r\n.\r\n", edge(bufferSize-1) + "..\r\n"},
	} {
		for how, read := range map[string]func(io.Reader) ([]byte, error){"Read": io.ReadAll, "small Reads": viaSmallReads, "WriteTo": viaWriteTo} {
			for pattern, size := range map[string]int{"": bufferSize, "\x00": bufferSize, "\x01\x02": 16, "\x3f": 16} {
				t.Run(fmt.Sprintf("%s/%s/%q", test.name, how, pattern), func(t *testing.T) {
					t.Parallel()
					const next = "+OK next\r\n"
					got, rest, err := unstuff(&segments{data: []byte(test.sent + next), pattern: []byte(pattern)}, size, read)
					if err != nil {
						t.Fatal(err)
					}
					if string(got) != test.want {
						t.Errorf("got %.80q (%d bytes), want %.80q (%d bytes)", got, len(got), test.want, len(test.want))
					}
					if string(rest) != next {
						t.Errorf("%.80q is left, want %q", rest, next)
					}
				})
			}
		}
	}
}

func FuzzDotReader(f *testing.F) {
	f.Add([]byte("a\r\n..b\r\n.\r\n+OK\r\n"), []byte{0, 1, 2})
	f.Add([]byte("\n.\n.\r.\r\n"), []byte{1})
	f.Add([]byte(".\r"), []byte(nil))
	f.Add([]byte("...\n..\r\n.x"), []byte{5})
	// Property: whatever the segments and the edges of a tiny buffer, and however it
	// is read, the message is the reference's, and not a byte more is taken off the line.
	f.Fuzz(func(t *testing.T, data, pattern []byte) {
		want, wantRest, wantErr := reference(data)
		for how, read := range map[string]func(io.Reader) ([]byte, error){"Read": io.ReadAll, "small Reads": viaSmallReads, "WriteTo": viaWriteTo} {
			got, rest, err := unstuff(&segments{data: data, pattern: pattern}, 16, read)
			if !errors.Is(err, wantErr) {
				t.Fatalf("%s: error %v, want %v", how, err, wantErr)
			}
			if err == nil && (!bytes.Equal(got, want) || !bytes.Equal(rest, wantRest)) {
				t.Fatalf("%s: got %q and rest %q, want %q and %q", how, got, rest, want, wantRest)
			}
		}
	})
}

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

func TestTimestamp(t *testing.T) {
	t.Parallel()
	id := func(n int) string { return "<" + strings.Repeat("1", n-len("<@h>")) + "@h>" }
	for _, test := range []struct{ name, greeting, want string }{
		{"RFC 1939", "+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>", "<1896.697170952@dbc.mtview.ca.us>"},
		{"freenet", "+OK <500.1448880155@mx.freenet.de>", "<500.1448880155@mx.freenet.de>"},
		{"Dovecot", "+OK Dovecot ready. <1c60.1.6b03a69a.F/zjH14x4Nq6JUqODUuowQ==@vm>", "<1c60.1.6b03a69a.F/zjH14x4Nq6JUqODUuowQ==@vm>"},
		{"none", "+OK ready", ""},
		{"Office 365", "+OK The Microsoft Exchange POP3 service is ready. [QgBOADYAUABSAC4A]", ""},
		{"without brackets", "+OK 1.2@host", ""},
		{"no @", "+OK <a.b.c>", ""},
		{"empty", "+OK <>", ""},
		{"empty sides", "+OK <@>", ""},
		{"empty local part", "+OK <@host>", ""},
		{"empty domain", "+OK <1.2@>", ""},
		{"8-bit", "+OK <1\xfc.2@host>", ""},
		{"UTF-8", "+OK <1ü.2@host>", ""},
		{"control character", "+OK <1\x01.2@host>", ""},
		{"NUL", "+OK <1\x00.2@host>", ""},
		{"space", "+OK <1 2@host>", ""},
		{"two, second valid", "+OK <hello> <1.2@host>", "<1.2@host>"},
		{"two, first valid", "+OK <1.2@host> <hello>", "<1.2@host>"},
		{"two valid", "+OK <1.2@host> <3.4@host>", ""},
		{"twice the same", "+OK <1.2@host> <1.2@host>", ""},
		{"400 bytes", "+OK " + id(400), id(400)},
		{"512 bytes", "+OK " + id(512), id(512)},
		{"513 bytes", "+OK " + id(513), ""},
		{"two @", "+OK <1@2@host>", ""},
		{"quoted @", `+OK <"1@2"@host>`, `<"1@2"@host>`},
		{"quoted bracket", `+OK <"1<3@4>2"@host>`, `<"1<3@4>2"@host>`},
		{"quoted pair", `+OK <"1\"2"@host>`, `<"1\"2"@host>`},
		{"quote without end", `+OK <"1@host>`, ""},
		{"quoted space", `+OK <"1 2"@host>`, ""},
		{"words", `+OK <a."b".c@host>`, `<a."b".c@host>`},
		{"literal", "+OK <1.2@[192.0.2.1]>", "<1.2@[192.0.2.1]>"},
		{"empty literal", "+OK <1.2@[]>", ""},
		{"literal in literal", "+OK <1.2@[[1]]>", ""},
		{"two dots", "+OK <1..2@host>", ""},
		{"dot at the end", "+OK <1.2.@host>", ""},
		{"dot at the start", "+OK <.1.2@host>", ""},
		{"domain ends in a dot", "+OK <1.2@host.>", ""},
		{"no closing bracket", "+OK <1.2@host", ""},
		{"nested", "+OK <<1.2@host>", "<1.2@host>"},
		{"text around it", "+OK x<1.2@host>y", "<1.2@host>"},
		{"specials", "+OK <1(2)@host>", ""},
	} {
		if got := timestamp(test.greeting); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{"+OK <1.2@host>", "<a@b> <c@d>", `<"a@b"@c>`, "<1@[::1]>", "<<<@>>>", "<a.@b>"} {
		f.Add(seed)
	}
	// Properties: a timestamp is a bounded part of the greeting, printable ASCII in
	// brackets with one @ outside of quotes, and its own only timestamp.
	f.Fuzz(func(t *testing.T, greeting string) {
		ts := timestamp(greeting)
		if ts == "" {
			return
		}
		if !strings.Contains(greeting, ts) || len(ts) > maxTimestamp || ts[0] != '<' || ts[len(ts)-1] != '>' {
			t.Fatalf("got %q", ts)
		}
		ats, inQuotes, domain := 0, false, ""
		for i := 0; i < len(ts); i++ {
			switch b := ts[i]; {
			case b <= ' ' || b > '~':
				t.Fatalf("byte %#x in %q", b, ts)
			case b == '\\' && inQuotes:
				i++
			case b == '"' && ats == 0:
				inQuotes = !inQuotes
			case b == '@' && !inQuotes:
				if ats++; ats == 1 {
					domain = ts[i+1:]
				}
			}
		}
		// A domain literal may hold any number of them.
		if ats != 1 && !strings.HasPrefix(domain, "[") {
			t.Fatalf("%d @ in %q", ats, ts)
		}
		if again := timestamp(ts); again != ts {
			t.Fatalf("%q in itself is %q", ts, again)
		}
		if twice := timestamp(ts + ts); twice != "" {
			t.Fatalf("two of them give %q", twice)
		}
	})
}

func TestAPOPDigest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ timestamp, password, want string }{
		{"<1896.697170952@dbc.mtview.ca.us>", "tanstaaf", "c4c9334bac560ecc979e58001b3e22fb"}, // RFC 1939 section 7
		{"<31534.1448457450@mx.freenet.de>", "POP3-PASSWORD", "6449532e2ff023c17fc396bdec5e034b"},
	} {
		if got := apopDigest(test.timestamp, test.password); got != test.want {
			t.Errorf("%s: got %s, want %s", test.timestamp, got, test.want)
		}
	}
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
