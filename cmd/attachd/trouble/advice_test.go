package trouble_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/trouble"
)

// unwanted are words and figures of speech that the texts do without.
var unwanted = regexp.MustCompile(`(?i)\b(warning|critical|oops|n/a|error occurred|failed to|of which|but for|please note|invalid state)\b|!|…|\{|\}|  `)

// TestAdvice reads every text of every class.
func TestAdvice(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	headings := make(map[string]trouble.Class)
	subject := trouble.Subject{Account: "orders", Host: "mail.example.org:995", Secret: "password_file /etc/orders", Output: "/out/orders", State: "/state.db", Config: "/etc/attachd.yaml"}
	for _, class := range trouble.Classes() {
		if !name.MatchString(string(class)) {
			t.Errorf("class %q is not in snake case", class)
		}
		if !slices.Contains(trouble.Results(), class.Result()) || !name.MatchString(class.Result()) {
			t.Errorf("%s: result %q", class, class.Result())
		}
		for _, a := range []trouble.Advice{class.Advice(), class.AdviceFor(subject)} {
			checkText(t, class, a)
		}
		if other, twice := headings[class.Advice().Heading]; twice && !(class == trouble.Quarantine || class == trouble.MessageUnread) {
			t.Errorf("%s and %s have the same heading", class, other)
		}
		headings[class.Advice().Heading] = class
	}
	if trouble.Class("").Result() != "ok" || trouble.Class("made_up").Result() != "other" || trouble.Class("made_up").Advice() != trouble.Other.Advice() {
		t.Error("no class, or an unknown one, has other words than expected")
	}
}

func checkText(t *testing.T, class trouble.Class, a trouble.Advice) {
	t.Helper()
	if a.Heading == "" || a.Heading[0] < 'A' && a.Heading[0] != 'a' || strings.HasSuffix(a.Heading, ".") || len(a.Heading) > 40 {
		t.Errorf("%s: heading %q", class, a.Heading)
	}
	if n := len(strings.Fields(a.Short)); n == 0 || n > 4 || strings.HasSuffix(a.Short, ".") || a.Short == strings.ToUpper(a.Short) {
		t.Errorf("%s: short %q", class, a.Short)
	}
	for _, text := range []string{a.Meaning, a.Todo} {
		if len(text) < 10 || !strings.HasSuffix(text, ".") || len(text) > 420 {
			t.Errorf("%s: %q is no whole sentence, or far too long", class, text)
		}
		for sentence := range strings.SplitSeq(text, ". ") {
			if len(sentence) > 230 {
				t.Errorf("%s: %d bytes in a sentence: %q", class, len(sentence), sentence)
			}
		}
	}
	for _, text := range []string{a.Heading, a.Short, a.Meaning, a.Todo} {
		if found := unwanted.FindString(text); found != "" {
			t.Errorf("%s: %q in %q", class, found, text)
		}
	}
	asks := !strings.HasPrefix(a.Todo, "Nothing")
	if a.Owner == trouble.Person && !asks {
		t.Errorf("%s needs somebody, and says that there is nothing to do", class)
	}
}

// TestAdviceFor: the texts name what a person has to look at.
func TestAdviceFor(t *testing.T) {
	t.Parallel()
	got := trouble.LoginRefused.AdviceFor(trouble.Subject{Account: "orders", Secret: "password_file /etc/attachd/secrets/orders"})
	for _, want := range []string{"password_file /etc/attachd/secrets/orders", "attachd check --online orders"} {
		if !strings.Contains(got.Todo, want) {
			t.Errorf("%q lacks %q", got.Todo, want)
		}
	}
	if got := trouble.SignInEnded.Advice().Todo; !strings.Contains(got, "attachd oauth login ACCOUNT") {
		t.Errorf("%q names no command", got)
	}
}
