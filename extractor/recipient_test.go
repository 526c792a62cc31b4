package extractor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestRecipients: a rule finds an address wherever the sender or a server has put it.
func TestRecipients(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header string
		takes  []string // patterns that match
		not    []string
	}{
		"To":                 {"To: Orders <Orders@Example.org>", []string{"orders@example.org", "*@example.org", "ORDERS@*"}, []string{"orders", "example.org", "order@example.org"}},
		"second of many":     {"To: a@x.example, \"B, C\" <b@x.example>,\r\n c@x.example", []string{"b@x.example", "c@x.example"}, []string{"d@x.example"}},
		"Cc":                 {"Cc: b@x.example", []string{"b@*"}, nil},
		"Bcc":                {"Bcc: b@x.example", []string{"b@*"}, nil},
		"Resent-To":          {"To: list@x.example\r\nResent-To: b@x.example", []string{"b@*", "list@*"}, nil},
		"Resent-Cc":          {"Resent-Cc: b@x.example", []string{"b@*"}, nil},
		"each Delivered-To":  {"Delivered-To: box@x.example\r\nDelivered-To: alias@x.example\r\nTo: list@y.example", []string{"box@*", "alias@*", "list@*"}, nil},
		"X-Original-To":      {"X-Original-To: alias@x.example", []string{"alias@*"}, nil},
		"Envelope-To":        {"Envelope-to: a@x.example, b@x.example", []string{"a@*", "b@*"}, nil},
		"X-Envelope-To":      {"X-Envelope-To: <b@x.example>", []string{"b@*"}, nil},
		"X-Rcpt-To":          {"X-Rcpt-To: b@x.example", []string{"b@*"}, nil},
		"X-Delivered-To":     {"X-Delivered-to: b@x.example", []string{"b@*"}, nil},
		"Apparently-To":      {"Apparently-To: b@x.example", []string{"b@*"}, nil},
		"tag":                {"To: orders+2024@example.org", []string{"orders+*@example.org", "orders+2024@example.org", "orders*@example.org"}, []string{"orders@example.org"}},
		"without tag":        {"To: orders@example.org", []string{"orders@example.org", "orders*@example.org"}, []string{"orders+*@example.org"}},
		"group":              {"To: undisclosed-recipients:;", nil, []string{"*"}},
		"named group":        {"To: Team: a@x.example, b@x.example;", []string{"a@*", "b@*"}, nil},
		"encoded name":       {"To: =?utf-8?q?J=C3=BCrgen?= <j@x.example>", []string{"j@x.example"}, nil},
		"broken list":        {"To: a@x.example; b@x.example", []string{"a@*", "b@*"}, nil},
		"no recipient":       {"From: a@x.example", nil, []string{"*", "a@x.example"}},
		"another's field":    {"Reply-To: b@x.example\r\nX-To: b@x.example\r\nSubject: b@x.example", nil, []string{"b@*"}},
		"field of a part":    {"Content-Description: To: b@x.example", nil, []string{"b@*"}},
		"behind the hundred": {"To: " + strings.Repeat("x@y.example, ", 200) + "last@y.example", []string{"last@*"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := test.header + "\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF"
			takes := func(pattern string) bool {
				m := extractFiltered(t, message, &Filter{Include: []Rule{{Recipients: []string{"nobody@x", pattern}}}})
				without := extractFiltered(t, message, &Filter{Exclude: []Rule{{Recipients: []string{pattern}}}})
				if m.Attachments == without.Attachments {
					t.Errorf("%s: include and exclude take the same", pattern)
				}
				return m.Attachments == 1
			}
			for _, pattern := range test.takes {
				if !takes(pattern) {
					t.Errorf("%q does not match", pattern)
				}
			}
			for _, pattern := range test.not {
				if takes(pattern) {
					t.Errorf("%q matches", pattern)
				}
			}
		})
	}
}

func extractFiltered(t *testing.T, message string, f *Filter) *Message {
	t.Helper()
	_, m, err := captureWith(strings.NewReader(message), Options{Filter: f}, false)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAddressed: the addresses are collected once each, and only where a rule asks for them. Those
// around a message that was joined from pieces count, too.
func TestAddressed(t *testing.T) {
	t.Parallel()
	const message = "To: a@x.example, A@X.example\r\nDelivered-To: b@x.example\r\n\r\n"
	if m := extractFiltered(t, message, &Filter{Include: []Rule{{Names: []string{"*"}}}}); m.Addressed != nil {
		t.Errorf("addressed %q, and nobody asks", m.Addressed)
	}
	asks := &Filter{Exclude: []Rule{{Recipients: []string{"c@*"}}}}
	outer := extractFiltered(t, message, asks)
	if want := []string{"a@x.example", "b@x.example"}; !slices.Equal(outer.Addressed, want) {
		t.Errorf("addressed %q, want %q", outer.Addressed, want)
	}
	_, inner, err := captureWith(strings.NewReader("To: c@x.example\r\n\r\n"), Options{Filter: asks, Enclosing: outer}, false)
	if err != nil || fmt.Sprint(inner.Addressed) != "[c@x.example a@x.example b@x.example]" {
		t.Errorf("addressed %q, %v", inner.Addressed, err)
	}
}
