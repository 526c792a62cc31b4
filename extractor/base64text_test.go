package extractor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/config/testsize"
)

// contentsOfBase64 makes contents that come as base64: some have few kinds of characters in it.
func contentsOfBase64(r *rand.Rand) []byte {
	n := 1 + r.IntN(6000)
	random := make([]byte, n)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	repeated := func(s string) []byte { return []byte(strings.Repeat(s, n/len(s)+1)[:n]) }
	return [][]byte{
		random, random, random, repeated("\x00"), repeated("\xff"), repeated("@"), repeated("Invoice 2024, "), repeated("I\x00n\x00v\x00 \x00"), repeated("1;2,50;x\r\n"),
		append(repeated("\x00"), random...), append(random[:n:n], repeated("\x00")...),
	}[r.IntN(11)]
}

// spacedBase64 encodes content in lines, with blanks and blank lines where a mailer may put them.
func spacedBase64(r *rand.Rand, content []byte) string {
	encoding := []*base64.Encoding{base64.StdEncoding, base64.StdEncoding, base64.RawStdEncoding}[r.IntN(3)]
	text := encoding.EncodeToString(content)
	width := []int{76, 76, 72, 64, 60, 75, 77, 20 + r.IntN(200)}[r.IntN(8)]
	spaced, blankLines, group := r.IntN(4), []float64{0, 0, 0.02, 0.5, 1}[r.IntN(5)], 3+r.IntN(20)
	blank := []string{" ", "\t", "  "}[r.IntN(3)]
	var b strings.Builder
	for i := 0; text != ""; i++ {
		line := text[:min(width, len(text))]
		text = text[len(line):]
		switch {
		case spaced == 1 && r.IntN(10) == 0, spaced == 2:
			at := r.IntN(len(line))
			line = line[:at] + blank + line[at:]
		case spaced == 3:
			for j := len(line) - group; j > 0; j -= group {
				line = line[:j] + blank + line[j:]
			}
		}
		b.WriteString(line + "\r\n")
		if r.Float64() < blankLines {
			b.WriteString("\r\n")
		}
	}
	return b.String()
}

// TestSpacedBase64: blanks and blank lines within base64 change nothing, wherever they stand (RFC
// 2045 section 6.8). A line with them is not taken for text, which would end the body. Of hundreds
// of thousands, a few begin like words: what is not decoded then is never passed over silently.
func TestSpacedBase64(t *testing.T) {
	t.Parallel()
	seeds, odd := testsize.Of[uint64](2000, 200_000), uint64(0)
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 64))
		content := contentsOfBase64(r)
		body := spacedBase64(r, content)
		message := "Content-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body
		all, _, err := captureWith(&pieces{[]byte(message), uint32(seed)}, Options{}, false)
		if err != nil || len(all) != 1 {
			t.Fatalf("seed %d: %d attachments, %v", seed, len(all), err)
		}
		if got := all[0].content.Bytes(); !bytes.Equal(got, content) {
			told := slices.ContainsFunc(all[0].Problems, func(p Problem) bool { return p.Kind.Lossy() })
			if odd++; odd > seeds/20_000 || !told {
				t.Errorf("seed %d: %d bytes of %d, problems %v, out of\n%.300s", seed, len(got), len(content), all[0].Problems, body)
			}
		}
	}
}

// footers are what mailing lists, virus scanners and phones put behind attachments.
var footers = []string{
	"_______________________________________________\r\nlist mailing list\r\nlist@lists.example.org\r\nhttps://lists.example.org/mailman/listinfo/list\r\n",
	"-- \r\nHans\r\n",
	"-- \r\nThis is a footer of the list\r\n",
	"-- \r\nHans Meier, Musterstr. 12, 80331 Muenchen\r\nTel: +49 (0)89 1234567\r\n",
	"Sent from my iPhone\r\n",
	"Gesendet mit der Telekom Mail App\r\n",
	"Envoyé de mon téléphone\r\n",
	"Отправлено из мобильной почты\r\n",
	"This email has been checked for viruses by Avast antivirus software.\r\nwww.avast.com\r\n",
	"DISCLAIMER: THIS MESSAGE IS CONFIDENTIAL. IF YOU ARE NOT THE INTENDED RECIPIENT, DELETE IT.\r\n",
	"Get Outlook for iOS\r\n",
	"--- Diese E-Mail wurde von Scanner 7 auf Viren geprueft ---\r\n",
}

// base64Of encodes n bytes in lines of 76 characters, with padding or without.
func base64Of(n int, padded bool) (content, body string) {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 37)
	}
	text := base64.StdEncoding.EncodeToString(b)
	if !padded {
		text = strings.TrimRight(text, "=")
	}
	for text != "" {
		line := text[:min(76, len(text))]
		text = text[len(line):]
		body += line + "\r\n"
	}
	return string(b), body
}

// TestFooters: text behind base64 ends it, with a word. The file is whole also where the padding is
// missing, which is told. Where the text stands right behind a full line, it may be base64: the
// message is kept then.
func TestFooters(t *testing.T) {
	t.Parallel()
	for _, footer := range footers {
		for _, n := range []int{300, 301, 302, 500, 502, 570} {
			for _, gap := range []string{"", "\r\n"} {
				for _, padded := range []bool{true, false} {
					content, body := base64Of(n, padded)
					got, problems := decode([]byte(body+gap+footer), 0, newBase64)
					want := []ProblemKind{ProblemTrailingText}
					if !padded && n%3 != 0 {
						want = []ProblemKind{ProblemMissingPadding, ProblemTrailingText}
					}
					if n == 570 && gap == "" && len(problems) == 2 {
						want = []ProblemKind{ProblemIllegalBase64, ProblemTrailingText}
					}
					if got != content || !slices.Equal(problems, want) {
						t.Errorf("%d bytes, padded %t, gap %q and %q: %d bytes, problems %v", n, padded, gap, footer, len(got), problems)
					}
				}
			}
		}
	}
}

// TestDoubtfulText: what may be base64 or text is told as a loss, whichever it is taken for.
func TestDoubtfulText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n      int
		behind string
	}{
		{570, "Sent from my iPhone"}, {570, "Thank you"}, {570, "Mit freundlichen Gruessen\r\nHans Meier"}, {500, "Sent"}, {500, "Confidential"}, {501, "-----\r\nAVG"}, {500, "QUJDR="}, {500, "QUJDR"},
	} {
		_, body := base64Of(tt.n, true)
		for _, rest := range []string{"", body} {
			_, problems := decode([]byte(body+tt.behind+"\r\n"+rest), 0, newBase64)
			if !slices.ContainsFunc(problems, ProblemKind.Lossy) {
				t.Errorf("%d bytes, %q, %d bytes: problems %v", tt.n, tt.behind, len(rest), problems)
			}
		}
	}
}

// TestBlocks: a block of base64 behind padding is decoded, or told as a loss, whatever it is of: a
// line of 0xFF is nothing but slashes, and looks like a rule.
func TestBlocks(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	inLines := func(content []byte, width int) (body string) {
		for text := base64.StdEncoding.EncodeToString(content); text != ""; {
			n := min(width, len(text))
			body, text = body+text[:n]+"\r\n", text[n:]
		}
		return body
	}
	for _, width := range []int{4, 6, 8, 12, 20, 60, 75, 76} {
		for _, gap := range []string{"", "\r\n"} {
			for i, second := range [][]byte{
				bytes.Repeat([]byte{0xff}, 57), bytes.Repeat([]byte{0xff}, 5700), bytes.Repeat([]byte{0xfb, 0xef, 0xbe}, 19), bytes.Repeat([]byte{0xff, 0xfb, 0xef}, 40),
				make([]byte, 570), append(bytes.Repeat([]byte{0xff}, 6), random(5700)...), append(bytes.Repeat([]byte{0xff}, 57), random(5000)...), random(5701), random(24),
			} {
				first := random(100) // which is padded
				got, problems := decode([]byte(inLines(first, width)+gap+inLines(second, width)), 0, newBase64)
				told := slices.ContainsFunc(problems, ProblemKind.Lossy)
				if want := string(first) + string(second); got != want && !told {
					t.Errorf("width %d, gap %q, block %d: %d bytes of %d, problems %v", width, gap, i, len(got), len(want), problems)
				}
				if width >= shortestLine && i < 2 && got != string(first)+string(second) {
					t.Errorf("width %d, gap %q, block %d: %d bytes, problems %v: a full line of slashes is data", width, gap, i, len(got), problems)
				}
			}
		}
	}
}

// TestGluedFooters: text right behind the last line of base64, without a line end between them,
// takes nothing of it along silently. Behind padding all of the file is there.
func TestGluedFooters(t *testing.T) {
	t.Parallel()
	for _, footer := range append([]string{
		"To unsubscribe, e-mail: x@example.org", "Pour se désabonner de cette liste cliquez ici", "Чтобы отписаться от рассылки", "配信停止はこちら",
		"Mit freundlichen Grüßen", "Sent from my phone.", "*** Virus ***", "(Scan ok)", "[cid]", "é", "https://lists.example.org/x", ". . .",
	}, footers...) {
		if isRule([]byte(strings.TrimSpace(footer[:min(len(footer), 10)]))) {
			continue // it is of the url-safe alphabet, and decoded
		}
		for _, n := range []int{300, 301, 302, 500, 570, 571, 572, 573, 579, 3, 30} {
			content, body := base64Of(n, true)
			body = strings.TrimRight(body, "\r\n")
			for _, next := range []string{"", "\r\nlist mailing list - list@example.org\r\n"} {
				got, problems := decode([]byte(body+footer+next), 0, newBase64)
				whole := got == content
				if told := slices.ContainsFunc(problems, ProblemKind.Lossy); !whole && !told || strings.HasSuffix(body, "=") && !strings.HasPrefix(footer, "-") && !whole {
					t.Errorf("%d bytes, then %q: %d bytes, problems %v", n, footer+next, len(got), problems)
				}
			}
		}
	}
}

// TestGluedBoundary: a boundary without a line end before it ends base64 behind its padding,
// however long the line is.
func TestGluedBoundary(t *testing.T) {
	t.Parallel()
	for _, groups := range []int{0, 1, 200, 1000} {
		text := strings.Repeat("QUJD", groups) + "QUJDRA==--boundary--\r\nContent-Type: text/plain\r\n"
		got, problems := decode([]byte(text), 0, newBase64)
		if got != strings.Repeat("ABC", groups)+"ABCD" || !slices.Equal(problems, []ProblemKind{ProblemTrailingText}) {
			t.Errorf("%d groups: %d bytes, problems %v", groups, len(got), problems)
		}
	}
}

// TestWordsBehindPadding: words behind padding are no data, or it is told that they may be.
func TestWordsBehindPadding(t *testing.T) {
	t.Parallel()
	for _, words := range []string{"Scanned by MailScanner", "Sent from my iPhone", "Abmelden", "Regards\r\nA", "====\r\nEnde", "AVG", "Please unsubscribe here", "Virus checked"} {
		for _, text := range []string{"Gg==", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3g="} {
			for _, gap := range []string{"", "\r\n", "\r\n\r\n"} {
				if gap == "" && strings.HasPrefix(words, "=") {
					continue
				}
				want, _ := base64.StdEncoding.DecodeString(text)
				got, problems := decode([]byte(text+gap+words+"\r\n"), 0, newBase64)
				if got != string(want) || len(problems) == 0 {
					t.Errorf("%q: %d bytes of %d, problems %v", text+gap+words, len(got), len(want), problems)
				}
			}
		}
	}
}

// TestWrongPadding: a group of four that has not all its characters is told, and nothing is told of
// padding that is right, cut in two, or behind whole groups.
func TestWrongPadding(t *testing.T) {
	t.Parallel()
	for text, told := range map[string]bool{
		"QUJDRA==": false, "QUJDREU=": false, "QUJD": false, "QUJDRA=\r\n=": false, "QUJDRA==\r\nQUJD": false, "QUJD=\r\nQUJD": false,
		"QUJDR===": true, "QUJDR=": true, "QUJDRA=": true, "QUJDRA": true, "QUJDRA=\r\nQUJD": true, "UJDREVG\r\nRA==": true,
	} {
		_, problems := decode([]byte(text), 0, newBase64)
		if got := slices.Contains(problems, ProblemMissingPadding); got != told {
			t.Errorf("%q: problems %v, told %t, want %t", text, problems, got, told)
		}
	}
}

// TestTrailingBase64: base64 behind the text that ended a body is in no file, which is told as a
// loss. It may be the next part's, whose boundary is missing.
func TestTrailingBase64(t *testing.T) {
	t.Parallel()
	block := strings.Repeat(base64.StdEncoding.EncodeToString([]byte("a file that was sent, of some bytes more than one line\x00\x01"))+"\r\n", 20)
	for _, between := range append(footers, "QUJDRA==--b\r\nContent-Type: application/pdf; name=b.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n") {
		for _, cut := range []uint32{0, 1, 99} {
			_, problems := decode([]byte(block+"\r\n"+between+"\r\n"+block), cut, newBase64)
			if want := []ProblemKind{ProblemTrailingBase64, ProblemTrailingText}; !slices.Equal(problems, want) {
				t.Errorf("%q between, cut %d: problems %v, want %v", between, cut, problems, want)
			}
		}
	}
	if !ProblemTrailingBase64.Lossy() {
		t.Error("a loss is no loss")
	}
}

func BenchmarkSpacedBase64(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	var body bytes.Buffer
	for i, text := 0, base64.StdEncoding.EncodeToString(content); text != ""; i++ {
		line := text[:min(76, len(text))]
		text = text[len(line):]
		fmt.Fprintf(&body, "%s %s\r\n", line[:len(line)/2], line[len(line)/2:])
	}
	b.SetBytes(int64(body.Len()))
	for b.Loop() {
		d := base64Decoder{w: discard{}, report: func(ProblemKind, string) {}}
		if _, err := d.Write(body.Bytes()); err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
