package extractor

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// wild is a message as broken software sends it: what must come out of it, and
// which repairs must be recorded. Lines end as written here.
type wild struct {
	name, message string
	want          []string // part, name, content
	problems      []ProblemKind
}

// lf makes the short form of the goldens a message with LF line ends.
func lf(s string) string { return strings.ReplaceAll(s, "|", "\n") }

func wildStructures() []wild {
	a, b := "1 a one", "2 b two"
	both := lf("--b|" + part("a", "one") + "--b|" + part("b", "two") + "--b--|")
	long := strings.Repeat("x", 8000)
	inner := "Content-Type: multipart/mixed; boundary=b||" + "--b|" + part("x", "in") + "--b--|"
	return []wild{
		{"CRLF, but the boundaries end in LF", lf(mixed) + "--b\n" + strings.ReplaceAll(part("a", "one"), "|", "\r\n") + "--b\n" + strings.ReplaceAll(part("b", "two"), "|", "\r\n") + "--b--\n", []string{a, b}, nil},
		{"the first boundary ends in LF, the others in CRLF", strings.ReplaceAll(mixed, "|", "\r\n") + "--b\n" + lf(part("a", "one")) + "--b\r\n" + strings.ReplaceAll(part("b", "two"), "|", "\r\n") + "--b--\r\n", []string{a, b}, nil},
		{"a CR within the lines of a message", "Subject: a\rb\nX: " + strings.Repeat("y", 9000) + "\r\n" + lf(mixed) + both, []string{a, b}, nil},
		{"a message of CR alone in one of LF", lf(mixed+"--b|Content-Type: message/rfc822; name=m.eml||") + strings.ReplaceAll(part("x", "in"), "|", "\r") + "\n--b--\n", []string{"1 m.eml " + strings.ReplaceAll(strings.TrimSuffix(part("x", "in"), "|"), "|", "\r"), "1.1 x in"}, nil},
		{"a line of 10,000 characters before the first part", lf(mixed) + strings.Repeat("preamble ", 1200) + "\n" + both, []string{a, b}, nil},
		{"a boundary of 8,000 characters", lf(strings.NewReplacer("=b||", "="+long+"||", "--b", "--"+long).Replace(mixed + "--b|" + part("a", "one") + "--b|" + part("b", "two") + "--b--|")), []string{a, b}, nil},
		{"the first boundary right behind the header", "Content-Type: multipart/mixed; boundary=b\n" + both, []string{a, b}, []ProblemKind{ProblemNoBlankLine}},
		{"another boundary than announced", lf("Content-Type: multipart/mixed; boundary=zzz||") + both, []string{a, b}, []ProblemKind{ProblemWrongBoundary}},
		{"no boundary announced, and dashes in the preamble", lf("Content-Type: multipart/mixed||-- |signature|--------|rule|") + both, []string{a, b}, []ProblemKind{ProblemMissingBoundary, ProblemWrongBoundary}},
		{"no boundary announced, and the first part has no header", lf("Content-Type: multipart/mixed||--b||text|--b|") + lf(part("b", "two")) + "--b--\n", []string{b}, []ProblemKind{ProblemMissingBoundary, ProblemWrongBoundary}},
		{"one boundary of the message indented", lf("Content-Type: multipart/mixed; boundary=boundary-1234||--boundary-1234|" + part("a", "one") + "  --boundary-1234|" + part("b", "two") + "--boundary-1234--|"), []string{a, b}, []ProblemKind{ProblemIndented}},
		{"text that looks like an indented boundary", lf(mixed + "--b|Content-Type: a/b; name=a||x| --b|y|--b--|"), []string{"1 a x\n --b\ny"}, nil},
		{"a multipart in base64 as a whole", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(both)) + "\n", []string{a, b}, []ProblemKind{ProblemEncodedMultipart}},
		{"a multipart in base64 within another", lf(mixed+"--b|Content-Type: multipart/mixed; boundary=c|Content-Transfer-Encoding: base64||") + base64.StdEncoding.EncodeToString([]byte(lf("--c|"+part("x", "in")+"--c--|"))) + lf("|--b|"+part("b", "two")+"--b--|"), []string{"1.1 x in", b}, []ProblemKind{ProblemEncodedMultipart}},
		{"a multipart that only says base64", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n" + both, []string{a, b}, nil},
		{"a multipart that only says base64, with a preamble", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\nPreamble\n" + both, []string{a, b}, nil},
		{"an attached message that uses the outer boundary", lf(mixed + "--b|Content-Type: message/rfc822; name=m.eml||" + inner + "|--b|" + part("b", "two") + "--b--|"), []string{"1 m.eml " + lf(inner), "1.1 x in", b}, nil},
		{"a blank line before the header of a part", lf(mixed + "--b||" + part("a", "one") + "--b|" + part("b", "two") + "--b--|"), []string{a, b}, []ProblemKind{ProblemHeaderLine}},
		{"a digest's message that begins with its Content-Type", lf("Content-Type: multipart/digest; boundary=b||--b||" + part("x", "in") + "--b--|"), []string{"1 message.eml " + lf(strings.TrimSuffix(part("x", "in"), "|")), "1.1 x in"}, []ProblemKind{ProblemNoName}},
		{"one line of text right behind the header", lf(mixed + "--b|Content-Type: text/plain; name=a|one line|--b--|"), []string{"1 a one line"}, []ProblemKind{ProblemNoBlankLine}},
		{"text right behind the header, at the message's end", "Content-Type: text/plain; name=a\none line", []string{"1 a one line"}, []ProblemKind{ProblemNoBlankLine}},
		{"a line of 20,000 characters right behind the header", lf(mixed+"--b|Content-Type: text/plain; name=a|") + strings.Repeat("text ", 4000) + "\nmore" + lf("|--b--|"), []string{"1 a " + strings.Repeat("text ", 4000) + "\nmore"}, []ProblemKind{ProblemNoBlankLine}},
		{"base64 on one long line right behind the header", lf("Content-Type: a/b; name=a|Content-Transfer-Encoding: base64|") + strings.Repeat("QUJD", 30_000) + "\n", []string{"1 a " + strings.Repeat("ABC", 30_000)}, []ProblemKind{ProblemNoBlankLine}},
		{"a postmark in the header of a part", lf(mixed + "--b|>From hans Mon Nov 23 05:00:00 2026|" + part("a", "one") + "--b--|"), []string{a}, []ProblemKind{ProblemHeaderLine}},
		{"two dispositions, the second with the name", lf("Content-Disposition: inline|Content-Disposition: attachment; filename=a||one"), []string{a}, nil},
		{"a Content-Type without a slash", lf("Content-Type: text|Content-Disposition: attachment; filename=a||one"), []string{a}, []ProblemKind{ProblemMediaType}},
		{"a blank line within a folded field", lf("Content-Type: multipart/mixed;| |  boundary=b||") + both, []string{a, b}, nil},
		{"an inner multipart that is closed twice", lf(mixed + "--b|Content-Type: multipart/mixed; boundary=c||--c|" + part("x", "in") + "--c--|--c--|--b|" + part("b", "two") + "--b--|"), []string{"1.1 x in", b}, nil},
		{"cut within base64", lf(mixed + "--b|Content-Type: a/b; name=a|Content-Transfer-Encoding: base64||b25lIA"), []string{"1 a one "}, []ProblemKind{ProblemMissingPadding, ProblemUnclosed}},
	}
}

func wildContents() []wild {
	encoded := func(token, body string) string {
		return "Content-Type: a/b; name=a\nContent-Transfer-Encoding: " + token + "\n\n" + body
	}
	return []wild{
		{"each line of base64 padded", encoded("base64", "b25lIA==\nb25lIA==\nb25l\n"), []string{"1 a one one one"}, nil},
		{"padding cut in two", encoded("base64", "b25lIA=\n=\n"), []string{"1 a one "}, nil},
		{"a signature behind base64", encoded("base64", "b25l\n-- \nHans, example.org: the best of all\n"), []string{"1 a one"}, []ProblemKind{ProblemTrailingText}},
		{"blanks behind every line of base64", encoded("base64", strings.Repeat("QUJD \n", 30_000)), []string{"1 a " + strings.Repeat("ABC", 30_000)}, nil},
		{"an exclamation mark in the middle of 100 KB of base64", encoded("base64", strings.Repeat("QUJD\n", 15_000)+"! QUJD\n"+strings.Repeat("QUJD\n", 15_000)), []string{"1 a " + strings.Repeat("ABC", 30_001)}, []ProblemKind{ProblemIllegalBase64}},
		{"base64 with bare CRs", encoded("base64", "b25l\rb25l\r"), []string{"1 a oneone"}, nil},
		{"quoted-printable on a line of 100 KB", encoded("quoted-printable", strings.Repeat("=41b ", 20_000)+"=\n"), []string{"1 a " + strings.Repeat("Ab ", 20_000)}, nil},
		{"more blanks than transport adds", encoded("quoted-printable", "a"+strings.Repeat(" ", 1024)+"\nb"), []string{"1 a a" + strings.Repeat(" ", 1024) + "\nb"}, nil},
		{"an equals sign at the very end", encoded("quoted-printable", "one="), []string{"1 a one"}, nil},
		{"half an escape at the very end", encoded("quoted-printable", "one=4"), []string{"1 a one=4"}, []ProblemKind{ProblemBadEscape}},
		{"8bit said in capitals with a blank", encoded(" 8BIT ", "one\xff"), []string{"1 a one\xff"}, nil},
		{"UTF-8 for an encoding", encoded("utf-8", "one"), []string{"1 a one"}, []ProblemKind{ProblemEncoding}},
		{"base64 said with a comma", encoded("base64, 8bit", "b25l"), []string{"1 a one"}, []ProblemKind{ProblemEncodingToken, ProblemTwoEncodings}},
	}
}

func wildNames() []wild {
	name := func(want, fields string, problems ...ProblemKind) wild {
		return wild{fields, lf("Content-Type: a/b|Content-Disposition: attachment; " + fields + "||x"), []string{"1 " + want + " x"}, problems}
	}
	return []wild{
		name("한글.txt", "filename*0*=euc-kr''%C7%D1; filename*1*=%B1%DB.txt"),
		name("für.txt", "filename*0*=iso-8859-1''f%FC; filename*1*=r.txt"),
		name("ab.txt", "filename*0=a; filename*2=b.txt", ProblemNameGap),
		name("a.txt", "filename*=utf-8''a.txt; filename=b.txt; filename*0*=utf-8''c.txt"),
		name("für.txt", "filename==?utf-8?b?ZsO8ci50eHQ?="),
		name("f r.txt", "filename==?x-none?q?f_r.txt?=", ProblemCharset),
		name("東京.txt", "filename=\"\x1b$BEl5~\x1b(B.txt\""),
		name("f.pdf", `filename=""; filename="f.pdf"`),
		name("ä.txt", "filename=\"\xe4.txt\"", ProblemRaw8Bit),
		name("x.txt", `filename="C:\a/b\x.txt"`, ProblemNameCleaned),
		name("a=b.txt", "filename=a=b.txt"),
		name("a; b.txt", "filename=a; b.txt; size=3"),
		name("x.pdf", "filename=\"x.pdf\" ; size=\"3\""),
		name("x (1).pdf", "FILENAME=x (1).pdf"),
	}
}

// TestWild reads what broken software sends.
func TestWild(t *testing.T) {
	t.Parallel()
	for group, wilds := range map[string][]wild{"structure": wildStructures(), "content": wildContents(), "name": wildNames()} {
		for _, w := range wilds {
			t.Run(group+" "+w.name, func(t *testing.T) {
				t.Parallel()
				all, m, err := capture(strings.NewReader(w.message), Limits{}, false)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				problems := slices.Clone(m.Problems)
				for _, c := range all {
					got = append(got, fmt.Sprintf("%s %s %s", c.Part, c.Name, &c.content))
					problems = append(problems, c.Problems...)
				}
				if diff := cmp.Diff(w.want, got); diff != "" {
					t.Errorf("attachments (-want +got):\n%s", diff)
				}
				var kinds []ProblemKind
				for _, p := range problems {
					kinds = append(kinds, p.Kind)
				}
				slices.Sort(kinds)
				slices.Sort(w.problems)
				if diff := cmp.Diff(w.problems, slices.Compact(kinds)); diff != "" {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
				want := summary(all, m, nil)
				if got := summary(capture(iotest.OneByteReader(strings.NewReader(w.message)), Limits{}, false)); got != want {
					t.Errorf("byte by byte:\n%s\nwhole:\n%s", got, want)
				}
			})
		}
	}
}
