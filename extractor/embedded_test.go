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

// TestAppleDouble: the data fork is the file; the other half says at most its name.
func TestAppleDouble(t *testing.T) {
	t.Parallel()
	message := strings.ReplaceAll("Content-Type: multipart/appledouble; boundary=b||--b|Content-Type: application/applefile; name=Report||fork|--b|Content-Type: application/pdf||pdf|--b--|", "|", "\n")
	all, _, err := capture(strings.NewReader(message), Limits{}, false)
	if err != nil || len(all) != 1 || all[0].Name != "Report" || all[0].content.String() != "pdf" {
		t.Errorf("%d attachments, %v", len(all), err)
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
		if got := Match(test.pattern, test.s); got != test.want {
			t.Errorf("Match(%q, %.20q) = %v", test.pattern, test.s, got)
		}
	}
}

// TestMisplacedLineEnds: what senders do who are not sure of line ends.
func TestMisplacedLineEnds(t *testing.T) {
	t.Parallel()
	boundary := strings.Repeat("x", longestBoundary)
	for name, test := range map[string]struct{ message, want string }{
		"a blank line in the header":                 {"Subject: x||MIME-Version: 1.0|Content-Type: multipart/mixed; boundary=b||--b|" + part("a", "one") + "--b--|", "1 a one"},
		"a blank line before the Content-Type":       {"Subject: x|MIME-Version: 1.0||Content-Type: multipart/mixed; boundary=b||--b|" + part("a", "one") + "--b--|", "1 a one"},
		"a blank line in a part's header":            {mixed + "--b|Content-Type: a/b|Content-Transfer-Encoding: base64||Content-Disposition: attachment; filename=a||b25l|--b--|", "1 a one"},
		"a blank line before the encoding":           {mixed + "--b|Content-Type: a/b; name=a||Content-Transfer-Encoding: base64|Content-Disposition: attachment; filename=a||b25l|--b--|", "1 a one"},
		"a message that begins with its type":        {mixed + "--b|Content-Type: message/rfc822; name=m.eml||Content-Type: a/b; name=x||in|--b--|", "1 m.eml Content-Type: a/b; name=x||in, 1.1 x in"},
		"a file that begins with a field it has":     {mixed + "--b|Content-Type: a/b; name=a||Content-Type: text|--b--|", "1 a Content-Type: text"},
		"a file that begins with a version":          {mixed + "--b|Content-Type: a/b; name=a||MIME-Version: 1.0|--b--|", "1 a MIME-Version: 1.0"},
		"a file that begins with a blank line":       {mixed + "--b|Content-Type: a/b; name=a|||one|--b--|", "1 a |one"},
		"no Content-Type at all":                     {"Subject: x|MIME-Version: 1.0||--abc|" + part("a", "one") + "--abc--|", "1 a one"},
		"dashes that are text":                       {"Subject: x||--abc|begin 644 a|#;VYE|`|end|", "1.1 a one"},
		"a message of a line of dashes":              {"Subject: x||--abc", ""},
		"the boundary behind base64":                 {mixed + "--b|Content-Type: a/b; name=a|Content-Transfer-Encoding: base64||b25lcw==--b--|", "1 a ones"},
		"url-safe base64 behind padding":             {mixed + "--b|Content-Type: a/b; name=a|Content-Transfer-Encoding: base64||b25lcw==-_-_|--b--|", "1 a ones\xfb\xff\xbf"},
		"as long a boundary as can be":               {"Content-Type: multipart/mixed; boundary=" + boundary + "||--" + boundary + "|" + part("a", "one") + "--" + boundary + "--|", "1 a one"},
		"a long line of junk before the header":      {strings.Repeat("x", 100_000) + "|" + mixed + "--b|" + part("a", "one") + "--b--|", "1 a one"},
		"a message as a stream of bytes":             {"Content-Type: application/octet-stream; name=m.eml||Content-Type: a/b; name=x||in", "1 m.eml Content-Type: a/b; name=x||in, 1.1 x in"},
		"one boundary of several is indented":        {"Content-Type: multipart/mixed; boundary=outer_=_00||--outer_=_00|" + part("a", "one") + " --outer_=_00|" + part("b", "two") + "--outer_=_00--|", "1 a one, 2 b two"},
		"a field that is indented":                   {"Content-Type: a/b;| name=a| Content-Transfer-Encoding: base64||b25l|", "1 a one"},
		"a blank line early in the header":           {"From: a@b||X-Mailer: y|Subject: x|MIME-Version: 1.0|Content-Type: multipart/mixed; boundary=b||--b|" + part("a", "one") + "--b--|", "1 a one"},
		"a message that is not base64":               {mixed + "--b|Content-Type: message/rfc822; name=m.eml|Content-Transfer-Encoding: base64||Subject: x|Content-Type: a/b; name=x||in|--b--|", "1 m.eml Subject: x|Content-Type: a/b; name=x||in, 1.1 x in"},
		"half a type":                                {"Content-Type: application||%PDF-1.4", "1 attachment.pdf %PDF-1.4"},
		"a header in CRLF and a body in CR":          {"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.ReplaceAll("text|--b|"+part("a", "one")+"--b|"+part("b", "two")+"--b--|", "|", "\r"), "1 a one, 2 b two"},
		"a header in LF and a long body without any": {"Subject: x|Content-Type: multipart/mixed; boundary=b||" + strings.Repeat("x", 40_000), ""},
	} {
		for _, eol := range []string{"\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s %q", name, eol), func(t *testing.T) {
				t.Parallel()
				message := strings.ReplaceAll(test.message, "|", eol)
				for _, r := range []io.Reader{strings.NewReader(message), iotest.OneByteReader(strings.NewReader(message)), iotest.HalfReader(strings.NewReader(message))} {
					all, _, err := capture(r, Limits{}, false)
					if err != nil {
						t.Fatal(err)
					}
					var got []string
					for _, c := range all {
						got = append(got, fmt.Sprintf("%s %s %s", c.Part, c.Name, &c.content))
					}
					if s, want := strings.Join(got, ", "), strings.ReplaceAll(test.want, "|", eol); s != want {
						t.Errorf("got %q, want %q", s, want)
					}
				}
			})
		}
	}
	long := "Content-Type: multipart/mixed; boundary=" + boundary + "x\n\n--" + boundary + "x\n"
	if _, _, err := capture(strings.NewReader(long), Limits{}, false); err == nil {
		t.Error("a boundary too long to be compared is no error")
	}
}

// TestBase64InText: notices that gateways put before and behind base64 are no data.
func TestBase64InText(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789ab", 40) // whole quanta, so that no padding ends it
	for name, test := range map[string]struct{ body, want string }{
		"text before":                   {"This is base64:|%s", content},
		"several lines before":          {"Dear friends,||here it is, as promised:|%s", content},
		"a footer behind a blank line":  {"%s|This mail was scanned by antivirus|", content},
		"a footer without a blank line": {"%sThis mail was scanned|", content},
		"quoted":                        {"> MDEy|> MzQ1|>> Njc4|", "012345678"},
		"blank lines between":           {"MDEy||MzQ1||", "012345"},
		"lines that grow":               {"MDEy|MzQ1Njc4|OWFi|", "0123456789ab"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encoded := base64.StdEncoding.EncodeToString([]byte(content))
			var lines strings.Builder
			for encoded != "" {
				n := min(76, len(encoded))
				lines.WriteString(encoded[:n] + "|")
				encoded = encoded[n:]
			}
			message := strings.ReplaceAll("Content-Type: a/b; name=a|Content-Transfer-Encoding: base64||"+strings.Replace(test.body, "%s", lines.String(), 1), "|", "\r\n")
			for _, r := range []io.Reader{strings.NewReader(message), iotest.OneByteReader(strings.NewReader(message))} {
				all, _, err := capture(r, Limits{}, false)
				if err != nil || len(all) != 1 || all[0].content.String() != test.want {
					t.Errorf("%d files, %q, %v", len(all), &all[0].content, err)
				}
			}
		})
	}
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

// TestEncodedText: yEnc and BinHex where senders say so in the header.
func TestEncodedText(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789 abc\x00\xff", 300)
	yenc := func(s string) string { return strings.ReplaceAll(yencoded("a.bin", s), "|", "\r\n") }
	oneLine := yenc(content)
	head, rest, _ := strings.Cut(oneLine, "\r\n")
	data, tail, _ := strings.Cut(rest, "\r\n=yend")
	oneLine = head + "\r\n" + strings.ReplaceAll(data, "\r\n", "") + "\r\n=yend" + tail
	hqx := strings.ReplaceAll(binHexed("M\x8arz.bin", content, ""), "|", "\r\n")
	_, bare, _ := strings.Cut(hqx, "\r\n")
	for name, test := range map[string]struct{ header, body, want string }{
		"yEnc as an encoding":            {"Content-Type: a/b; name=x\r\nContent-Transfer-Encoding: x-yenc", yenc(content), "1.1 a.bin"},
		"yEnc as a type":                 {"Content-Type: application/x-yencoded; name=x", yenc(content), "1.1 a.bin"},
		"yEnc on a single line":          {"Subject: x", oneLine, "1.1 a.bin"},
		"BinHex as an encoding":          {"Content-Type: a/b; name=x\r\nContent-Transfer-Encoding: mac-binhex40", hqx, "1.1 März.bin"},
		"BinHex without its first line":  {"Content-Type: application/mac-binhex40; name=x", strings.TrimLeft(bare, "\r\n"), "1.1 März.bin"},
		"BinHex that is none":            {"Content-Type: application/mac-binhex40; name=x", content, "1 x"},
		"a sentence about =ybegin":       {"Subject: x", "=ybegin is how it begins\r\n", ""},
		"a text that is said to be yEnc": {"Content-Type: a/b; name=x\r\nContent-Transfer-Encoding: yenc", content, "1 x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := test.header + "\r\n\r\n" + test.body
			for _, r := range []io.Reader{strings.NewReader(message), iotest.OneByteReader(strings.NewReader(message)), iotest.HalfReader(strings.NewReader(message))} {
				all, _, err := capture(r, Limits{}, false)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, c := range all {
					got = append(got, c.Part+" "+c.Name)
					if c.content.String() != content {
						t.Errorf("%s: %d bytes that differ", c.Name, c.content.Len())
					}
				}
				if s := strings.Join(got, ", "); s != test.want {
					t.Errorf("got %q, want %q", s, test.want)
				}
			}
		})
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
