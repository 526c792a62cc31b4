package pop3

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestMask: a secret is not shown in the forms that a server may give it.
func TestMask(t *testing.T) {
	t.Parallel()
	const secret = "Swordfish~?>42"
	var s secrets
	s.add(secret)
	said := map[string]string{ // what is left where a secret is said
		"as it is":       secret,
		"upper case":     strings.ToUpper(secret),
		"lower case":     strings.ToLower(secret),
		"backwards":      "24>?~hsifdrowS",
		"shouted back":   "24>?~HSIFDROWS",
		"base64":         base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 for URL": base64.URLEncoding.EncodeToString([]byte(secret)),
	}
	for name, form := range said {
		for _, line := range []string{"-ERR %s", "%s", "-ERR wrong password '%s' for u"} {
			got := string(s.mask(fmt.Appendf(nil, line, form)))
			if want := fmt.Sprintf(line, "***"); strings.ReplaceAll(got, "=", "") != want {
				t.Errorf("%s: %q became %q", name, form, got)
			}
		}
	}
	for before := range 4 {
		for behind := range 4 {
			text := strings.Repeat("u", before) + secret + strings.Repeat("x", behind)
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
				got := string(s.mask([]byte(encoding.EncodeToString([]byte(text)))))
				if shown := strings.ReplaceAll(got, "***", ""); len(shown) > 12 || !strings.Contains(got, "***") {
					t.Errorf("%d before and %d behind: %q is shown", before, behind, got)
				}
			}
		}
	}
	for _, innocent := range []string{"+OK 3 1234", "-ERR [IN-USE] maildrop locked", "-ERR short", "", "-ERR sword fish"} {
		if got := string(s.mask([]byte(innocent))); got != innocent {
			t.Errorf("%q became %q", innocent, got)
		}
	}
	for _, short := range []string{"hell0", "abc", "z", "!", "pä1"} {
		s := secrets{}
		s.add(short)
		s.add("")
		for _, form := range []string{short, strings.ToUpper(short[:1]) + short[1:], base64.RawStdEncoding.EncodeToString([]byte(short))} {
			for _, line := range []string{"-ERR %s", "%s", "-ERR not '%s' for u", "-ERR \x00u\x00%s", "-ERR u:%s."} {
				if got, want := string(s.mask(fmt.Appendf(nil, line, form))), fmt.Sprintf(line, "***"); got != want {
					t.Errorf("%q: %q became %q", short, fmt.Sprintf(line, form), got)
				}
			}
		}
		if got := string(s.mask([]byte("-ERR xabcx buzz shell0s"))); got != "-ERR xabcx buzz shell0s" {
			t.Errorf("part of a word: %q", got)
		}
	}
	if got := string(s.mask([]byte(secret + secret))); got != "******" {
		t.Errorf("twice: %q", got)
	}
	umlauts := secrets{}
	umlauts.add("Schlüsselwörter")
	if got := string(umlauts.mask([]byte("-ERR retröwlessülhcS"))); got != "-ERR ***" {
		t.Errorf("backwards by letters: %q", got)
	}
}
