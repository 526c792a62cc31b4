package extractor

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

func embeddedGoldens() []golden {
	text := func(name, body string, want ...string) golden {
		return golden{name, "Subject: x||Hello,|here it is:||" + body + "|Bye.|", want}
	}
	uu := uuencoded("a.bin", rest, '`', "|")
	one, a := rest+"1", "1.1 a.bin application/octet-stream "+rest
	encoded := func(token, body string) string {
		return mixed + "--b|Content-Type: a/b; name=t|Content-Transfer-Encoding: " + token + "||" + body + "--b--|"
	}
	folders := strings.Split(strings.TrimSuffix(uu, "|"), "|")
	return []golden{
		text("uuencode in a message", uu, a),
		text("uuencode with blanks", uuencoded("a.bin", "\x00\x00\x00"+rest, ' ', "|"), "1.1 a.bin application/octet-stream \x00\x00\x00"+rest),
		text("two uuencoded files", uu+"and||"+uuencoded("b.bin", one, '`', "|"), a, "1.2 b.bin application/octet-stream "+one),
		text("uuencode without an end", strings.TrimSuffix(uu, "`|end|"), a),
		text("uuencode whose name has blanks", uuencoded("a (1) b.bin", rest, '`', "|"), "1.1 a (1) b.bin application/octet-stream "+rest),
		text("uuencode whose mode has four digits", strings.Replace(uu, "begin 644", "begin 0644", 1), a),
		text("uuencode with blank lines between", strings.Join(folders, "||")+"|", a),
		text("uuencode with a checksum behind every line", strings.Join(folders[:1], "|")+"|"+strings.Join(folders[1:len(folders)-2], "X|")+"X|`|end|", a),
		text("base64 between begin and end", "begin-base64 644 a.bin|"+folded(rest)+"====|", a),
		text("a sentence that begins with begin", "begin 644 things at once,|and end none of them.|"),
		{"uuencode whose blanks at line ends were cut off", "Subject: x||" + blanksCut(uuencoded("a.bin", strings.Repeat("abc\x00\x00\x00", 60), ' ', "|")), []string{"1.1 a.bin application/octet-stream " + strings.Repeat("abc\x00\x00\x00", 60)}},
		{"uuencode right behind the header", "Subject: x||" + uu, []string{a}},
		{"uuencode in a part of text beside a file", mixed + "--b|Content-Type: text/plain||" + uu + "|--b|" + fill("b", "two") + "--b--|", []string{a, "2 b application/x-test two" + rest}},
		{"uuencode in quoted-printable", "Content-Type: text/plain|Content-Transfer-Encoding: quoted-printable||" + strings.ReplaceAll(uu, "=", "=3D"), []string{a}},
		{"uuencode in an attached message", mixed + "--b|Content-Type: message/rfc822; name=m.eml||Subject: I||" + uu + "--b--|", []string{"1 m.eml message/rfc822 Subject: I||" + strings.TrimSuffix(uu, "|"), "1.1.1 a.bin application/octet-stream " + rest}},
		{"x-uuencode for an encoding", encoded("x-uuencode", uu), []string{"1 t a/b " + rest}},
		{"uuencode for an encoding", encoded("uuencode", uu), []string{"1 t a/b " + rest}},
		{"x-uue for an encoding", encoded("x-uue", uu), []string{"1 t a/b " + rest}},

		text("yEnc in a message", yencoded("a.bin", rest), a),
		text("yEnc whose name has blanks", yencoded("a b (1).bin", rest), "1.1 a b (1).bin application/octet-stream "+rest),
		text("yEnc with every byte but two", yencoded("a.bin", everyByte+everyByte), "1.1 a.bin application/octet-stream "+everyByte+everyByte),
		text("two files in yEnc", yencoded("a.bin", rest)+"|"+yencoded("b.bin", one), a, "1.2 b.bin application/octet-stream "+one),
		text("yEnc of a single piece", strings.Replace(strings.Replace(yencoded("a.bin", rest), "=ybegin line", "=ybegin part=1 total=1 line", 1), "a.bin|", fmt.Sprintf("a.bin|=ypart begin=1 end=%d|", len(rest)), 1), a),
		{"yEnc in a part of text", mixed + "--b|Content-Type: text/plain|Content-Transfer-Encoding: 8bit||" + yencoded("a.bin", rest) + "--b--|", []string{a}},

		text("BinHex in a message", binHexed("a.bin", rest, ""), a),
		text("BinHex with a resource fork", binHexed("a.bin", rest, "resources"), a),
		text("BinHex with long runs and its own mark", binHexed("a.bin", strings.Repeat("\x90", 10)+rest+strings.Repeat("x", 700), ""), "1.1 a.bin application/octet-stream "+strings.Repeat("\x90", 10)+rest+strings.Repeat("x", 700)),
		{"BinHex as an attachment", mixed + "--b|Content-Type: application/mac-binhex40; name=a.hqx||" + binHexed("a.bin", rest, "") + "--b--|", []string{a}},
		{"BinHex in base64", mixed + "--b|Content-Type: application/mac-binhex40|Content-Transfer-Encoding: base64||" + folded(crlf(binHexed("a.bin", rest, ""))) + "--b--|", []string{a}},
	}
}

// everyByte is every byte but "|" and the one that yEnc writes as such, as those
// stand for line ends here.
var everyByte = func() string {
	var b []byte
	for c := range 256 {
		if c != '|' && c != '|'-42 {
			b = append(b, byte(c))
		}
	}
	return string(b)
}()

// blanksCut is a text as gateways make it.
func blanksCut(s string) string {
	lines := strings.Split(s, "|")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "|")
}

// yencoded makes a file in yEnc (version 1.3 of its draft).
func yencoded(name, content string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "=ybegin line=128 size=%d name=%s|", len(content), name)
	column := 0
	for i := range len(content) {
		c := content[i] + 42
		switch c {
		case 0, '\n', '\r', '=', '\t', ' ', '.':
			b.WriteByte('=')
			c += 64
			column++
		}
		b.WriteByte(c)
		if column++; column >= 128 {
			b.WriteByte('|')
			column = 0
		}
	}
	fmt.Fprintf(&b, "|=yend size=%d crc32=%08x|", len(content), crc32.ChecksumIEEE([]byte(content)))
	return strings.ReplaceAll(b.String(), "||", "|")
}

// binHexed makes a file in BinHex 4.0 (RFC 1741 appendix A).
func binHexed(name, data, resources string) string {
	sum := func(s string) string {
		var crc uint16
		for i := range len(s) {
			crc ^= uint16(s[i]) << 8
			for range 8 {
				if crc&0x8000 != 0 {
					crc = crc<<1 ^ 0x1021
				} else {
					crc <<= 1
				}
			}
		}
		return string(binary.BigEndian.AppendUint16(nil, crc))
	}
	header := string(rune(len(name))) + name + "\x00TEXTttxt\x00\x00" +
		string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(data))), uint32(len(resources))))
	plain := header + sum(header) + data + sum(data) + resources + sum(resources)
	var runs []byte
	for i := 0; i < len(plain); {
		n := 1
		for i+n < len(plain) && n < 255 && plain[i+n] == plain[i] {
			n++
		}
		mark := []byte{plain[i]}
		if plain[i] == 0x90 {
			mark = append(mark, 0)
		}
		if n < 4 {
			n = 1
		} else {
			mark = append(mark, 0x90, byte(n))
		}
		runs = append(runs, mark...)
		i += n
	}
	const alphabet = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
	body, bits, have := []byte(":"), uint32(0), 0
	for _, c := range runs {
		bits, have = bits<<8|uint32(c), have+8
		for ; have >= 6; have -= 6 {
			body = append(body, alphabet[bits>>(have-6)&63])
		}
	}
	if have > 0 {
		body = append(body, alphabet[bits<<(6-have)&63])
	}
	body = append(body, ':')
	var b strings.Builder
	b.WriteString("(This file must be converted with BinHex 4.0)||")
	for len(body) > 64 {
		b.Write(body[:64])
		b.WriteByte('|')
		body = body[64:]
	}
	b.Write(body)
	b.WriteByte('|')
	return b.String()
}

func containerGoldens() []golden {
	b := "2 b application/x-test two" + rest
	two := mixed + "--b|" + fill("x", "in") + "--b|" + fill("y", "iny") + "--b--|"
	x, y := "x application/x-test in"+rest, "y application/x-test iny"+rest
	message := func(name, fields, body, want string) golden {
		return golden{name, mixed + "--b|Content-Type: message/rfc822; name=m.eml|" + fields + "|" + body + "|--b|" + fill("b", "two") + "--b--|", []string{"1 m.eml message/rfc822 " + want, "1.1 " + x, b}}
	}
	file := func(name, fields, content string, want ...string) golden {
		return golden{name, mixed + "--b||text|--b|" + fields + "|Content-Transfer-Encoding: base64||" + folded(content) + "--b--|", want}
	}
	inner := "Subject: I|" + fill("x", "in")
	winmail := winmailDat("a.bin", rest, "b.bin", rest+"1")
	p7m := "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"
	return []golden{
		{
			"an attached message, entered and saved", mixed + "--b|Content-Type: message/rfc822||Subject: Inner|Content-Type: multipart/mixed; boundary=c||--c|" + fill("x", "in") + "--c--||--b|" + fill("b", "two") + "--b--|",
			[]string{"1 ~Inner.eml message/rfc822 Subject: Inner|Content-Type: multipart/mixed; boundary=c||--c|" + fill("x", "in") + "--c--|", "1.1 " + x, b},
		},
		message("an attached message that is one file", "", inner, inner),
		message("an attached message in base64", "Content-Transfer-Encoding: base64|", folded(lf(inner)), lf(inner)),
		message("an attached message in quoted-printable", "Content-Transfer-Encoding: quoted-printable|", strings.ReplaceAll(inner, "=", "=3D"), inner),
		message("an attached message whose header has a postmark", "", "From hans Mon Nov 23 05:00:00 2026|"+inner, "From hans Mon Nov 23 05:00:00 2026|"+inner),
		{
			"a message within a message", mixed + "--b|Content-Type: message/rfc822; name=m.eml||Subject: I|Content-Type: message/rfc822; name=n.eml||" + inner + "|--b--|",
			[]string{"1 m.eml message/rfc822 Subject: I|Content-Type: message/rfc822; name=n.eml||" + inner, "1.1.1 " + x},
		},
		{"a mail that is a message", "Content-Type: message/rfc822; name=m.eml||" + inner, []string{"1 m.eml message/rfc822 " + inner, "1.1 " + x}},
		{
			"digest: parts are messages by default", "Content-Type: multipart/digest; boundary=b||--b||Subject: I|Content-Type: application/x-test; name=x||in|--b--|",
			[]string{"1 ~I.eml message/rfc822 Subject: I|Content-Type: application/x-test; name=x||in", "1.1 x application/x-test in"},
		},
		{
			"a returned message", "Content-Type: multipart/report; report-type=delivery-status; boundary=b||--b||It came back.|--b|Content-Type: message/delivery-status||Reporting-MTA: dns; example.org||Action: failed||--b|Content-Type: message/rfc822||" + inner + "|--b--|",
			[]string{"2 ~delivery-status.txt message/delivery-status Reporting-MTA: dns; example.org||Action: failed|", "3 ~I.eml message/rfc822 " + inner, "3.1 " + x},
		},
		{"the data fork of appledouble", mixed + "--b|Content-Type: multipart/appledouble; boundary=c||--c|Content-Type: application/applefile; name=a.bin||fork|--c|Content-Type: application/x-test; name=a.bin|Content-Transfer-Encoding: base64||" + folded(rest) + "--c--|--b--|", []string{"1.2 a.bin application/x-test " + rest}},
		{"a message elsewhere", mixed + "--b|Content-Type: message/external-body; access-type=url; url=\"http://example.org/a\"||Content-Type: application/pdf||--b|" + fill("b", "two") + "--b--|", []string{"1 ~attachment.txt message/external-body Content-Type: application/pdf|", b}},

		file("winmail.dat", "Content-Type: application/ms-tnef; name=winmail.dat", winmail, "2.1 a.bin application/octet-stream "+rest, "2.2 b.bin application/octet-stream "+rest+"1"),
		file("winmail.dat by its name", "Content-Type: application/octet-stream; name=winmail.dat", winmail, "2.1 a.bin application/octet-stream "+rest, "2.2 b.bin application/octet-stream "+rest+"1"),
		file("nameless TNEF", "Content-Type: application/vnd.ms-tnef", winmail, "2.1 a.bin application/octet-stream "+rest, "2.2 b.bin application/octet-stream "+rest+"1"),
		{
			"winmail.dat in an attached message", mixed + "--b|Content-Type: message/rfc822; name=m.eml||Subject: I|Content-Type: application/ms-tnef; name=winmail.dat|Content-Transfer-Encoding: base64||" + folded(winmail) + "--b--|",
			[]string{"1 m.eml message/rfc822 Subject: I|Content-Type: application/ms-tnef; name=winmail.dat|Content-Transfer-Encoding: base64||" + strings.TrimSuffix(folded(winmail), "|"), "1.1.1 a.bin application/octet-stream " + rest, "1.1.2 b.bin application/octet-stream " + rest + "1"},
		},

		file("signed within S/MIME", p7m, signedData(crlf(two), false), "2.1 "+x, "2.2 "+y),
		file("signed within S/MIME, in pieces of unknown length", p7m, signedData(crlf(two), true), "2.1 "+x, "2.2 "+y),
		file("signed within S/MIME, by its name", "Content-Type: application/octet-stream; name=smime.p7m", signedData(crlf(two), true), "2.1 "+x, "2.2 "+y),
		{"a mail that is signed within S/MIME", p7m + "|Content-Transfer-Encoding: base64||" + folded(signedData(crlf(two), true)), []string{"1.1 " + x, "1.2 " + y}},
		{"a file that is signed within S/MIME", p7m + "|Content-Transfer-Encoding: base64||" + folded(signedData(crlf(fill("x", "in")), false)), []string{"1.1 " + x}},
		file("signed twice within S/MIME", p7m, signedData(crlf(p7m+"|Content-Transfer-Encoding: base64||"+folded(signedData(crlf(two), false))), false), "2.1.1 "+x, "2.1.2 "+y),
		file("encrypted S/MIME is kept as it is", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", envelopedData, "2 smime.p7m application/pkcs7-mime "+envelopedData),
	}
}

// winmailDat makes a TNEF stream of two files ([MS-OXTNEF] section 2.1.3).
func winmailDat(files ...string) string {
	b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint32(nil, 0x223e9f78), 1)
	attribute := func(level byte, id uint32, value string) {
		b = append(b, level)
		b = binary.LittleEndian.AppendUint32(b, id)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(value))), value...)
		var sum uint16
		for i := range len(value) {
			sum += uint16(value[i])
		}
		b = binary.LittleEndian.AppendUint16(b, sum)
	}
	attribute(1, 0x00089006, "\x00\x00\x01\x00") // attTnefVersion
	for i := 0; i < len(files); i += 2 {
		attribute(2, 0x00069002, "\x01\x00\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00") // attAttachRenddata
		attribute(2, 0x00018010, files[i]+"\x00")                                            // attAttachTitle
		attribute(2, 0x0006800f, files[i+1])                                                 // attAttachData
	}
	return string(b)
}

// element is one of ASN.1's in DER (X.690 section 10).
func element(tag byte, pieces ...string) string {
	value := strings.Join(pieces, "")
	if len(value) < 0x80 {
		return string([]byte{tag, byte(len(value))}) + value
	}
	return string([]byte{tag, 0x82, byte(len(value) >> 8), byte(len(value))}) + value
}

const oidSignedData, oidEnvelopedData, oidData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"

// signedData makes a CMS signed-data with no signers (RFC 5652 section 5.1), in DER
// or, as mailers that stream do, in BER with indefinite lengths.
func signedData(content string, indefinite bool) string {
	if !indefinite {
		return element(0x30, oidSignedData, element(0xa0, element(0x30, "\x02\x01\x01\x31\x00", element(0x30, oidData, element(0xa0, element(0x04, content))), "\x31\x00")))
	}
	var octets strings.Builder
	for len(content) > 1000 {
		octets.WriteString(element(0x04, content[:1000]))
		content = content[1000:]
	}
	octets.WriteString(element(0x04, content))
	return "\x30\x80" + oidSignedData + "\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80" + oidData + "\xa0\x80\x24\x80" + octets.String() +
		"\x00\x00\x00\x00\x00\x00" + "\x31\x00" + "\x00\x00\x00\x00\x00\x00"
}

// envelopedData is the beginning of a CMS enveloped-data (RFC 5652 section 6.1)
// and what may pass for the rest.
var envelopedData = element(0x30, oidEnvelopedData, element(0xa0, element(0x30, "\x02\x01\x00", element(0x31, rest))))
