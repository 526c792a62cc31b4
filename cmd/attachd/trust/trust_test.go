package trust

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// TestHoldCertificates never takes a system for one that has authorities when it has none.
func TestHoldCertificates(t *testing.T) {
	var der []byte
	for root := range bundle.Roots() {
		der = root.Certificate
		break
	}
	good := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	contents := map[string]string{
		"good":      good,
		"commented": "# An Authority\n# SHA-256: 00\n\n" + good,
		"empty":     "",
		"words":     "no certificate",
		"key":       string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) + good,
		"broken":    string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der[:100]})),
		"cut":       good[:200],
	}
	dir := t.TempDir()
	for name, text := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		files []string
		want  bool
	}{
		{[]string{"good"}, true},
		{[]string{"commented"}, true},
		{[]string{"missing", "good"}, true},
		{[]string{"missing"}, false},
		{nil, false},
		{[]string{"empty"}, false},
		// crypto/x509 stops at the first that can be read.
		{[]string{"empty", "good"}, false},
		{[]string{"words"}, false},
		{[]string{"key"}, false},
		{[]string{"broken"}, false},
		{[]string{"cut"}, false},
		{[]string{"."}, false},
	}
	for _, test := range tests {
		var files []string
		for _, name := range test.files {
			files = append(files, filepath.Join(dir, name))
		}
		if got := holdCertificates(files); got != test.want {
			t.Errorf("%v: %v, want %v", test.files, got, test.want)
		}
	}
}

// TestChosen: where somebody says which authorities are to be read, those of the system do not
// count.
func TestChosen(t *testing.T) {
	for key, value := range map[string]string{"SSL_CERT_FILE": "/missing", "GODEBUG": "x509usefallbackroots=1"} {
		t.Run(key, func(t *testing.T) {
			t.Setenv(key, value)
			if systemKnows() {
				t.Error("taken for a system with authorities")
			}
		})
	}
}
