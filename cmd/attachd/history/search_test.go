package history

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestFold: case makes no difference in any script, and neither does how an accent is encoded.
func TestFold(t *testing.T) {
	t.Parallel()
	for _, alike := range [][]string{
		{"Ärger", "ÄRGER", "ärger", "A\u0308rger"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ"},
		{"ПРИВЕТ", "привет"},
		{"RECHNUNG.PDF", "Rechnung.pdf"},
		{"straße", "STRAẞE"},
		{"K", "k", "K"},
	} {
		for _, s := range alike {
			if fold(s) != fold(alike[0]) || !holds("x"+s+"y", fold(alike[0])) {
				t.Errorf("%q is not %q", s, alike[0])
			}
		}
	}
	for s, part := range map[string]string{"Ärger": "arger", "resume": "résumé", "a%b": "a_b", "abc": "abcd", "": "x"} {
		if holds(s, fold(part)) {
			t.Errorf("%q holds %q", s, part)
		}
	}
}

// TestClean: whatever comes is valid UTF-8 without NUL afterwards, cut between two characters.
func TestClean(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"plain": "plain", "a\x00b": "a\uFFFDb", "a\xffb": "a\uFFFDb", "12345678äö": "12345678ä", "123456789ä": "123456789", "0123456789ab": "0123456789",
		"123456789\xff": "123456789", "日本語の請求書": "日本語",
	} {
		if got := clean(s, 10); got != want {
			t.Errorf("%q: %q, not %q", s, got, want)
		}
	}
}

func TestParseFrom(t *testing.T) {
	t.Parallel()
	for from, want := range map[string][2]string{
		"Anna <a@example.org>":           {"Anna", "a@example.org"},
		"a@example.org":                  {"", "a@example.org"},
		"Müller, Hans <h@example.org>":   {"Müller, Hans", "h@example.org"},
		`"Müller, Hans" <h@example.org>`: {"Müller, Hans", "h@example.org"},
		"a@example.org, b@example.org":   {"", "a@example.org"},
		"Somebody":                       {"Somebody", ""},
		"":                               {"", ""},
		"broken <a@example.org":          {"broken <a@example.org", ""},
		"a\x00b <c@example.org>":         {"a\uFFFDb", "c@example.org"},
		"undisclosed@":                   {"", "undisclosed@"},
		"[invoices] billing <billing@example.org>": {"[invoices] billing", "billing@example.org"},
	} {
		name, address := parseFrom(from)
		if got := [2]string{name, address}; got != want {
			t.Errorf("%q: %q, not %q", from, got, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for of, want := range map[[2]string]Kind{
		{"application/octet-stream", "A.PDF"}: KindPDF, {"application/pdf", "noext"}: KindPDF, {"image/png", ""}: KindPicture, {"application/pdf", "a.zip"}: KindArchive,
		{"application/atom+xml", "feed"}: KindXML, {"text/csv; charset=utf-8", "x"}: KindTable, {"message/rfc822", "x"}: KindMessage, {"text/plain", "x.txt"}: KindOther, {"", ""}: KindOther,
	} {
		if got := kindOf(of[0], of[1]); got != want || kindOfNumber(kindNumber(got)) != want {
			t.Errorf("%q: %s", of, got)
		}
	}
}

// TestSearchEarly: a search without any time still gets on, and whoever follows it to the end has
// found everything once, in both directions.
func TestSearchEarly(t *testing.T) {
	t.Parallel()
	for _, text := range []bool{true, false} {
		for _, s := range []Search{{Name: "file", Subject: "7"}, {Name: "file-1", Subject: "rechnung 1"}, {Subject: "7", Account: "a"}, {Kind: KindPDF, Name: "nowhere"}, {Name: "le-2", Kind: KindXML}} {
			h := openStill(t, Options{Search: text, patience: 1})
			var records []any
			for i := range 3000 {
				records = append(records, fileOf(delivered([]string{"a", "b"}[i%2], i), time.Now().Add(time.Duration(i-3000)*time.Minute)))
			}
			write(t, h, records...)
			var want []string
			for i := range 3000 {
				if e := delivered("a", i); holds(e.Attachment.OriginalName, s.Name) && holds(e.Envelope.Subject, s.Subject) && (s.Account == "" || i%2 == 0) && (s.Kind != KindXML) {
					want = append(want, e.Attachment.OriginalName)
				}
			}
			for _, newer := range []bool{true, false} {
				what := fmt.Sprintf("%+v, text index %v, newer %v", s, text, newer)
				var got []string
				s := s
				if s.Before = 1 << 40; newer {
					s.Before, s.After = 0, 1
				}
				for n := 0; ; n++ {
					f, err := h.Search(t.Context(), s)
					must(t, err)
					more := f.Older
					if newer {
						slices.Reverse(f.Items)
						more = f.Newer
					}
					for _, i := range f.Items {
						got = append(got, i.Name)
					}
					if !more {
						break
					}
					next := f.Continue
					if next == 0 {
						next = f.Items[len(f.Items)-1].ID
					} else if f.Back.IsZero() {
						t.Fatalf("%s: nothing says how far it came", what)
					}
					if s.Before, s.After = next, 0; newer {
						s.Before, s.After = 0, next
					}
					if n > 10_000 {
						t.Fatalf("%s: no end", what)
					}
				}
				if !newer {
					slices.Reverse(got)
				}
				same(t, what, want, got)
			}
		}
	}
}

// TestSearchPlans: lookups read rows in the order of an index, and never a whole table of items.
func TestSearchPlans(t *testing.T) {
	t.Parallel()
	h := openStill(t, Options{Search: true})
	write(t, h, fileOf(delivered("a", 1), time.Now()))
	r := h.Reader.open
	for index, s := range map[string]Search{
		"USING INDEX item_account (account=? AND id>? AND id<?)": {Account: "a", Kind: KindPDF, Since: time.Unix(1, 0), Name: "x"},
		"USING INDEX item_kind (kind=? AND id>? AND id<?)":       {Kind: KindPDF, Until: time.Now().Add(time.Hour)},
		"USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)":        {Since: time.Unix(1, 0)},
	} {
		q, _, err := r.query(t.Context(), s)
		must(t, err)
		where, args := q.filter()
		var plan []string
		must(t, eachRow(t.Context(), r.db, "EXPLAIN QUERY PLAN SELECT "+itemColumns+itemTables+" WHERE i.id BETWEEN ? AND ?"+where+" ORDER BY i.id "+q.order()+" LIMIT 5", func(rows *sql.Rows) error {
			var id, parent, unused int
			var detail string
			err := rows.Scan(&id, &parent, &unused, &detail)
			plan = append(plan, detail)
			return err
		}, append([]any{1, 2}, args...)...))
		all := strings.Join(plan, "; ")
		if !strings.HasPrefix(all, "SEARCH i "+index) || strings.Contains(all, "SCAN") || strings.Contains(all, "TEMP B-TREE") {
			t.Errorf("%+v: %s", s, all)
		}
	}
}

// FuzzSearch looks for any text in any other one. What is found is what holds it, with the text
// index and without.
func FuzzSearch(f *testing.F) {
	f.Add("Rechnung 1.pdf", "Anna <a@example.org>", "Ihre Rechnung", "rechnung")
	f.Add(`a"b`, "x", `"quoted"`, `"`)
	f.Add("100%_x", "x", "a*b AND c", "%_")
	f.Add("nul\x00byte", "bad\xffutf8", "\u202e", "\x00")
	f.Add("(name:)", "NEAR(a b)", "^x OR y NOT z -q", "name : \"a\" OR x")
	f.Add("ÄÖÜ", "İstanbul ſ K", "ﬁ ǅ", "äö")
	f.Add("e\u0301e\u0301e\u0301", "", "ééé", "ÉÉÉ")
	f.Add("", "", "", "")
	with := openStill(f, Options{Search: true})
	without := openStill(f, Options{})
	n := 0
	f.Fuzz(func(t *testing.T, name, from, subject, text string) {
		n++
		e := delivered("a", n)
		e.Attachment.Path, e.Envelope = fmt.Sprintf("f/%d-%s", n, strings.ReplaceAll(name, "/", "_")), ledger.Envelope{From: from, Subject: subject}
		for _, h := range []*History{with, without} {
			must(t, h.writer.write(context.Background(), []any{fileOf(e, time.Now())}))
		}
		newest, err := with.Search(t.Context(), Search{Limit: 1})
		must(t, err)
		item := newest.Items[0]
		for _, s := range []string{item.Name, item.Subject, item.Sender, item.SenderName} {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Fatalf("kept %q", s)
			}
		}
		runes := []rune(text)
		for _, text := range []string{text, string(runes[:len(runes)/2]), subject, name[len(name)/2:]} {
			folded := fold(clean(strings.TrimSpace(text), maxTerm))
			for column, s := range map[string]Search{item.Name: {Name: text}, senderText(item.SenderName, item.Sender): {Sender: text}, item.Subject: {Subject: text}} {
				want := strings.Contains(fold(column), folded)
				for _, h := range []*History{with, without} {
					for _, account := range []string{"", "a"} {
						s := s
						s.Limit, s.Account = 1, account
						found, err := h.Search(t.Context(), s)
						must(t, err)
						if got := len(found.Items) == 1 && found.Items[0].ID == item.ID; got != want {
							t.Errorf("%+v in %q: found %v, text index %v", s, column, got, h.options.Search)
						}
					}
				}
			}
		}
	})
}
