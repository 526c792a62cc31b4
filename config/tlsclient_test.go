package config

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestTLSClient: the certificate files are read once, and again after each change, which forgets
// the sessions with what was trusted before.
func TestTLSClient(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	client := NewTLSClient(TLS{CAFile: file})
	one, two := issue(t, 1, nil), issue(t, 2, nil)
	long := time.Now().Add(-time.Hour)
	put := func(text string, at time.Time) {
		t.Helper()
		write(t, file, text)
		try(t, os.Chtimes(file, at, at))
	}
	config := func() *tls.Config {
		t.Helper()
		c, err := client.Config()
		try(t, err)
		return c
	}
	if _, err := client.Config(); err == nil {
		t.Error("no error without the file")
	}
	put(one.pem(), long)
	first := config()
	if config() != first {
		t.Error("the same file was read twice")
	}
	put(two.pem(), long.Add(time.Minute))
	second := config()
	if second.RootCAs.Equal(first.RootCAs) || second.ClientSessionCache == first.ClientSessionCache {
		t.Error("another file trusts the same, or resumes the same")
	}
	// What was written just now may be written again without leaving another time.
	put(two.pem(), time.Now())
	third := config()
	if again := config(); again == third || again.ClientSessionCache != third.ClientSessionCache {
		t.Error("a file that may change was not read again, or has lost its sessions")
	}
	try(t, os.Remove(file))
	if _, err := client.Config(); err == nil {
		t.Error("no error after the file is gone")
	}
	put(two.pem(), long)
	if config().ClientSessionCache == third.ClientSessionCache {
		t.Error("a new file resumes sessions of the old one")
	}
}
