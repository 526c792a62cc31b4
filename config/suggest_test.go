package config

import "testing"

func TestHint(t *testing.T) {
	t.Parallel()
	account := keys(&rawAccount{})
	for key, want := range map[string]string{
		"pasword_file": "password_file", "usrename": "username", "user": "username", "pass": "password", "HOST": "host", "delete-after": "delete_after",
		"hosts": "host", "server": "host", "ca_file": "tls.ca_file", "ssl": "tls", "loglevel": "", "xyz": "", "": "", "é": "", "h": "",
	} {
		text := ""
		if want != "" {
			text = `, did you mean "` + want + `"?`
		}
		if got := hint(key, account); got != text {
			t.Errorf("%q: got %q, want %q", key, got, text)
		}
	}
}

func TestHintWhere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key    string
		fields map[string]decodable
		want   string
	}{
		{"min_free", keys(&rawConfig{}), ", it belongs in an account or in defaults"},
		{"path", keys(&rawConfig{}), ", it belongs in an account or in defaults"},
		{"password", keys(&rawConfig{}), ", it belongs in an account"},
		{"password", keys(&rawDefaults{}), ", it belongs in an account"},
		{"state", keys(&rawAccount{}), ", it belongs at the top level"},
		{"host", keys(&rawTLS{}), ", it belongs in an account or in defaults"},
	} {
		if got := hint(test.key, test.fields); got != test.want {
			t.Errorf("%s: got %q, want %q", test.key, got, test.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"host": "host", "password:hunter2": "password…", "password hunter2": "password…", "\x1b[31m": "…", "": "",
	} {
		if got := printable(key); got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
}
