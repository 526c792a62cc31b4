package extractor

import (
	"net/mail"
	"testing"
)

// FuzzSimpleAddress: what simpleAddress reads, mail.ParseAddressList reads alike.
func FuzzSimpleAddress(f *testing.F) {
	for _, field := range []string{
		"hans@example.org", "Hans Meier <hans.m+x@example.org>", "a..b@c", ".a@b", "Hans  Meier <a@b>", "<a@b>", "H. Meier <a@b>", "a@b@c",
		"Hans <a@b>>", "a@b.", "=?utf-8?q?x?= <a@b>", "Hans<a@b>", " <a@b>", "Hans <a b@c>", "a@[192.0.2.1]", "a-_@-b", "Hans <a@b> ",
	} {
		f.Add(field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		got, ok := simpleAddress(field)
		if !ok {
			return
		}
		want, err := mail.ParseAddressList(field)
		if err != nil || len(want) != 1 || got != (Address{want[0].Name, want[0].Address}) {
			t.Errorf("%q: got %+v, want %+v, %v", field, got, want, err)
		}
	})
}

func TestSimpleAddress(t *testing.T) {
	for field, want := range map[string]Address{
		"hans@example.org":                  {Address: "hans@example.org"},
		"Hans Meier <hans.m+x@example.org>": {"Hans Meier", "hans.m+x@example.org"},
	} {
		if got, ok := simpleAddress(field); !ok || got != want {
			t.Errorf("%q: got %+v, %v", field, got, ok)
		}
	}
}
