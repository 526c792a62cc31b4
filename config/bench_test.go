package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// many writes a configuration of n accounts, each with a password file of its own.
func many(b *testing.B, n int) (path string) {
	b.Helper()
	dir := b.TempDir()
	var text strings.Builder
	text.WriteString("output: o\nstate: s\naccounts:\n")
	for i := range n {
		secret := fmt.Sprintf("secret%d", i)
		if err := os.WriteFile(filepath.Join(dir, secret), []byte(secret), 0o600); err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&text, "  - name: account%d\n    host: mx%d.example\n    username: u%d\n    password_file: %s\n    after: delete\n    delete_after: 30d\n    tls:\n      mode: starttls\n", i, i%50, i, secret)
	}
	path = filepath.Join(dir, "attachd.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkLoad gives the time to load ten thousand accounts as a ratio to what yaml.v3 takes to
// parse the same file.
func BenchmarkLoad(b *testing.B) {
	path := many(b, 10_000)
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var parsing time.Duration
	for b.Loop() {
		if _, _, err := Load(path); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		start := time.Now()
		var doc yaml.Node
		if err := yaml.Unmarshal(data, &doc); err != nil {
			b.Fatal(err)
		}
		parsing += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(parsing), "x-parsing")
}

// BenchmarkPoll gives the time of the watcher's look at ten thousand password files in which
// nothing has changed, as a share of the interval it is done in.
func BenchmarkPoll(b *testing.B) {
	path := many(b, 10_000)
	_, _, in := load(path, nil)
	n := 0
	for b.Loop() {
		if in.again().fingerprint() != in.fingerprint() {
			b.Fatal("changed")
		}
		n++
	}
	b.ReportMetric(100*float64(b.Elapsed())/float64(n)/float64(defaultPoll), "%-of-interval")
}
