package oauth

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestShownSecrets: a secret that an authorization server repeats is not shown, in whatever form.
func TestShownSecrets(t *testing.T) {
	t.Parallel()
	const secret = "Secret/Of+Client"
	for _, form := range []string{secret, strings.ToUpper(secret), "tneilC+fO/terceS", "Secret%2FOf%2BClient", base64.StdEncoding.EncodeToString([]byte(secret))} {
		got := strings.TrimRight(shown("invalid_client: "+form, secret, ""), "=")
		if got != "invalid_client: ***" && got != "invalid_client: "+hidden {
			t.Errorf("%q is shown as %q", form, got)
		}
	}
}
