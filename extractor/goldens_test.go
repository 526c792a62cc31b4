package extractor

import (
	"bytes"
	"encoding/base64"
	"strings"
)

func goldenGroups() []goldenGroup {
	return []goldenGroup{
		{"structure", structureGoldens()},
		{"selection", selectionGoldens()},
		{"content", contentGoldens()},
		{"name", nameGoldens()},
	}
}

// part makes a part with a file, for goldens whose matter is elsewhere.
func part(name, content string) string {
	return "Content-Type: application/x-test; name=" + name + "|Content-Transfer-Encoding: base64||" + base64.StdEncoding.EncodeToString([]byte(content)) + "|"
}

const (
	mixed = "Content-Type: multipart/mixed; boundary=b||"
	attTo = "Content-Disposition: attachment; filename="
)

// named is a message with one file whose fields are the matter.
func named(fields string) string {
	return "Subject: x|" + fields + "|Content-Transfer-Encoding: base64||aGFsbG8=|"
}

func structureGoldens() []golden {
	a, b := "1 a application/x-test one", "2 b application/x-test two"
	return []golden{
		{"two parts", mixed + "--b|" + part("a", "one") + "--b|" + part("b", "two") + "--b--|", []string{a, b}},
		{"preamble and epilogue", mixed + "pre|amble|--b|" + part("a", "one") + "--b--|epi|logue|", []string{a}},
		{"blanks behind the boundary", mixed + "--b \t|" + part("a", "one") + "--b-- |", []string{a}},
		{"no closing boundary", mixed + "--b|" + part("a", "one") + "--b|" + part("b", "two"), []string{a, b}},
		{"cut within the header of a part", mixed + "--b|" + part("a", "one") + "--b|Content-Type: text/pl", []string{a}},
		{
			"an unclosed multipart within another", mixed + "--b|Content-Type: multipart/mixed; boundary=c||--c|" + part("x", "in") + "--b|" + part("b", "two") + "--b--|",
			[]string{"1.1 x application/x-test in", b},
		},
		{"the first part ends the preamble that has no line end", mixed[:len(mixed)-1] + "|--b|" + part("a", "one") + "--b--|", []string{a}},
		{"boundary indented", mixed + " --b|" + part("a", "one") + " --b|" + part("b", "two") + " --b--|", []string{a, b}},
		{"boundary missing", "Content-Type: multipart/mixed||--zz|" + part("a", "one") + "--zz|" + part("b", "two") + "--zz--|", []string{a, b}},
		{"boundary empty", "Content-Type: multipart/mixed; boundary=\"\"||--zz|" + part("a", "one") + "--zz--|", []string{a}},
		{"boundary unquoted with equals signs", "Content-Type: multipart/mixed; boundary=----=_Part_1||------=_Part_1|" + part("a", "one") + "------=_Part_1--|", []string{a}},
		{"boundary unquoted with specials", "Content-Type: multipart/mixed; boundary=a/b:c?d||--a/b:c?d|" + part("a", "one") + "--a/b:c?d--|", []string{a}},
		{"boundary with blanks around the equals sign", "Content-Type: multipart/mixed; boundary = \"b\"||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"double semicolon", "Content-Type: multipart/mixed;; boundary=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"parameter without a value", "Content-Type: multipart/mixed; foo; boundary=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"missing semicolon", "Content-Type: multipart/mixed boundary=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"comment", "Content-Type: multipart/mixed (really); boundary=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"a parameter twice", "Content-Type: multipart/mixed; charset=a; charset=b; boundary=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"capitals", "CONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"the parameter's line is not indented", "Content-Type: multipart/mixed;|boundary=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"boundary of 3,000 characters", "Content-Type: multipart/mixed; boundary=" + strings.Repeat("x", 3000) + "||--" + strings.Repeat("x", 3000) + "|" + part("a", "one") + "--" + strings.Repeat("x", 3000) + "--|", []string{a}},
		{"a child's boundary is the parent's with a dash", mixed + "--b|Content-Type: multipart/mixed; boundary=b-1||--b-1|" + part("x", "in") + "--b-1--|--b|" + part("b", "two") + "--b--|", []string{"1.1 x application/x-test in", b}},
		{"a child's boundary is the parent's with a digit", mixed + "--b|Content-Type: multipart/mixed; boundary=b1||--b1|" + part("x", "in") + "--b1--|--b|" + part("b", "two") + "--b--|", []string{"1.1 x application/x-test in", b}},
		{"a child uses the parent's boundary", mixed + "--b|Content-Type: multipart/alternative; boundary=b||--b|" + part("x", "in") + "--b--|--b|" + part("b", "two") + "--b--|", []string{"1.1 x application/x-test in", b}},
		{"junk behind the boundaries", mixed + "--b junk|" + part("a", "one") + "--b--junk|", []string{a}},
		{"two Content-Types", "Content-Type: text/plain|Content-Type: multipart/mixed; boundary=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"a line without a colon in a part's header", mixed + "--b|no field here|" + part("a", "one") + "--b|" + part("b", "two") + "--b--|", []string{a, b}},
		{"a line without a colon in the top header", "Subject: x|no field here|" + mixed + "--b|" + part("a", "one") + "--b--|", []string{a}},
		{"a leading blank in a part's header", mixed + "--b| " + part("a", "one") + "--b--|", []string{a}},
		{"a key with 8-bit characters", mixed + "--b|X-\xfc: y|" + part("a", "one") + "--b--|", []string{a}},
		{"blank lines before the header", "||" + mixed + "--b|" + part("a", "one") + "--b--|", []string{a}},
		{"a postmark before the header", "From hans Mon Nov 23 05:00:00 2026|" + mixed + "--b|" + part("a", "one") + "--b--|", []string{a}},
		{"a quoted postmark", ">From hans Mon Nov 23 05:00:00 2026|" + mixed + "--b|" + part("a", "one") + "--b--|", []string{a}},
		{"a byte order mark", "\xef\xbb\xbf" + mixed + "--b|" + part("a", "one") + "--b--|", []string{a}},
		{"no blank line before base64", mixed + "--b|Content-Type: application/x-test; name=a|Content-Transfer-Encoding: base64|b25l|--b--|", []string{a}},
		{"a blank before the colon", "Content-Type : multipart/mixed; boundary=b||--b|" + part("a", "one") + "--b--|", []string{a}},
		{"a part that is empty", mixed + "--b|--b|" + part("b", "two") + "--b--|", []string{b}},
		{"a part without a header", mixed + "--b||just text|--b|" + part("b", "two") + "--b--|", []string{b}},
		{"parts behind the closing boundary", mixed + "--b|" + part("a", "one") + "--b--|--b|" + part("b", "two") + "--b--|", []string{a, b}},
		{
			"an attached message, entered and saved", mixed + "--b|Content-Type: message/rfc822||Subject: Inner|Content-Type: multipart/mixed; boundary=c||--c|" + part("x", "in") + "--c--||--b|" + part("b", "two") + "--b--|",
			[]string{"1 ~Inner.eml message/rfc822 Subject: Inner|Content-Type: multipart/mixed; boundary=c||--c|" + part("x", "in") + "--c--|", "1.1 x application/x-test in", b},
		},
		{
			"an attached message in base64", mixed + "--b|Content-Type: message/rfc822; name=m.eml|Content-Transfer-Encoding: base64||" + base64.StdEncoding.EncodeToString([]byte("Subject: I\n"+strings.ReplaceAll(part("x", "in"), "|", "\n"))) + "|--b--|",
			[]string{"1 m.eml message/rfc822 Subject: I\n" + strings.ReplaceAll(part("x", "in"), "|", "\n"), "1.1 x application/x-test in"},
		},
		{
			"digest: parts are messages by default", "Content-Type: multipart/digest; boundary=b||--b||Subject: I|Content-Type: application/x-test; name=x||in|--b--|",
			[]string{"1 ~I.eml message/rfc822 Subject: I|Content-Type: application/x-test; name=x||in", "1.1 x application/x-test in"},
		},
		{"a message that is one file", "Content-Type: application/x-test; name=a||one", []string{a}},
		{"the own text is no attachment", "Subject: x||text", nil},
		{"no header at all", "just some text|and more|", nil},
		{"an empty message", "", nil},
	}
}

func contentGoldens() []golden {
	return []golden{
		{"text keeps its bytes", "Content-Type: text/plain; charset=utf-16; name=t||\xff\xfeA\x00", []string{"1 t text/plain \xff\xfeA\x00"}},
		{"Latin-1 in quoted-printable stays Latin-1", "Content-Type: text/csv; charset=iso-8859-1; name=t|Content-Transfer-Encoding: quoted-printable||f=FCr", []string{"1 t text/csv f\xfcr"}},
		{"soft line breaks, blanks behind them, lower case", "Content-Type: a/b; name=t|Content-Transfer-Encoding: Quoted-Printable||ab=  |cd=c3=9f|", []string{"1 t a/b abcd\u00df|"}},
		{"bad escapes stay", "Content-Type: a/b; name=t|Content-Transfer-Encoding: quoted-printable||a=ZZ=b=|c", []string{"1 t a/b a=ZZ=bc"}},
		{"control bytes in quoted-printable", "Content-Type: a/b; name=t|Content-Transfer-Encoding: quoted-printable||a\x01\x00b\xffc", []string{"1 t a/b a\x01\x00b\xffc"}},
		{"blanks before a line end go", "Content-Type: a/b; name=t|Content-Transfer-Encoding: quoted-printable||a \t|b=20|", []string{"1 t a/b a|b |"}},
		{"illegal bytes in base64", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64||aG!F*s\x00b\xffG8=|", []string{"1 t a/b hallo"}},
		{"missing padding", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64||aGFsbG8|", []string{"1 t a/b hallo"}},
		{"too much padding", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64||aGFsbG8=====|", []string{"1 t a/b hallo"}},
		{"two blocks of base64", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64||aGFs|bG8=|d2Vs|dA==|", []string{"1 t a/b hallowelt"}},
		{"url-safe base64", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64||_-_-|", []string{"1 t a/b \xff\xef\xfe"}},
		{"a footer behind base64", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64||aGFsbG8=|_______________________________________________|list mailing list|list@example.org|", []string{"1 t a/b hallo"}},
		{"a footer behind base64 without padding", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64||aGFs|____________________|", []string{"1 t a/b hal"}},
		{"base64 on one line", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64||" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 9000)), []string{"1 t a/b " + strings.Repeat("x", 9000)}},
		{"blanks within base64", "Content-Type: a/b; name=t|Content-Transfer-Encoding: base64|| aG Fs |\tbG8=|", []string{"1 t a/b hallo"}},
		{"an unknown encoding is left alone", "Content-Type: a/b; name=t|Content-Transfer-Encoding: x-unknown||aGFsbG8=", []string{"1 t a/b aGFsbG8="}},
		{"encoding with a semicolon", named("Content-Type: a/b; name=t|Content-Transfer-Encoding: base64;"), []string{"1 t a/b hallo"}},
		{"encoding in quotes", named(`Content-Type: a/b; name=t|Content-Transfer-Encoding: "base64"`), []string{"1 t a/b hallo"}},
		{"encoding with a comment", named("Content-Type: a/b; name=t|Content-Transfer-Encoding: base64 (x)"), []string{"1 t a/b hallo"}},
		{"encoding with a dash", named("Content-Type: a/b; name=t|Content-Transfer-Encoding: base-64"), []string{"1 t a/b hallo"}},
		{"encoding abbreviated", named("Content-Type: a/b; name=t|Content-Transfer-Encoding: b64"), []string{"1 t a/b hallo"}},
		{"encoding as an encoded word", named("Content-Type: a/b; name=t|Content-Transfer-Encoding: =?utf-8?q?base64?="), []string{"1 t a/b hallo"}},
		{"bytes that end in CR", "Content-Type: a/b; name=t||abc\r", []string{"1 t a/b abc\r"}},
	}
}

func selectionGoldens() []golden {
	related := "Content-Type: multipart/related; boundary=b||--b|Content-Type: text/html||<p>|--b|"
	return []golden{
		{"a nameless picture of the text", related + "Content-Type: image/png|Content-ID: <x@y>||png|--b--|", nil},
		{"a picture of the text with a name", related + "Content-Type: image/png; name=p.png|Content-ID: <x@y>||png|--b--|", []string{"2 p.png image/png png"}},
		{"a nameless document beside the text", related + "Content-Type: application/pdf||pdf|--b--|", []string{"2 ~attachment.pdf application/pdf pdf"}},
		{"a nameless picture in a mixed message", mixed + "--b||text|--b|Content-Type: image/png||png|--b--|", []string{"2 ~attachment.png image/png png"}},
		{"inline with a name", mixed + "--b|Content-Type: application/pdf|Content-Disposition: inline; filename=i.pdf||pdf|--b--|", []string{"1 i.pdf application/pdf pdf"}},
		{"text marked as attachment", mixed + "--b|Content-Disposition: attachment||text|--b--|", []string{"1 ~attachment.txt text/plain text"}},
		{"an unknown disposition is an attachment", mixed + "--b|Content-Disposition: form-data||text|--b--|", []string{"1 ~attachment.txt text/plain text"}},
		{"an invitation", "Content-Type: multipart/alternative; boundary=b||--b||text|--b|Content-Type: text/calendar||BEGIN:VCALENDAR|--b--|", []string{"2 ~calendar.ics text/calendar BEGIN:VCALENDAR"}},
		{"a type found out by its content", mixed + "--b|Content-Type: application/octet-stream||%PDF-1.4 |--b--|", []string{"1 ~attachment.pdf application/octet-stream %PDF-1.4 "}},
	}
}

func nameGoldens() []golden {
	file := func(want, fields string) golden {
		return golden{fields, named(fields), []string{"1 " + want + " a/b hallo"}}
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
		file("~attachment.txt", cd+`attachment; filename="..."`),
		file(strings.Repeat("x", 251)+".pdf", cd+"attachment; filename="+strings.Repeat("x", 300)+".pdf"),
		file(strings.Repeat("ü", 125)+".pdf", cd+"attachment; filename="+strings.Repeat("ü", 300)+".pdf"),
	}
}
