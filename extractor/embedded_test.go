package extractor

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// uuencoded makes a uuencoded file, with blanks or grave accents for zero.
func uuencoded(name, content string, zero byte, eol string) string {
	var b strings.Builder
	b.WriteString("begin 644 " + name + eol)
	put := func(v byte) {
		if v &= 0x3f; v == 0 {
			b.WriteByte(zero)
		} else {
			b.WriteByte(v + ' ')
		}
	}
	for content != "" {
		n := min(45, len(content))
		line := content[:n] + "\x00\x00"
		put(byte(n))
		for i := 0; i < n; i += 3 {
			put(line[i] >> 2)
			put(line[i]<<4 | line[i+1]>>4)
			put(line[i+1]<<2 | line[i+2]>>6)
			put(line[i+2])
		}
		b.WriteString(eol)
		content = content[n:]
	}
	put(0)
	b.WriteString(eol + "end" + eol)
	return b.String()
}

// TestUUEncode: uuencoded files come out of texts and bodies byte by byte, however
// they were encoded and wherever the message is cut.
func TestUUEncode(t *testing.T) {
	t.Parallel()
	binary := strings.Repeat("\x00\x01\xfe\xff", 100) + "x"
	zeros := strings.Repeat("\x00", 1000)
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		for _, zero := range []byte{'`', ' '} {
			uu := func(name, content string) string { return uuencoded(name, content, zero, eol) }
			stripped := func(s string) string { // blanks at line ends cut off on the way
				lines := strings.Split(s, eol)
				for i := range lines {
					lines[i] = strings.TrimRight(lines[i], " ")
				}
				return strings.Join(lines, eol)
			}
			text := func(lines ...string) string { return strings.Join(lines, eol) + eol }
			header := "Subject: x" + eol + eol
			cte := "Content-Type: image/gif; name=p.gif" + eol + "Content-Transfer-Encoding: x-uuencode" + eol + eol
			for name, test := range map[string]struct {
				message string
				want    []string // part, name, content
				odd     bool     // a problem is reported
			}{
				"in text":               {header + "Hello." + eol + uu("a b.bin", binary) + "Bye." + eol, []string{"1.1 a b.bin " + binary}, false},
				"two":                   {header + uu("a", "one") + "and" + eol + eol + uu("b", "two"), []string{"1.1 a one", "1.2 b two"}, false},
				"no text before":        {eol + uu("a", "one"), []string{"1.1 a one"}, true},
				"zeros":                 {header + stripped(uu("z", zeros)), []string{"1.1 z " + zeros}, false},
				"an empty file":         {header + uu("e", ""), []string{"1.1 e "}, false},
				"a path":                {header + uu("/etc/passwd", "x"), []string{"1.1 passwd x"}, true},
				"blank lines between":   {header + strings.ReplaceAll(uu("a", binary), eol, eol+eol), []string{"1.1 a " + binary}, false},
				"the end is missing":    {header + strings.TrimSuffix(uu("a", "one"), "end"+eol), []string{"1.1 a one"}, true},
				"text within":           {header + strings.Replace(uu("a", binary), "M", "and then it breaks off"+eol+"M", 1), nil, false},
				"only a sentence":       {header + text("begin 644 reasons why", "we should begin."), nil, false},
				"only a word":           {header + text("begin", "begin 7", "begin 644", "beginning 644 x"), nil, false},
				"base64":                {header + text("begin-base64 644 a.txt", "aGFs", "bG8=", "====", "Bye."), []string{"1.1 a.txt hallo"}, false},
				"as transfer encoding":  {cte + uu("q.gif", binary), []string{"1 p.gif " + binary}, false},
				"without a begin line":  {cte + strings.Join(strings.SplitAfter(uu("q.gif", binary), eol)[1:], ""), []string{"1 p.gif " + binary}, true},
				"not encoded after all": {cte + text("GIF89a", "pixels"), []string{"1 p.gif " + strings.TrimSuffix(text("GIF89a", "pixels"), "")}, true},
				"named in the body":     {"Content-Type: image/gif" + eol + "Content-Transfer-Encoding: uuencode" + eol + eol + uu("q.gif", "x"), []string{"1 q.gif x"}, false},
				"within quoted-printable": {
					"Content-Transfer-Encoding: quoted-printable" + eol + eol + strings.ReplaceAll(uu("a", binary), "=", "=3D"), []string{"1.1 a " + binary}, false,
				},
			} {
				t.Run(fmt.Sprintf("%s %q %q", name, eol, zero), func(t *testing.T) {
					t.Parallel()
					if eol == "\r" && name == "within quoted-printable" {
						t.Skip("a soft line break ends with LF")
					}
					for _, r := range []io.Reader{strings.NewReader(test.message), iotest.OneByteReader(strings.NewReader(test.message)), iotest.HalfReader(strings.NewReader(test.message))} {
						all, m, err := capture(r, Limits{}, false)
						if err != nil {
							t.Fatal(err)
						}
						var got []string
						problems := len(m.Problems)
						for _, c := range all {
							got = append(got, fmt.Sprintf("%s %s %s", c.Part, c.Name, &c.content))
							problems += len(c.Problems)
						}
						if diff := cmp.Diff(test.want, got); diff != "" {
							t.Errorf("(-want +got):\n%s", diff)
						}
						if (problems > 0) != test.odd {
							t.Errorf("%d problems: %v", problems, m.Problems)
						}
					}
				})
			}
		}
	}
}

// TestFilter: what each condition takes, and that what is left out early and late
// comes to the same.
func TestFilter(t *testing.T) {
	t.Parallel()
	message := strings.ReplaceAll(`From: "A, B" <Billing@Supplier.example>|Subject: Rechnung Nr. 5|Content-Type: multipart/related; boundary=b||`+
		`--b|Content-Type: text/html||<img src="cid:x"><img src="cid:y">|--b|Content-Type: image/png; name=logo.png|Content-ID: <x>||png|`+
		`--b|Content-Type: image/png|Content-ID: <y>||png|`+
		`--b|Content-Type: application/octet-stream; name=Scan.PDF||%PDF-1.4 and some more|`+
		`--b|Content-Type: application/pdf||%PDF-1.4|--b--|`, "|", "\n")
	yes, no := true, false
	include := func(r ...Rule) *Filter { return &Filter{Include: r} }
	exclude := func(r ...Rule) *Filter { return &Filter{Exclude: r} }
	for name, test := range map[string]struct {
		filter *Filter
		inline Inline
		want   string
	}{
		"none":                     {nil, InlineNamed, "logo.png Scan.PDF attachment.pdf"},
		"all pictures":             {nil, InlineAll, "logo.png attachment.png Scan.PDF attachment.pdf"},
		"no pictures":              {nil, InlineNone, "Scan.PDF attachment.pdf"},
		"a name":                   {include(Rule{Names: []string{"*.pdf"}}), InlineNamed, "Scan.PDF attachment.pdf"},
		"not that name":            {exclude(Rule{Names: []string{"l?go.*", "attach*"}}), InlineNamed, "Scan.PDF"},
		"a declared type":          {include(Rule{Types: []string{"image/*"}}), InlineNamed, "logo.png"},
		"a detected type":          {include(Rule{Types: []string{"application/pdf"}}), InlineNamed, "Scan.PDF attachment.pdf"},
		"another name of the type": {include(Rule{Types: []string{"application/x-pdf"}}), InlineNamed, "Scan.PDF attachment.pdf"},
		"not a detected type":      {exclude(Rule{Types: []string{"application/pdf"}}), InlineNamed, "logo.png"},
		"too small":                {exclude(Rule{MaxSize: 8}), InlineNamed, "Scan.PDF"},
		"big enough":               {include(Rule{MinSize: 9}), InlineNamed, "Scan.PDF"},
		"too big":                  {include(Rule{MaxSize: 8}), InlineNamed, "logo.png attachment.pdf"},
		"a sender":                 {include(Rule{Senders: []string{"*@supplier.EXAMPLE"}}), InlineNamed, "logo.png Scan.PDF attachment.pdf"},
		"another sender":           {include(Rule{Senders: []string{"supplier.example"}}), InlineNamed, ""},
		"a subject":                {include(Rule{Subjects: []string{"*rechnung*"}}), InlineNamed, "logo.png Scan.PDF attachment.pdf"},
		"another subject":          {exclude(Rule{Subjects: []string{"rechnung*"}}), InlineNamed, ""},
		"inline":                   {include(Rule{Inline: &yes}), InlineNamed, "logo.png"},
		"not inline":               {include(Rule{Inline: &no}), InlineNamed, "Scan.PDF attachment.pdf"},
		"both must hold":           {include(Rule{Names: []string{"*.pdf"}, MinSize: 9}), InlineNamed, "Scan.PDF"},
		"either":                   {include(Rule{Names: []string{"*.png"}}, Rule{MinSize: 9}), InlineNamed, "logo.png Scan.PDF"},
		"exclude beats include":    {&Filter{Include: []Rule{{Names: []string{"*"}}}, Exclude: []Rule{{Names: []string{"scan.pdf"}}}}, InlineNamed, "logo.png attachment.pdf"},
		"a made-up name matches":   {include(Rule{Names: []string{"attachment.pdf"}}), InlineNamed, "attachment.pdf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, m, err := captureWith(strings.NewReader(message), Options{Filter: test.filter, Inline: test.inline}, false)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			kept := 0
			for _, c := range all {
				if c.closed != 1 {
					t.Errorf("%s was closed %d times", c.Name, c.closed)
				}
				if c.LeftOut == "" {
					got = append(got, c.Name)
					kept++
				}
			}
			if s := strings.Join(got, " "); s != test.want {
				t.Errorf("kept %q, want %q", s, test.want)
			}
			if m.Attachments != kept {
				t.Errorf("%d attachments counted, %d kept", m.Attachments, kept)
			}
			for _, a := range m.LeftOut {
				if a.LeftOut == "" {
					t.Errorf("%s is left out for no reason", a.Name)
				}
			}
		})
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"*.pdf", "a.pdf", true},
		{"*.pdf", "A.PDF", true},
		{"*.pdf", "a.pdf.exe", false},
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"a*b*c", "aXXbYYc", true},
		{"a*b*c", "aXXcYYb", false},
		{"?.txt", "ü.txt", true},
		{"??.txt", "ü.txt", false},
		{"ÜBER*", "übersicht", true},
		{"*a*a*a*a*b", strings.Repeat("a", 100_000), false},
		{"a/b*", "a/b/c", true},
	} {
		if got := match(test.pattern, test.s); got != test.want {
			t.Errorf("match(%q, %.20q) = %v", test.pattern, test.s, got)
		}
	}
}

// TestParseEncoding: how mailers write the names of encodings.
func TestParseEncoding(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]encoding{
		"base 64": base64Encoding, "x-base64": base64Encoding, "mime-base64": base64Encoding, "8bit base64": base64Encoding, "base64\x00": base64Encoding, "BASE_64": base64Encoding,
		"quoted printable": quotedPrintable, "x-quoted-printable": quotedPrintable, "quoted_printable": quotedPrintable, "quoted-printible": quotedPrintable, "quote-printable": quotedPrintable,
		"x-uucode": uuencodeEncoding, "x-unknown": identity, "8bit": identity, "": identity,
	} {
		if got := parseEncoding(token, ignore); got != want {
			t.Errorf("%q is read as %d", token, got)
		}
	}
}

// TestLongLines: a body may be one line of any length, wherever the message is cut.
func TestLongLines(t *testing.T) {
	t.Parallel()
	for _, size := range []int{longestLine - 1, longestLine, longestLine + 1, keptField - 1, keptField + 1, 3 * keptField, 400_000} {
		content := strings.Repeat("0123456789ab", size/12+1)[:size]
		for _, encoding := range []string{"8bit", "base64", "quoted-printable"} {
			body := content
			if encoding == "base64" {
				body = base64.StdEncoding.EncodeToString([]byte(content))
			}
			for form, message := range map[string]string{
				"alone":          "Content-Type: a/b; name=a\nContent-Transfer-Encoding: " + encoding + "\n\n" + body,
				"in a multipart": "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name=a\nContent-Transfer-Encoding: " + encoding + "\n\n" + body + "\n--b--\n",
				"no blank line":  "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name=a\nContent-Transfer-Encoding: " + encoding + "\n" + body + "\n--b--\n",
			} {
				for _, r := range []io.Reader{strings.NewReader(message), iotest.HalfReader(strings.NewReader(message)), &pieces{[]byte(message), 12345}} {
					all, _, err := capture(r, Limits{}, false)
					if err != nil || len(all) != 1 || all[0].content.String() != content {
						t.Errorf("%d bytes in %s, %s: %d files, the first of %d bytes, %v", size, encoding, form, len(all), all[0].content.Len(), err)
					}
				}
			}
		}
	}
}
