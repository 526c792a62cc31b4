package pop3

import (
	"strings"
	"testing"
)

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
