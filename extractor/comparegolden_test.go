package extractor

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
)

// senderNames are names of goldens as the sender wrote them, where attachd's
// differ from them in more than a character.
var senderNames = map[string][]string{
	"passwd":    {"../../etc/passwd"},
	"f.pdf":     {`C:\docs\f.pdf`},
	"_htaccess": {".htaccess"},
	"_CON.txt":  {"CON.txt"},
	"x.txt":     {`C:\a/b\x.txt`},

	"two blanks.pdf": {"two  blanks.pdf"},

	// Where the sender is in doubt, either is right.
	"single.pdf": {"'single.pdf'"},
	"first.pdf":  {"second.pdf"},
	"ab.txt":     {"a", "b.txt"},
}

// goldenRows are the rows that the golden mail of a folder stands in.
var goldenRows = map[string]string{
	"structure": "structure", "selection": "structure", "encodings": "transfer encodings", "embedded": "uuencode, yEnc, BinHex", "containers": "containers",
	"names": "file names", "files": "files that look like text", "fields": "fields in disarray", "reported-names": "names as reported",
}

// goldenCases are the golden mail as it lies in files, which is what most of the tools
// were made for. What must come out is what comes out of attachd, once the .want file
// says that this is right.
func goldenCases(t *testing.T) []compared {
	var cases []compared
	for _, g := range goldens(t) {
		row, ok := goldenRows[g.row()]
		if !ok {
			continue
		}
		g.check(t)
		c := compared{row: row, name: g.name, messages: [][]byte{g.message}}
		all, _, err := capture(bytes.NewReader(g.message), Limits{}, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range all {
			a := attached{content: file.content.Bytes(), size: -1}
			if !slices.ContainsFunc(file.Problems, func(p Problem) bool { return p.Kind == ProblemNoName }) {
				a.names = append([]string{file.Name}, senderNames[file.Name]...)
			}
			c.want = append(c.want, a)
		}
		cases = append(cases, c)
	}
	return slices.Concat(cases, partialCases(), splitCases())
}

// partialCases are messages in pieces (RFC 2046 section 5.2.2), each a mail of its own.
func partialCases() []compared {
	whole := "Subject: x\nMIME-Version: 1.0\n" + mixedHeader + "--b\n" + filePart("x", "in") + "--b\n" + filePart("y", "iny") + "--b--\n"
	want := []attached{{names: []string{"x"}, content: []byte("in" + rest), size: -1}, {names: []string{"y"}, content: []byte("iny" + rest), size: -1}}
	piece := func(number, total int, text string) []byte {
		return fmt.Appendf(nil, "Subject: x\nMIME-Version: 1.0\nContent-Type: message/partial; id=\"i@example.org\"; number=%d; total=%d\n\n%s", number, total, text)
	}
	lines := strings.SplitAfter(whole, "\n")
	first, second, third := strings.Join(lines[:10], ""), strings.Join(lines[10:20], ""), strings.Join(lines[20:], "")
	return []compared{
		{"containers", "a message in three pieces", [][]byte{piece(1, 3, first), piece(2, 3, second), piece(3, 3, third)}, want},
		{"containers", "a message in three pieces, the last one first", [][]byte{piece(3, 3, third), piece(1, 3, first), piece(2, 3, second)}, want},
	}
}

// splitCases are files in pieces that only their subjects or the lines of yEnc
// join, as they were sent before message/partial and on Usenet.
func splitCases() []compared {
	content := strings.Repeat(rest, 10)
	lines := strings.SplitAfter(uuencoded("a.bin", content, '`', "\n"), "\n")
	mail := func(number int, body string) []byte {
		return fmt.Appendf(nil, "From: a@example.org\nSubject: a.bin (%d/2)\n\n%s", number, body)
	}
	half := len(content) / 2
	yenc := func(number int, content string, from int) string {
		y := yencoded("a.bin", content)
		return strings.NewReplacer(
			fmt.Sprintf("=ybegin line=128 size=%d name=a.bin\n", len(content)),
			fmt.Sprintf("=ybegin part=%d total=2 line=128 size=%d name=a.bin\n=ypart begin=%d end=%d\n", number, 2*half, from+1, from+half),
			" crc32=", fmt.Sprintf(" part=%d pcrc32=", number)).Replace(y)
	}
	first, second := yenc(1, content[:half], 0), yenc(2, content[half:], half)
	want := []attached{{names: []string{"a.bin"}, content: []byte(content), size: -1}}
	const row = "uuencode, yEnc, BinHex"
	return []compared{
		{row, "uuencode in two mails", [][]byte{mail(1, strings.Join(lines[:60], "")), mail(2, strings.Join(lines[60:], ""))}, want},
		{row, "yEnc in two mails", [][]byte{mail(1, first), mail(2, second)}, want},
		{row, "yEnc in two pieces in one mail", [][]byte{[]byte("Subject: x\n\n" + first + "\n" + second)}, want},
	}
}

// yencoded makes a file in yEnc (version 1.3 of its draft).
func yencoded(name, content string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "=ybegin line=128 size=%d name=%s\n", len(content), name)
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
			b.WriteByte('\n')
			column = 0
		}
	}
	if column > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "=yend size=%d crc32=%08x\n", len(content), crc32.ChecksumIEEE([]byte(content)))
	return b.String()
}
