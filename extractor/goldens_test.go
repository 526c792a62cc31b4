package extractor

import (
	"encoding/base64"
	"strings"
)

func goldenGroups() []goldenGroup {
	return []goldenGroup{
		{"structure", structureGoldens()},
		{"selection", selectionGoldens()},
		{"content", contentGoldens()},
		{"uuencode, yEnc, BinHex", embeddedGoldens()},
		{"containers", containerGoldens()},
		{"name", nameGoldens()},
		{"files that look like text", fileGoldens()},
		{"fields in disarray", fieldGoldens()},
		{"names as reported", reportedNameGoldens()},
	}
}

// rest makes contents as long as those of real files, and as awkward: some tools
// take a line or two of base64 for text, or convert line ends.
var rest = strings.Repeat("\x00\xff\r\n\n and so on", 30)

// folded is content in base64, as mailers fold it.
func folded(content string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	var b strings.Builder
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "|")
		encoded = encoded[76:]
	}
	return b.String() + encoded + "|"
}

// crlf makes the short form of the goldens a message with CRLF line ends.
func crlf(s string) string { return strings.ReplaceAll(s, "|", "\r\n") }

// fill makes a part with a file of content and rest.
func fill(name, content string) string {
	return "Content-Type: application/x-test; name=" + name + "|Content-Transfer-Encoding: base64||" + folded(content+rest)
}

// part makes a part with a file, for messages whose matter is elsewhere.
func part(name, content string) string {
	return "Content-Type: application/x-test; name=" + name + "|Content-Transfer-Encoding: base64||" + base64.StdEncoding.EncodeToString([]byte(content)) + "|"
}

const (
	mixed = "Content-Type: multipart/mixed; boundary=b||"
	attTo = "Content-Disposition: attachment; filename="
)

// named is a message with one file whose fields are the matter.
func named(fields string) string {
	return "Subject: x|" + fields + "|Content-Transfer-Encoding: base64||" + folded("hallo"+rest)
}

func structureGoldens() []golden {
	a, b := "1 a application/x-test one"+rest, "2 b application/x-test two"+rest
	both, long := "--b|"+fill("a", "one")+"--b|"+fill("b", "two")+"--b--|", strings.Repeat("x", 5000)
	return []golden{
		{"two parts", mixed + "--b|" + fill("a", "one") + "--b|" + fill("b", "two") + "--b--|", []string{a, b}},
		{"preamble and epilogue", mixed + "pre|amble|--b|" + fill("a", "one") + "--b--|epi|logue|", []string{a}},
		{"blanks behind the boundary", mixed + "--b \t|" + fill("a", "one") + "--b-- |", []string{a}},
		{"no closing boundary", mixed + "--b|" + fill("a", "one") + "--b|" + fill("b", "two"), []string{a, b}},
		{"cut within the header of a part", mixed + "--b|" + fill("a", "one") + "--b|Content-Type: text/pl", []string{a}},
		{
			"an unclosed multipart within another", mixed + "--b|Content-Type: multipart/mixed; boundary=c||--c|" + fill("x", "in") + "--b|" + fill("b", "two") + "--b--|",
			[]string{"1.1 x application/x-test in" + rest, b},
		},
		{"the first part ends the preamble that has no line end", mixed[:len(mixed)-1] + "|--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"boundary indented", mixed + " --b|" + fill("a", "one") + " --b|" + fill("b", "two") + " --b--|", []string{a, b}},
		{"boundary missing", "Content-Type: multipart/mixed||--zz|" + fill("a", "one") + "--zz|" + fill("b", "two") + "--zz--|", []string{a, b}},
		{"boundary empty", "Content-Type: multipart/mixed; boundary=\"\"||--zz|" + fill("a", "one") + "--zz--|", []string{a}},
		{"boundary unquoted with equals signs", "Content-Type: multipart/mixed; boundary=----=_Part_1||------=_Part_1|" + fill("a", "one") + "------=_Part_1--|", []string{a}},
		{"boundary unquoted with specials", "Content-Type: multipart/mixed; boundary=a/b:c?d||--a/b:c?d|" + fill("a", "one") + "--a/b:c?d--|", []string{a}},
		{"boundary with blanks around the equals sign", "Content-Type: multipart/mixed; boundary = \"b\"||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"double semicolon", "Content-Type: multipart/mixed;; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"parameter without a value", "Content-Type: multipart/mixed; foo; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"missing semicolon", "Content-Type: multipart/mixed boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"comment", "Content-Type: multipart/mixed (really); boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a parameter twice", "Content-Type: multipart/mixed; charset=a; charset=b; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"capitals", "CONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"the parameter's line is not indented", "Content-Type: multipart/mixed;|boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"boundary of 3,000 characters", "Content-Type: multipart/mixed; boundary=" + strings.Repeat("x", 3000) + "||--" + strings.Repeat("x", 3000) + "|" + fill("a", "one") + "--" + strings.Repeat("x", 3000) + "--|", []string{a}},
		{"a child's boundary is the parent's with a dash", mixed + "--b|Content-Type: multipart/mixed; boundary=b-1||--b-1|" + fill("x", "in") + "--b-1--|--b|" + fill("b", "two") + "--b--|", []string{"1.1 x application/x-test in" + rest, b}},
		{"a child's boundary is the parent's with a digit", mixed + "--b|Content-Type: multipart/mixed; boundary=b1||--b1|" + fill("x", "in") + "--b1--|--b|" + fill("b", "two") + "--b--|", []string{"1.1 x application/x-test in" + rest, b}},
		{"a child uses the parent's boundary", mixed + "--b|Content-Type: multipart/alternative; boundary=b||--b|" + fill("x", "in") + "--b--|--b|" + fill("b", "two") + "--b--|", []string{"1.1 x application/x-test in" + rest, b}},
		{"junk behind the boundaries", mixed + "--b junk|" + fill("a", "one") + "--b--junk|", []string{a}},
		{"two Content-Types", "Content-Type: text/plain|Content-Type: multipart/mixed; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a line without a colon in a part's header", mixed + "--b|no field here|" + fill("a", "one") + "--b|" + fill("b", "two") + "--b--|", []string{a, b}},
		{"a line without a colon in the top header", "Subject: x|no field here|" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a leading blank in a part's header", mixed + "--b| " + fill("a", "one") + "--b--|", []string{a}},
		{"a key with 8-bit characters", mixed + "--b|X-\xfc: y|" + fill("a", "one") + "--b--|", []string{a}},
		{"blank lines before the header", "||" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a postmark before the header", "From hans Mon Nov 23 05:00:00 2026|" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a quoted postmark", ">From hans Mon Nov 23 05:00:00 2026|" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a byte order mark", "\xef\xbb\xbf" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"no blank line before base64", mixed + "--b|Content-Type: application/x-test; name=a|Content-Transfer-Encoding: base64|" + folded("one"+rest) + "--b--|", []string{a}},
		{"a blank before the colon", "Content-Type : multipart/mixed; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a part that is empty", mixed + "--b|--b|" + fill("b", "two") + "--b--|", []string{b}},
		{"a part without a header", mixed + "--b||just text|--b|" + fill("b", "two") + "--b--|", []string{b}},
		{"parts behind the closing boundary", mixed + "--b|" + fill("a", "one") + "--b--|--b|" + fill("b", "two") + "--b--|", []string{a, b}},
		{"a message that is one file", "Content-Type: application/x-test; name=a||one", []string{"1 a application/x-test one"}},
		{"LF before the boundaries of a CRLF message", crlf(mixed) + "--b\n" + crlf(fill("a", "one")) + "--b\n" + crlf(fill("b", "two")) + "--b--\n", []string{a, b}},
		{"LF before the first boundary, CRLF before the others", crlf(mixed) + "--b\n" + lf(fill("a", "one")) + "--b\r\n" + crlf(fill("b", "two")) + "--b--\r\n", []string{a, b}},
		{"CR for every line end", strings.ReplaceAll(mixed+both, "|", "\r"), []string{a, b}},
		{"LF for every line end", lf(mixed + both), []string{a, b}},
		{"CRLF for every line end", crlf(mixed + both), []string{a, b}},
		{"cut within base64", mixed + "--b|" + fill("a", "one") + "--b|Content-Type: application/x-test; name=b|Content-Transfer-Encoding: base64||" + strings.TrimSuffix(folded(rest+rest), "|")[:818], []string{a, "2 b application/x-test " + (rest + rest)[:606]}},
		{"capitals and a parameter without a value", "CONTENT-TYPE: MULTIPART/MIXED; FOO; BOUNDARY=\"b\"||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"boundary of unusual characters", strings.ReplaceAll("Content-Type: multipart/mixed; boundary=\"@\"||--@|"+fill("a", "one")+"--@--|", "@", "=_'()+,-./:=?"), []string{a}},
		{"a parameter twice with one value", "Content-Type: multipart/mixed; boundary=b; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a boundary twice, the first one right", "Content-Type: multipart/mixed; boundary=b; boundary=c||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a line of 6,000 characters in the preamble", mixed + strings.Repeat("preamble ", 700) + "|" + both, []string{a, b}},
		{"boundary of 5,000 characters", strings.NewReplacer("=b||", "="+long+"||", "--b", "--"+long).Replace(mixed + "--b|" + fill("a", "one") + "--b--|"), []string{a}},
		{"an attached message that uses the outer boundary", mixed + "--b|Content-Type: message/rfc822; name=m.eml||" + mixed + "--b|" + fill("x", "in") + "--b--||--b|" + fill("b", "two") + "--b--|", []string{"1 m.eml message/rfc822 " + mixed + "--b|" + fill("x", "in") + "--b--|", "1.1 x application/x-test in" + rest, b}},
		{"two Content-Types, the multipart first", "Content-Type: multipart/mixed; boundary=b|Content-Type: text/plain||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a blank in a key", mixed + "--b|X Y: z|" + fill("a", "one") + "--b|" + fill("b", "two") + "--b--|", []string{a, b}},
		{"a name that is not indented", mixed + "--b|Content-Type: application/x-test;|name=a|Content-Transfer-Encoding: base64||" + folded("one"+rest) + "--b|" + fill("b", "two") + "--b--|", []string{a, b}},
		{"no blank line before 7bit text", mixed + "--b|Content-Type: application/x-test; name=a|This is text that stands right behind a header.|--b--|", []string{"1 a application/x-test This is text that stands right behind a header."}},
		{"8-bit characters in a key of the top header", "X-\xfc: y|" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a blank in a key of the top header", "X Y: z|" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a leading blank in the top header", " X: y|" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a header of more than 1 MiB", strings.Repeat("X-Long: "+strings.Repeat("x", 900)+"|", 1200) + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a multipart in base64", "Content-Type: multipart/mixed; boundary=b|Content-Transfer-Encoding: base64||" + folded(lf(both)), []string{a, b}},
		{"a multipart that says base64 and is not", "Content-Type: multipart/mixed; boundary=b|Content-Transfer-Encoding: base64||" + both, []string{a, b}},
		{"another boundary than announced", "Content-Type: multipart/mixed; boundary=other||" + both, []string{a, b}},
		{"four multiparts deep", mixed + "--b|Content-Type: multipart/mixed; boundary=c||--c|Content-Type: multipart/mixed; boundary=d||--d|Content-Type: multipart/mixed; boundary=e||--e|" + fill("x", "in") + "--e--|--d--|--c--|--b|" + fill("b", "two") + "--b--|", []string{"1.1.1.1 x application/x-test in" + rest, b}},
		{"a file beside the texts", "Content-Type: multipart/mixed; boundary=b||--b|Content-Type: multipart/alternative; boundary=c||--c||text|--c|Content-Type: text/html||<p>|--c--|--b|" + fill("b", "two") + "--b--|", []string{b}},
		{"a picture between the texts", "Content-Type: multipart/alternative; boundary=b||--b||text|--b|Content-Type: multipart/related; boundary=c||--c|Content-Type: text/html||<p>|--c|" + fill("x", "in") + "--c--|--b--|", []string{"2.2 x application/x-test in" + rest}},
		{"two files of one name", mixed + "--b|" + fill("a", "one") + "--b|" + fill("a", "two") + "--b--|", []string{a, "2 a application/x-test two" + rest}},
		{"signed", "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=b||--b|" + fill("a", "one") + "--b|Content-Type: application/pkcs7-signature; name=smime.p7s|Content-Transfer-Encoding: base64||" + folded(rest) + "--b--|", []string{a, "2 smime.p7s application/pkcs7-signature " + rest}},
		{"an empty file", mixed + "--b|Content-Type: application/x-test; name=a|Content-Transfer-Encoding: base64|||--b|" + fill("b", "two") + "--b--|", []string{"1 a application/x-test ", b}},
		{"boundary in pieces", "Content-Type: multipart/mixed; boundary*0=\"bound\"; boundary*1=\"ary\"||--boundary|" + fill("a", "one") + "--boundary--|", []string{a}},
		{"boundary with a charset", "Content-Type: multipart/mixed; boundary*=us-ascii''b%2Fc||--b/c|" + fill("a", "one") + "--b/c--|", []string{a}},
		{"boundary with blanks", "Content-Type: multipart/mixed; boundary=\"a b\"||--a b|" + fill("a", "one") + "--a b--|", []string{a}},
		{"boundary in single quotes", "Content-Type: multipart/mixed; boundary='b'||--'b'|" + fill("a", "one") + "--'b'--|", []string{a}},
		{"boundary in single quotes that are not meant", "Content-Type: multipart/mixed; boundary='b'||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"boundary that begins with dashes", "Content-Type: multipart/mixed; boundary=\"--b\"||----b|" + fill("a", "one") + "----b--|", []string{a}},
		{"boundary lines with a dash too few", "Content-Type: multipart/mixed; boundary=\"--b\"||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"boundary in another case", "Content-Type: multipart/mixed; boundary=ABC||--abc|" + fill("a", "one") + "--abc--|", []string{a}},
		{"a multipart in quoted-printable", "Content-Type: multipart/mixed; boundary=\"=b\"|Content-Transfer-Encoding: quoted-printable||" + strings.ReplaceAll("--=b|"+fill("a", "one")+"--=b|"+fill("b", "two")+"--=b--|", "=", "=3D"), []string{a, b}},
		{"a closed multipart in an unclosed message", mixed + "--b|Content-Type: message/rfc822; name=m.eml||Content-Type: multipart/mixed; boundary=c||--c|" + fill("x", "in") + "|--b|" + fill("b", "two") + "--b--|", []string{"1 m.eml message/rfc822 Content-Type: multipart/mixed; boundary=c||--c|" + fill("x", "in"), "1.1 x application/x-test in" + rest, b}},
		{"no MIME-Version", mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"MIME-Version 1.0 with a comment", "MIME-Version: (produced by x) 1.0|" + mixed + "--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a file whose lines look like headers", mixed + "--b|Content-Type: a/b; name=a||X: y|Content-Type: multipart/mixed; boundary=c||--c|--b--|", []string{"1 a a/b X: y|Content-Type: multipart/mixed; boundary=c||--c"}},
		{"a file that begins and ends with line ends", mixed + "--b|Content-Type: a/b; name=a|||one||--b--|", []string{"1 a a/b |one|"}},
		{"a comment within the type", "Content-Type: multipart/(a comment)mixed; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"blanks within the type", "Content-Type: multipart / mixed ; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"a multipart of an unknown kind", "Content-Type: multipart/x-none; boundary=b||--b|" + fill("a", "one") + "--b--|", []string{a}},
		{"text that says it is a multipart, without boundaries", "Content-Type: multipart/mixed; boundary=b||just text|", nil},
		{"the own text is no attachment", "Subject: x||text", nil},
		{"no header at all", "just some text|and more|", nil},
		{"an empty message", "", nil},
	}
}

func contentGoldens() []golden {
	encoded := func(name, encoding, body, want string) golden {
		return golden{name, "Content-Type: a/b; name=t|Content-Transfer-Encoding: " + encoding + "||" + body, []string{"1 t a/b " + want}}
	}
	// spoilt has what is put into its second line and before the last.
	spoilt := func(s string) string {
		lines := strings.SplitAfter(folded("hallo"+rest), "|")
		lines[1] = lines[1][:10] + s + lines[1][10:]
		lines[5] = s + lines[5]
		return strings.Join(lines, "")
	}
	whole := "hallo" + rest
	plain := folded(whole)
	unpadded := strings.TrimRight(folded(whole+"xx"), "=|") // ends within four characters
	long := strings.Repeat("x", 9000)
	return []golden{
		{"text keeps its bytes", "Content-Type: text/plain; charset=utf-16; name=t||\xff\xfeA\x00", []string{"1 t text/plain \xff\xfeA\x00"}},
		{"UTF-16 in base64 stays UTF-16", "Content-Type: text/csv; charset=utf-16; name=t|Content-Transfer-Encoding: base64||" + folded("\xff\xfe"+strings.Repeat("A\x00\n\x00", 100)), []string{"1 t text/csv \xff\xfe" + strings.Repeat("A\x00\n\x00", 100)}},
		{"Latin-1 in quoted-printable stays Latin-1", "Content-Type: text/csv; charset=iso-8859-1; name=t|Content-Transfer-Encoding: quoted-printable||f=FCr", []string{"1 t text/csv f\xfcr"}},
		{"Latin-1 in base64 stays Latin-1", "Content-Type: text/csv; charset=iso-8859-1; name=t|Content-Transfer-Encoding: base64||" + folded(strings.Repeat("f\xfcr;mich\r\n", 50)), []string{"1 t text/csv " + strings.Repeat("f\xfcr;mich\r\n", 50)}},
		{"an unknown charset", "Content-Type: text/csv; charset=x-none; name=t|Content-Transfer-Encoding: base64||" + folded(strings.Repeat("f\xfcr;mich\r\n", 50)), []string{"1 t text/csv " + strings.Repeat("f\xfcr;mich\r\n", 50)}},
		encoded("8bit", "8bit", "h\xc3\xa4|h\xe4|", "h\xc3\xa4|h\xe4|"),
		encoded("binary", "binary", "a\x00b\xff", "a\x00b\xff"),
		encoded("bytes that end in CR", "7bit", "abc\r", "abc\r"),

		encoded("soft line breaks, blanks behind them, lower case", "Quoted-Printable", "ab=  |cd=c3=9f|", "abcd\u00df|"),
		encoded("soft line breaks", "quoted-printable", strings.Repeat("0123456789=3D=|", 50), strings.Repeat("0123456789=", 50)),
		encoded("lower case in quoted-printable", "quoted-printable", "a=c3=9fb", "a\u00dfb"),
		encoded("blanks behind a soft line break", "quoted-printable", "ab= \t|cd", "abcd"),
		encoded("bad escapes stay", "quoted-printable", "a=ZZ=b=|c", "a=ZZ=bc"),
		encoded("raw 8-bit bytes in quoted-printable", "quoted-printable", "f\xfcr=3D", "f\xfcr="),
		encoded("control bytes in quoted-printable", "quoted-printable", "a\x01b=3Dc", "a\x01b=c"),
		encoded("NUL in quoted-printable", "quoted-printable", "a\x00b=3Dc", "a\x00b=c"),
		encoded("blanks before a line end go", "quoted-printable", "a \t|b=20|", "a|b |"),
		encoded("9,000 characters on a line of quoted-printable", "quoted-printable", long+"=3D", long+"="),

		encoded("BASE64 in capitals", "BASE64", plain, whole),
		encoded("blanks behind the encoding", "base64  \t", plain, whole),
		encoded("base64 on one line", "base64", base64.StdEncoding.EncodeToString([]byte(long)), long),
		encoded("blanks within base64", "base64", spoilt(" \t "), whole),
		encoded("blank lines within base64", "base64", strings.Replace(plain, "|", "|||", 2), whole),
		encoded("an empty body in base64", "base64", "", ""),
		encoded("missing padding", "base64", unpadded, whole+"xx"),
		encoded("too much padding", "base64", unpadded+"======|", whole+"xx"),
		encoded("exclamation marks and asterisks in base64", "base64", spoilt("!*"), whole),
		encoded("8-bit bytes in base64", "base64", spoilt("\xff\xe4"), whole),
		encoded("NUL in base64", "base64", spoilt("\x00"), whole),
		encoded("form feed and vertical tab in base64", "base64", spoilt("\f\v"), whole),
		encoded("dots in base64", "base64", spoilt("."), whole),
		encoded("lines that an old mail server broke at 1,000 characters", "base64", spoilt("!| "), whole),
		encoded("two blocks of base64", "base64", folded(rest+"xx")+folded(rest), rest+"xx"+rest),
		encoded("every line of base64 padded", "base64", strings.Repeat(folded("a line and "), 40), strings.Repeat("a line and ", 40)),
		encoded("url-safe base64", "base64", strings.NewReplacer("+", "-", "/", "_").Replace(folded(strings.Repeat("\xff\xef\xfe\xfb", 90))), strings.Repeat("\xff\xef\xfe\xfb", 90)),
		encoded("a footer behind base64", "base64", folded(rest+"x")+"_______________________________________________|list mailing list|list@example.org|", rest+"x"),
		encoded("a footer behind base64 without padding", "base64", folded(strings.Repeat("hal", 100))+"____________________|list mailing list|list@example.org|", strings.Repeat("hal", 100)),
		encoded("an equals sign and four characters behind base64", "base64", unpadded+"==|=AbCd|", whole+"xx"),

		encoded("an unknown encoding is left alone", "x-unknown", "aGFsbG8=", "aGFsbG8="),
		encoded("8-bit for an encoding", "8-bit", "f\xfcr", "f\xfcr"),
		encoded("utf-8 for an encoding", "utf-8", "für", "für"),
		encoded("encoding with a semicolon", "base64;", plain, whole),
		encoded("encoding in quotes", `"base64"`, plain, whole),
		encoded("encoding with a comment", "base64 (x)", plain, whole),
		encoded("encoding with another behind it", "base64, 8bit", plain, whole),
		encoded("encoding with a dash", "base-64", plain, whole),
		encoded("encoding abbreviated", "b64", plain, whole),
		encoded("encoding as an encoded word", "=?utf-8?q?base64?=", plain, whole),
		encoded("an encoding folded", "|  base64", plain, whole),
	}
}

func selectionGoldens() []golden {
	related := "Content-Type: multipart/related; boundary=b||--b|Content-Type: text/html||<img src=\"cid:x@y\">|--b|"
	in64 := "|Content-Transfer-Encoding: base64||"
	png, pdf, ics := "\x89PNG\r\n\x1a\n"+rest, "%PDF-1.4\n"+rest, "BEGIN:VCALENDAR\r\n"+strings.Repeat("X-LINE: of an invitation\r\n", 20)+"END:VCALENDAR\r\n"
	return []golden{
		{"a nameless picture of the text", related + "Content-Type: image/png|Content-ID: <x@y>" + in64 + folded(png) + "--b--|", nil},
		{"a picture of the text with a name", related + "Content-Type: image/png; name=p.png|Content-ID: <x@y>" + in64 + folded(png) + "--b--|", []string{"2 p.png image/png " + png}},
		{"a nameless document beside the text", related + "Content-Type: application/pdf" + in64 + folded(pdf) + "--b--|", []string{"2 ~attachment.pdf application/pdf " + pdf}},
		{"a nameless picture in a mixed message", mixed + "--b||text|--b|Content-Type: image/png" + in64 + folded(png) + "--b--|", []string{"2 ~attachment.png image/png " + png}},
		{"inline with a name", mixed + "--b|Content-Type: application/pdf|Content-Disposition: inline; filename=i.pdf" + in64 + folded(pdf) + "--b--|", []string{"1 i.pdf application/pdf " + pdf}},
		{"text marked as attachment", mixed + "--b|Content-Disposition: attachment||text|--b--|", []string{"1 ~attachment.txt text/plain text"}},
		{"an unknown disposition is an attachment", mixed + "--b|Content-Disposition: form-data||text|--b--|", []string{"1 ~attachment.txt text/plain text"}},
		{"an invitation", "Content-Type: multipart/alternative; boundary=b||--b||text|--b|Content-Type: text/calendar" + in64 + folded(ics) + "--b--|", []string{"2 ~calendar.ics text/calendar " + ics}},
		{"a nameless table", mixed + "--b||text|--b|Content-Type: text/csv||a;b|c;d|--b--|", []string{"2 ~attachment.csv text/csv a;b|c;d"}},
		{"a name alone", mixed + "--b||text|--b|Content-Type: text/plain; name=notes.txt||text|--b--|", []string{"2 notes.txt text/plain text"}},
		{"a type found out by its content", mixed + "--b|Content-Type: application/octet-stream" + in64 + folded(pdf) + "--b--|", []string{"1 ~attachment.pdf application/octet-stream " + pdf}},
	}
}

func nameGoldens() []golden {
	file := func(want, fields string) golden {
		return golden{fields, named(fields), []string{"1 " + want + " a/b hallo" + rest}}
	}
	ct := "Content-Type: a/b; "
	cd := "Content-Type: a/b|Content-Disposition: "
	return []golden{
		file("f.pdf", ct+"name=f.pdf"),
		file("f.pdf", cd+`attachment; filename="f.pdf"`),
		file("b.pdf", ct+"name=a.pdf|"+`Content-Disposition: attachment; filename="b.pdf"`),
		file("für.pdf", cd+`attachment; filename="für.pdf"`),
		file("für.pdf", cd+"attachment; filename=\"f\xfcr.pdf\""),
		file("für.pdf", cd+`attachment; filename="=?utf-8?Q?f=C3=BCr.pdf?="`),
		file("für.pdf", cd+`attachment; filename==?iso-8859-1?Q?f=FCr.pdf?=`),
		file("für dich.pdf", cd+`attachment; filename="=?utf-8?B?ZsO8ciA=?= =?utf-8?B?ZGljaC5wZGY=?="`),
		file("für.pdf", cd+`attachment; filename="=?utf-8?B?ZsM=?=| =?utf-8?B?vHIucGRm?="`),
		file("測試.txt", cd+`attachment; filename="=?big5?B?tPq41S50eHQ=?="`),
		file("für.pdf", cd+`attachment; filename*=utf-8''f%C3%BCr.pdf`),
		file("für.pdf", cd+`attachment; filename*=iso-8859-1'de'f%FCr.pdf`),
		file("привет.txt", cd+`attachment; filename*=windows-1251''%EF%F0%E8%E2%E5%F2.txt`),
		file("für.pdf", cd+`attachment; filename*=''f%C3%BCr.pdf`),
		file("für.pdf", cd+`attachment; filename*=f%C3%BCr.pdf`),
		file("für dich.pdf", cd+`attachment;| filename*0*=utf-8''f%C3%BCr%20;| filename*1*=dich.pdf`),
		file("für dich.pdf", cd+`attachment; filename*1*=dich.pdf; filename*0*=utf-8''f%C3%BCr%20`),
		file("für.pdf", cd+`attachment; filename*0*=utf-8''f%C3; filename*1*=%BCr.pdf`),
		file("für.pdf", cd+`attachment; filename*0*=utf-8''f%C3%B; filename*1*=Cr.pdf`),
		file("a b.pdf", cd+`attachment; filename*0="a b"; filename*1=".pdf"`),
		file("star.pdf", cd+`attachment; filename=plain.pdf; filename*=utf-8''star.pdf`),
		file("foo bar.pdf", ct+"name=foo bar.pdf"),
		file("a (1) [2].pdf", cd+"attachment; filename=a (1) [2].pdf"),
		file("in'side.pdf", cd+`attachment; filename="in'side.pdf"`),
		file("single.pdf", cd+`attachment; filename='single.pdf'`),
		file(`say _hi_.pdf`, cd+`attachment; filename="say \"hi\".pdf"`),
		file(`say _hi_.pdf`, cd+`attachment; filename="say "hi".pdf"`),
		file("open.pdf", cd+`attachment; filename="open.pdf`),
		file("open.pdf", cd+`attachment; filename="open.pdf; size=3`),
		file("f.pdf", cd+`attachment filename=f.pdf`),
		file("f.pdf", cd+`filename=f.pdf`),
		file("a;b.pdf", cd+`attachment; filename=a;b.pdf`),
		file("f.pdf", cd+`attachment; creation-date=Mon, 1 Jan 2026 00:00:00 +0000; filename=f.pdf`),
		file("first.pdf", cd+`attachment; filename=first.pdf; filename=second.pdf`),
		file("passwd", cd+`attachment; filename="../../etc/passwd"`),
		file("f.pdf", cd+`attachment; filename="C:\docs\f.pdf"`),
		file("ab.pdf", cd+"attachment; filename=\"a\x00b.pdf\""),
		file("_htaccess", cd+`attachment; filename=.htaccess`),
		file("_CON.txt", cd+`attachment; filename=CON.txt`),
		file("gepj.exe", cd+"attachment; filename=\"ge\u202epj.exe\""),
		file("é.txt", cd+"attachment; filename=\"e\u0301.txt\""),
		file("~attachment.bin", cd+`attachment; filename="..."`),
		file("für.pdf", cd+`attachment; filename="=?iso-8859-1?Q?f=FCr.pdf?="`),
		file("für.pdf", cd+`attachment; filename="=?ISO-8859-1?B?ZvxyLnBkZg==?="`),
		file("für.pdf", ct+`name="=?utf-8?Q?f=C3=BCr.pdf?="`),
		file("für.pdf", cd+`attachment; filename*=UTF-8'de'f%C3%BCr.pdf`),
		file("für.pdf", ct+`name*=utf-8''f%C3%BCr.pdf`),
		file("测试.txt", cd+`attachment; filename="=?gb2312?B?suLK1C50eHQ=?="`),
		file("テスト.txt", cd+`attachment; filename="=?iso-2022-jp?B?GyRCJUYlOSVIGyhCLnR4dA==?="`),
		file("テスト.txt", cd+"attachment; filename=\"\x1b$B%F%9%H\x1b(B.txt\""),
		file("für dich und mich.pdf", cd+`attachment; filename*0*=utf-8''f%C3%BCr%20dich; filename*1=" und "; filename*2*=mich.pdf`),
		file("für.pdf", cd+`attachment; filename*0*=iso-8859-1''f%FC; filename*1*=r.pdf`),
		file("한글.txt", cd+`attachment; filename*0*=euc-kr''%C7%D1; filename*1*=%B1%DB.txt`),
		file("ab.txt", cd+`attachment; filename*0=a; filename*2=b.txt`),
		file("long name of a file.pdf", cd+`attachment;| filename*0="long name";| filename*1=" of a file";| filename*2=".pdf"`),
		file("für.pdf", cd+`attachment; filename="fuer.pdf"; filename*=utf-8''f%C3%BCr.pdf`),
		file("f r.txt", cd+`attachment; filename="=?x-none?q?f_r.txt?="`),
		file("hallo", cd+`attachment; filename="=?utf-8?B?aGFsbG8?="`),
		file("foo bar.pdf", cd+`attachment; filename=foo bar.pdf`),
		file("für.pdf", cd+`attachment; filename=für.pdf`),
		file("f.pdf", cd+`"attachment"; filename=f.pdf`),
		file("f.pdf", cd+`attachment;filename = "f.pdf"`),
		file("f.pdf", cd+`attachment;; filename="f.pdf";`),
		file("f.pdf", cd+`ATTACHMENT; FILENAME="f.pdf"`),
		file("f.pdf", cd+`attachment;|	filename="f.pdf"`),
		file("f.pdf", cd+`attachment; size=3; filename="f.pdf"; modification-date="Wed, 12 Feb 1997 16:29:51 -0500"`),
		file("f.pdf", cd+`attachment; (a comment) filename="f.pdf"`),
		file("f.pdf", "Content-Type: a/b; name=f.pdf|Content-Disposition: attachment"),
		file("f.pdf", "Content-Type: a/b; name=\"f.pdf\"|Content-Disposition: inline"),
		file("a&b=c.pdf", cd+`attachment; filename="a&b=c.pdf"`),
		file("50% + 1.pdf", cd+`attachment; filename="50% + 1.pdf"`),
		file("two blanks.pdf", cd+`attachment; filename="two  blanks.pdf"`),
		file("日本語.pdf", cd+`attachment; filename="日本語.pdf"`),
		file("😀.pdf", cd+`attachment; filename*=utf-8''%F0%9F%98%80.pdf`),
		file("für.pdf", cd+`attachment; filename*0="=?utf-8?Q?f=C3="; filename*1="BCr.pdf?="`),
		file("für dich.pdf", cd+`attachment; filename="=?utf-8?Q?f=C3=BCr?= dich.pdf"`),
		file("fürdich.pdf", cd+`attachment; filename="=?utf-8?Q?f=C3=BCr?==?utf-8?Q?dich.pdf?="`),
		file("für dich.pdf", cd+`attachment; filename="=?utf-8?Q?f=C3=BCr dich.pdf?="`),
		file("für.pdf", cd+`attachment; filename="=?utf-8*de?Q?f=C3=BCr.pdf?="`),
		file("für.pdf", cd+`attachment; filename="=?utf-8?B?ZsO8ci5wZGY?="`),
		file("für.pdf", cd+`attachment; filename*=utf-8''=?utf-8?Q?f=C3=BCr.pdf?=`),
		file("für.pdf", cd+`attachment; filename*="utf-8''f%C3%BCr.pdf"`),
		file("привет.txt", cd+`attachment; filename="=?koi8-r?B?0NLJ18XULnR4dA==?="`),
		file("für €.pdf", cd+`attachment; filename="=?windows-1252?Q?f=FCr_=80.pdf?="`),
		file("テスト.txt", cd+`attachment; filename="=?shift_jis?B?g2WDWINnLnR4dA==?="`),
		file("f%C3%BCr.pdf", cd+`attachment; filename="f%C3%BCr.pdf"`),
		file("100%.pdf", cd+`attachment; filename*=utf-8''100%.pdf`),
		file("a b.pdf", cd+"attachment; filename=\"a\tb.pdf\""),
		file("a b.pdf", cd+"attachment; filename=\"a| b.pdf\""),
		file("a,b.pdf", cd+`attachment; filename=a,b.pdf`),
		file("a@b.pdf", cd+`attachment; filename=a@b.pdf`),
		file("f.tar.gz", cd+`attachment; filename=f.tar.gz`),
		file("no extension", cd+`attachment; filename="no extension"`),
		file("passwd", cd+`attachment; filename="/etc/passwd"`),
		file("f.pdf", cd+`attachment; filename="file:///C:/docs/f.pdf"`),
		file("f.pdf", "Content-Type: a/b|Content-Disposition: attachment|Content-Location: http://example.org/docs/f.pdf"),
		file(strings.Repeat("x", 251)+".pdf", cd+"attachment; filename="+strings.Repeat("x", 300)+".pdf"),
		file(strings.Repeat("ü", 125)+".pdf", cd+"attachment; filename="+strings.Repeat("ü", 300)+".pdf"),
	}
}
