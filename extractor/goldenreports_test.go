package extractor

import (
	"encoding/base64"
	"strings"
)

// The goldens of this file are after reports of people whose attachments went missing
// with other programs, and siblings of what they report.

func lines64(content string) string { return strings.TrimSuffix(folded(content), "|") }

var (
	someXML  = `<?xml version="1.0"?>` + "\r\n<Invoice><ID>RE-5</ID><Note>Zahlbar in 14 Tagen + 2 % Skonto</Note></Invoice>"
	someCSV  = "Nr;Datum;Betrag\r\n4711;2026-03-02;1.234,50\r\n4712;2026-03-03;99,00"
	somePDF  = "%PDF-1.4\n" + rest
	somePNG  = "\x89PNG\r\n\x1a\n" + rest
	someTIFF = "II*\x00" + rest
	someZIP  = "PK\x03\x04" + rest
	someICS  = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR"
)

// fileGoldens are parts that are files, though their types say text or picture of the
// text, or multipart.
func fileGoldens() []golden {
	in64 := "|Content-Transfer-Encoding: base64||"
	beside := mixed + "--b|Content-Type: text/plain||Guten Tag|--b|"
	relatedTo := func(first, rest string) string {
		return "Content-Type: multipart/related; boundary=b||--b|" + first + "|--b|" + rest + "--b--|"
	}
	cid := "Content-Type: image/png|Content-ID: <p@x>" + in64 + folded(somePNG)
	mht := "Content-Type: multipart/related; boundary=i; name=\"Rechnung 12.mht\"|Content-Disposition: attachment||--i|Content-Type: text/html||<img src=\"l\">|--i|Content-Type: image/png|Content-Location: l" + in64 + folded(somePNG) + "--i--|"
	fwd := "Content-Type: multipart/mixed; boundary=i|Content-Disposition: attachment; filename=Weiterleitung||--i||Text|--i|" + fill("in", "inside") + "--i--|"
	gz := "\x1f\x8b\x08" + rest
	return []golden{
		{"XML is the whole message", "Content-Type: text/xml||" + strings.ReplaceAll(someXML, "\r\n", "|"), []string{"1 ~attachment.xml text/xml " + strings.ReplaceAll(someXML, "\r\n", "|")}},
		{"XML beside the text", beside + "Content-Type: text/xml" + in64 + folded(someXML) + "--b--|", []string{"2 ~attachment.xml text/xml " + someXML}},
		{"RTF beside the text", beside + `Content-Type: text/rtf||{\rtf1 x}|--b--|`, []string{`2 ~attachment.rtf text/rtf {\rtf1 x}`}},
		{"a table is the whole message", "Content-Type: text/csv" + in64 + folded(someCSV), []string{"1 ~attachment.csv text/csv " + someCSV}},
		{"a table in an alternative", "Content-Type: multipart/alternative; boundary=b||--b||x|--b|Content-Type: text/csv||a;b|--b--|", []string{"2 ~attachment.csv text/csv a;b"}},
		{"a calendar in a related", relatedTo("Content-Type: text/html||<p>", "Content-Type: text/calendar"+in64+folded(someICS)), []string{"2 ~calendar.ics text/calendar " + someICS}},
		{"Markdown, a text of another kind", beside + "Content-Type: text/markdown||# x|--b--|", []string{"2 ~attachment.md text/markdown # x"}},
		{"the texts of a mail in all their forms", "Content-Type: multipart/alternative; boundary=b||--b|Content-Type: text/plain||a|--b|Content-Type: text/x-amp-html||b|--b|Content-Type: text/watch-html||c|--b|Content-Type: text/enriched||d|--b|Content-Type: text/html||e|--b--|", nil},
		{"a PDF that is said to be the text", beside + "Content-Type: text/plain" + in64 + folded(somePDF) + "--b--|", []string{"2 ~attachment.pdf text/plain " + somePDF}},
		{"an invitation that is said to be the text", "Content-Type: text/plain||" + strings.ReplaceAll(someICS, "\r\n", "|"), []string{"1 ~attachment.ics text/plain " + strings.ReplaceAll(someICS, "\r\n", "|")}},
		{"the header lines of a bounced message", mixed + "--b||x|--b|Content-Type: text/rfc822-headers||Subject: x|--b--|", []string{"2 ~attachment.txt text/rfc822-headers Subject: x"}},

		{"a fax: pictures in a related without HTML", relatedTo("Content-Type: image/tiff"+in64+folded(someTIFF), "Content-Type: image/tiff"+in64+folded(someTIFF+"2")), []string{"1 ~attachment.tif image/tiff " + someTIFF, "2 ~attachment.tif image/tiff " + someTIFF + "2"}},
		{"a picture beside a plain text in a related", relatedTo("Content-Type: text/plain||Fax", cid), []string{"2 ~attachment.png image/png " + somePNG}},
		{"a picture that the HTML does not show", relatedTo("Content-Type: text/html||<p>Scan</p>", cid), []string{"2 ~attachment.png image/png " + somePNG}},
		{"a picture that the HTML shows", relatedTo("Content-Type: text/html||<img src=cid:p%40x>", cid), nil},
		{"a picture that HTML in quoted-printable shows", relatedTo("Content-Type: text/html|Content-Transfer-Encoding: quoted-printable||<img src=3D\"ci=|d:p@x\">", cid), nil},
		{"a picture that HTML in an alternative shows", relatedTo("Content-Type: multipart/alternative; boundary=c||--c||x|--c|Content-Type: text/html||<td background='CID:p@x'>|--c--", cid), nil},
		{"a TIFF beside HTML", relatedTo("Content-Type: text/html||<img src=cid:p@x>", "Content-Type: image/tiff|Content-ID: <p@x>"+in64+folded(someTIFF)), []string{"2 ~attachment.tif image/tiff " + someTIFF}},
		{"a picture before any HTML", relatedTo("Content-Type: image/png"+in64+lines64(somePNG), "Content-Type: text/html||<p>|"), []string{"1 ~attachment.png image/png " + somePNG}},

		{"a web page in a multipart that is an attachment", beside + mht + "--b--|", []string{"2 Rechnung 12.mht multipart/related " + strings.TrimSuffix(mht, "|")}},
		{"a multipart that is an attachment, and a file in it", beside + fwd + "--b--|", []string{"2 Weiterleitung.eml multipart/mixed " + strings.TrimSuffix(fwd, "|"), "2.2 in application/x-test inside" + rest}},
		{"a multipart that is an attachment, unclosed", beside + strings.Replace(fwd, "--i--|", "", 1) + "--b--|", []string{"2 Weiterleitung.eml multipart/mixed " + strings.TrimSuffix(strings.Replace(fwd, "--i--|", "", 1), "|"), "2.2 in application/x-test inside" + rest}},
		{"a text by its type with a boundary", "Content-Type: text/plain; boundary=b||--b||Text|--b|" + fill("a", "one") + "--b--|", []string{"2 a application/x-test one" + rest}},
		{"a text with a boundary and nothing between", "Content-Type: text/plain; boundary=b||Text|", nil},
		{"a misspelt multipart", "Content-Type: mulitpart/mixed; boundary=b||--b||Text|--b|" + fill("a", "one") + "--b--|", []string{"1 ~attachment.txt mulitpart/mixed --b||Text|--b|" + fill("a", "one") + "--b--|", "1.2 a application/x-test one" + rest}},
		{"a multipart without a subtype", "Content-Type: multipart; boundary=b||--b||Text|--b|" + fill("a", "one") + "--b--|", []string{"2 a application/x-test one" + rest}},

		{"a message by its name", beside + "Content-Type: application/x-mail; name=m.EML" + in64 + folded("Subject: x\r\n"+strings.ReplaceAll(mixed, "|", "\r\n")+"--b\r\n"+strings.ReplaceAll(fill("in", "inside"), "|", "\r\n")+"--b--") + "--b--|", []string{
			"2 m.EML application/x-mail " + "Subject: x\r\n" + strings.ReplaceAll(mixed, "|", "\r\n") + "--b\r\n" + strings.ReplaceAll(fill("in", "inside"), "|", "\r\n") + "--b--", "2.1 in application/x-test inside" + rest,
		}},
		{"a message as text/rfc822", beside + "Content-Type: text/rfc822; name=m||" + fill("in", "inside") + "--b--|", []string{"2 m text/rfc822 " + strings.TrimSuffix(fill("in", "inside"), "|"), "2.1 in application/x-test inside" + rest}},
		{"a message by its name in quoted-printable", beside + "Content-Type: text/plain; name=m.eml|Content-Transfer-Encoding: quoted-printable||Subject: x|Content-Type: multipart/mixed; boundary=3Dc||--c|Content-Type: application/x-test; name=3Din||inside|--c--|--b--|", []string{
			"2 m.eml text/plain Subject: x|Content-Type: multipart/mixed; boundary=c||--c|Content-Type: application/x-test; name=in||inside|--c--", "2.1 in application/x-test inside",
		}},
		{"an archive that is said to be a multipart", beside + "Content-Type: multipart/x-zip; name=a.zip" + in64 + folded(someZIP) + "--b--|", []string{"2 a.zip multipart/x-zip " + someZIP}},
		{"a nameless archive that is said to be a multipart", beside + "Content-Type: multipart/x-gzip" + in64 + folded(gz) + "--b--|", []string{"2 ~attachment.gz multipart/x-gzip " + gz}},
		{"a text that is said to be a multipart", beside + "Content-Type: multipart/mixed; name=log.txt||a log|--b--|", []string{"2 log.txt multipart/mixed a log"}},
		{"a multipart whose Content-Type got lost, behind the usual words", "Subject: x||This is a multi-part message in MIME format.||--xyz|" + fill("a", "one") + "--xyz--|", []string{"1 a application/x-test one" + rest}},
		{"a text that quotes the source of a mail", "Subject: x||It came back:||--xyz|" + fill("a", "one") + "--xyz--|", nil},
		{"a name that ends like a message's on something else", beside + "Content-Type: application/octet-stream; name=m.eml" + in64 + folded(somePDF) + "--b--|", []string{"2 m.eml application/octet-stream " + somePDF}},
		{"a part without a type", beside + "Content-Transfer-Encoding: base64||" + folded(gz) + "--b--|", []string{"2 ~attachment.gz text/plain " + gz}},
		{"a part without any field", beside + "|" + folded(someZIP) + "--b--|", []string{"2 ~attachment.zip text/plain " + someZIP}},
	}
}

// fieldGoldens are headers in disarray.
func fieldGoldens() []golden {
	part := func(header, body string) string { return mixed + "--b|" + header + "||" + body + "--b--|" }
	pdf := func(name string) []string { return []string{"1 " + name + " application/pdf " + somePDF} }
	q := func(s string) string {
		return "=?utf-8?q?" + strings.NewReplacer(" ", "_", "=", "=3D", ";", "=3B", `"`, "=22").Replace(s) + "?="
	}
	b := func(s string) string { return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	coded := "|Content-Transfer-Encoding: base64"
	return []golden{
		{"a whole Content-Type in Q words", part("Content-Type: "+q(`application/pdf; name="Größe.pdf"`)+coded, folded(somePDF)), pdf("Größe.pdf")},
		{"whole fields in B words, folded", part("Content-Type: "+b(`application/pdf; na`)+"| "+b(`me="Größe.pdf"`)+"|Content-Disposition: "+b("attachment")+coded, folded(somePDF)), pdf("Größe.pdf")},
		{"a whole field of unknown-8bit", part("Content-Type: =?unknown-8bit?q?application/pdf=3B_name=3D=22Gr=F6=DFe=2Epdf=22?="+coded, folded(somePDF)), pdf("Größe.pdf")},
		{"one parameter as an encoded word", part("Content-Type: application/pdf; "+q(`name="Größe.pdf"`)+coded, folded(somePDF)), pdf("Größe.pdf")},
		{"the parameters of a disposition as encoded words", part("Content-Type: application/pdf|Content-Disposition: attachment; "+b(`filename=Größe.pdf`)+coded, folded(somePDF)), pdf("Größe.pdf")},
		{"the type alone as an encoded word", part("Content-Type: =?us-ascii?q?application/pdf?=; name=\"=?utf-8?q?a=3Bb.pdf?=\""+coded, folded(somePDF)), pdf("a;b.pdf")},
		{"a multipart's whole field as an encoded word", "Content-Type: " + q("multipart/mixed; boundary=b") + "||--b|" + fill("a", "one") + "--b--|", []string{"1 a application/x-test one" + rest}},

		{"ContentType", part("ContentType: application/pdf; name=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},
		{"Content_Type", part("Content_Type: application/pdf; name=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},
		{"Conent-Type and Content-Dispostion", part("Conent-Type: application/pdf|Content-Dispostion: attachment; filename=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},
		{"Content Type with a blank", part("Content Type: application/pdf; name=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},
		{"Content-Type without a colon", part("Content-Type application/pdf; name=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},
		{"Content-Tranfer-Encoding", part("Content-Type: application/pdf; name=a.pdf|Content-Tranfer-Encoding: base64", folded(somePDF)), pdf("a.pdf")},
		{"a misspelt field beside the right one", part("Contet-Type: text/plain|Content-Type: application/pdf; name=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},

		{"an unknown parameter at the margin", part("Content-Type: application/pdf;|x-unix-mode=0600;| name=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},
		{"parameters at the margin behind the encoding", part("Content-Type: application/pdf"+coded+"|name=\"a.pdf\"", folded(somePDF)), pdf("a.pdf")},
		{"parameters at the margin with a colon in them", part("Content-Type: application/pdf;|x-path=\"C:/a\";|name=\"a.pdf\""+coded, folded(somePDF)), pdf("a.pdf")},
		{"a parameter behind a blank line", part("Content-Type: application/pdf;||name=\"a.pdf\""+coded, folded(somePDF)), pdf("a.pdf")},
		{"two parameters behind a blank line, one folded", part("Content-Type: application/pdf;||x-a=b;| x-c=d;|name=\"a.pdf\""+coded, folded(somePDF)), pdf("a.pdf")},
		{"a parameter between two blank lines", part("Content-Disposition: inline"+coded+"|Content-Type: application/pdf;||name=\"a.pdf\"", folded(somePDF)), pdf("a.pdf")},
		{"junk lines before the encoding", part("Content-Type: application/pdf; name=a.pdf|and more|and more yet"+coded, folded(somePDF)), pdf("a.pdf")},
		{"a body that begins like a parameter", part("Content-Type: application/x-ini; name=a.ini", "key=value|other=value|"), []string{"1 a.ini application/x-ini key=value|other=value"}},
		{"a body that is one line like a parameter", part("Content-Type: application/x-ini; name=a.ini", "key=value|"), []string{"1 a.ini application/x-ini key=value"}},

		{"a file of key=value lines and fields", part("Content-Type: text/plain; name=a.txt", "status=200|Content-Type: application/json|Content-Length: 2||{}|"), []string{"1 a.txt text/plain status=200|Content-Type: application/json|Content-Length: 2||{}"}},
		{"a file that begins like the header of a part", part("Content-Type: application/octet-stream; name=a.txt|Content-Transfer-Encoding: 7bit", "lang=de|Content-Language: de||rest|"), []string{"1 a.txt application/octet-stream lang=de|Content-Language: de||rest"}},
		{"a text file that begins with a name", part("Content-Type: text/plain; name=a.txt", "name=b.txt|Content-Transfer-Encoding: base64||rest|"), []string{"1 a.txt text/plain name=b.txt|Content-Transfer-Encoding: base64||rest"}},
		{"an indented parameter behind a blank line", part("Content-Type: application/pdf;|| name=\"a.pdf\""+coded, folded(somePDF)), pdf("a.pdf")},
		{"7bit and base64", part("Content-Transfer-Encoding: 7bit|Content-Type: application/pdf; name=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},
		{"base64 and 8bit, the body raw", part("Content-Transfer-Encoding: base64|Content-Type: text/csv; name=a.csv|Content-Transfer-Encoding: 8bit", strings.ReplaceAll(someCSV, "\r\n", "|")+"|"), []string{"1 a.csv text/csv " + strings.ReplaceAll(someCSV, "\r\n", "|")}},
		{"quoted-printable and base64", part("Content-Transfer-Encoding: quoted-printable|Content-Type: application/pdf; name=a.pdf"+coded, folded(somePDF)), pdf("a.pdf")},
		{"8bit and quoted-printable", part("Content-Transfer-Encoding: 8bit|Content-Type: text/csv; name=a.csv|Content-Transfer-Encoding: quoted-printable", "f=C3=BCr|"), []string{"1 a.csv text/csv für"}},
		{"quoted-printable and base64, the body quoted-printable", part("Content-Transfer-Encoding: quoted-printable|Content-Type: application/pdf; name=a.pdf"+coded, "%PDF-1.4=0A=00=FF|"), []string{"1 a.pdf application/pdf %PDF-1.4\n\x00\xff"}},
		{"a raw message that is said to be base64, with base64 in it", part("Content-Type: message/rfc822; name=m.eml"+coded, "Subject: x|"+fill("in", "inside")), []string{"1 m.eml message/rfc822 Subject: x|" + strings.TrimSuffix(fill("in", "inside"), "|"), "1.1 in application/x-test inside" + rest}},
		{"a raw certificate that is said to be base64", part("Content-Type: application/x-pem-file; name=a.pem"+coded, "-----BEGIN CERTIFICATE-----|"+folded(rest)+"-----END CERTIFICATE-----|"), []string{"1 a.pem application/x-pem-file -----BEGIN CERTIFICATE-----|" + folded(rest) + "-----END CERTIFICATE-----"}},
		{"raw words that are said to be base64", part("Content-Type: text/plain; name=a.txt"+coded, "Rechnungsnummern|siehe Anhang|Gruss|"), []string{"1 a.txt text/plain Rechnungsnummern|siehe Anhang|Gruss"}},
		{"raw numbers that are said to be base64", part("Content-Type: text/csv; name=a.csv"+coded, "4711|4712|4713|"), []string{"1 a.csv text/csv 4711|4712|4713"}},
		{"uuencode that is said to be base64", part("Content-Type: text/plain; name=a.txt"+coded, uuencoded("a.txt", "some text\r\n", '`', "|")), []string{"1 a.txt text/plain some text\r\n"}},
		{"base64 of a PDF in a text file", part("Content-Type: text/plain; name=dump.txt", folded(somePDF)), []string{"1 dump.txt text/plain " + lines64(somePDF)}},
		{"base64 of XML in UTF-16, not said to be", part("Content-Type: application/xml; name=a.xml", folded("\xff\xfe<\x00?\x00x\x00m\x00l\x00"+strings.Repeat(" \x00", 40))), []string{"1 a.xml application/xml \xff\xfe<\x00?\x00x\x00m\x00l\x00" + strings.Repeat(" \x00", 40)}},
		{"XML that is said to be base64", part("Content-Type: application/xml; name=a.xml"+coded, strings.ReplaceAll(someXML, "\r\n", "|")+"|"), []string{"1 a.xml application/xml " + strings.ReplaceAll(someXML, "\r\n", "|")}},
		{"a table that is said to be base64", part("Content-Type: text/csv; name=a.csv"+coded, strings.ReplaceAll(someCSV, "\r\n", "|")+"|"), []string{"1 a.csv text/csv " + strings.ReplaceAll(someCSV, "\r\n", "|")}},
		{"a raw PDF that is said to be base64", part("Content-Type: application/pdf; name=a.pdf"+coded, "%PDF-1.4|%\xe2\xe3\xcf\xd3|1 0 obj|"), []string{"1 a.pdf application/pdf %PDF-1.4|%\xe2\xe3\xcf\xd3|1 0 obj"}},
		{"a raw PDF that is said to be quoted-printable", part("Content-Type: application/pdf; name=a.pdf|Content-Transfer-Encoding: quoted-printable", "%PDF-1.4|%\xe2\xe3\x01\xd3 |a=3D|"), []string{"1 a.pdf application/pdf %PDF-1.4|%\xe2\xe3\x01\xd3 |a=3D"}},
		{"base64 of a PDF, not said to be", part("Content-Type: application/pdf; name=a.pdf", folded(somePDF)), pdf("a.pdf")},
		{"base64 of a workbook by its name, not said to be", part("Content-Type: application/octet-stream; name=a.xlsx", folded(someZIP)), []string{"1 a.xlsx application/octet-stream " + someZIP}},
		{"base64 of XML, said to be 7bit", part("Content-Type: application/xml; name=a.xml|Content-Transfer-Encoding: 7bit", folded(someXML)), []string{"1 a.xml application/xml " + someXML}},
		{"base64 that somebody sent as it is", part("Content-Type: application/octet-stream; name=key.b64", folded(somePDF)), []string{"1 key.b64 application/octet-stream " + lines64(somePDF)}},
		{"base64 in a text file", part("Content-Type: text/plain; name=token.txt", folded("a token in base64")), []string{"1 token.txt text/plain " + lines64("a token in base64")}},

		{"a line that begins like a boundary", mixed + "--b|Content-Type: a/b; name=log||one|--b--More|--bb|--b and more|two|--b--|", []string{"1 log a/b one|--b--More|--bb|--b and more|two"}},
	}
}

// reportedNameGoldens are names as people reported them.
func reportedNameGoldens() []golden {
	file := func(want, fields string) golden {
		return golden{fields, named(fields), []string{"1 " + want + " application/pdf hallo" + rest}}
	}
	cd := "Content-Type: application/pdf|Content-Disposition: attachment; "
	return []golden{
		file("Zahlungsavis vom 05_03_2026.pdf", cd+`filename="Zahlungsavis vom 05/03/2026.pdf"`),
		file("FV_0012_2026.pdf", cd+`filename="FV/0012/2026.pdf"`),
		file("Rechnung 12_2026.pdf", cd+`filename="Rechnung 12\2026.pdf"`),
		file("n_a Rechnung.pdf", cd+`filename="n/a Rechnung.pdf"`),
		file("Rechnung.pdf", cd+`filename="scans/2026/Rechnung.pdf"`),
		file("Rechnung.pdf", cd+`filename="\\server\share\Meine Scans\Rechnung.pdf"`),
		file("Rechnung.pdf", cd+`filename="C:/Meine Scans/Rechnung.pdf"`),
		file("Rechnung Mai.pdf", cd+`filename="\"Rechnung Mai.pdf\""`),
		file("Rechnung Mai.pdf", cd+`filename="'Rechnung Mai.pdf'"`),
		file("Rechnung Mai.pdf", cd+`filename="=?utf-8?q?=22Rechnung_Mai.pdf=22?="`),
		file("Rechnung Mai.pdf", cd+`filename*=utf-8''%E2%80%9ERechnung%20Mai.pdf%E2%80%9C`),
		file("Rechnung Mai.pdf", cd+`filename="«Rechnung Mai.pdf»"`),
		file("Rechnung_Juli.pdf", cd+`filename=Rechnung_Juli.pdf"`),
		file("Rechnung.pdf", cd+`filename=\"Rechnung.pdf\"`),
		file("I_O-Liste.pdf", cd+`filename="I/O-Liste.pdf"`),
		file("~attachment.pdf", "Content-Type: application/pdf|Content-Description: Siehe www.example.com"),
		file("'t Hof's.pdf", cd+`filename="'t Hof's.pdf"`),
		file("attachment.pdf", cd+`filename=".pdf"`),
		file("attachment.xlsx", cd+`filename=" .xlsx"`),
		file("_gitignore", cd+`filename=".gitignore"`),
		file("_rf", cd+`filename="-rf"`),
		file("_root", cd+`filename="~root"`),
		file("می\u200cخواهم.pdf", cd+"filename=\"می\u200cخواهم.pdf\""),
		file("👩\u200d🔧.pdf", cd+"filename=\"👩\u200d🔧.pdf\""),
		file("paypal.pdf", cd+"filename=\"pay\u200dpal\u200c.pdf\""),
		file(strings.Repeat("請", 83)+".pdf", cd+"filename=\""+strings.Repeat("請", 400)+".pdf\""),
		file("Angebot fuer die Sanierung.pdf", "Content-Type: application/pdf; name=\"Angebot fuer die Sanierung.pdf\"|Content-Disposition: attachment; filename=\"Angebot fuer die S\""),
		file("Angebot fuer die Sanierung.pdf", "Content-Type: application/pdf; name=\"Angebot fuer...\"|Content-Disposition: attachment; filename=\"Angebot fuer die Sanierung.pdf\""),
		file("Angebot fuer die Sanierung.pdf", "Content-Type: application/pdf; name=\"Angebot fuer die Sanierung.pdf\"|Content-Disposition: attachment; filename=\"Angebot.pdf\""),
		file("ein anderes.pdf", "Content-Type: application/pdf; name=\"Angebot fuer die Sanierung.pdf\"|Content-Disposition: attachment; filename=\"ein anderes.pdf\""),
		file("发票.pdf", cd+`filename="=?utf-8?B?5Y+R5?= =?utf-8?B?6WoLnBkZg==?="`),
		file("für.pdf", cd+`filename="=?utf-8?Q?f=C3=?= =?utf-8?Q?BCr.pdf?="`),
		file("für.pdf", cd+`filename="=?utf-8?Q?f=C?= =?utf-8?Q?3=BCr.pdf?="`),
		file("für.pdf", cd+`filename="=?utf-8?B?PT91dGYtOD9RP2Y9QzM9QkNyLnBkZj89?="`),
		file("für.pdf", cd+`filename="=??Q?f=C3=BCr.pdf?="`),
		file("für dich.pdf", cd+`filename="=?utf-8?Q?=3D=3Futf-8=3FQ=3Ff=3DC3=3DBCr=5Fdich.pdf=3F=3D?="`),
		file("Rabatt März 50%25.pdf", cd+`filename*0*=utf-8''Rabatt%20M%C3%A4rz%20; filename*1="50%25.pdf"`),
		file("März.pdf", cd+`filename*0*=utf-8''M; filename*1=%C3%A4rz.pdf`),
		file("Lieferschein-118.pdf", "Content-Type: application/pdf|Content-ID: <Lieferschein-118.pdf>"),
		file("Lieferschein.pdf", "Content-Type: application/pdf|Content-ID: <Lieferschein.pdf@01DB2F9C.1234>"),
		file("Lieferschein 7.pdf", "Content-Type: application/pdf|Content-Description: Lieferschein 7.pdf"),
		file("~attachment.pdf", "Content-Type: application/pdf|Content-ID: <part1.01DB@mail.example.com>"),
		file("~attachment.pdf", "Content-Type: application/pdf|Content-Description: Your invoice. Thank you"),
		file("Zażółć.pdf", cd+`filename="=?x-mac-ce?q?Za=FD=97=B8=8D.pdf?="`),
		file("請求書.pdf", cd+`filename*=cp51932''%C0%C1%B5%E1%BD%F1.pdf`),
		file("שלום.pdf", cd+`filename="=?dos-862?q?=99=8C=85=8D.pdf?="`),
	}
}
