package browsertest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The version of axe-core, and the SHA-256 of its axe.min.js: what is fetched runs in the browser.
const (
	axeVersion = "4.14.1"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// fetchTime is how long npm may take.
const fetchTime = 2 * time.Minute

// Axe is axe-core, which finds what keeps people from using a page.
type Axe string

// FetchAxe returns axe-core. npm fetches it into the user's cache, unless it is there. Where npm or
// what it asks can't be reached, FetchAxe returns why, and fails the test when the environment has
// CI=true.
func FetchAxe(tb testing.TB) (Axe, error) {
	tb.Helper()
	script, err := fetchAxe(tb.Context())
	if err != nil && os.Getenv("CI") == "true" {
		tb.Fatal(err)
	}
	return script, err
}

func fetchAxe(ctx context.Context) (Axe, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "attachd-test", "axe-core-"+axeVersion)
	name := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if script, err := readAxe(name); err == nil {
		return script, nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", errors.New("fetch axe-core: npm is not installed; " + howToInstall)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("fetch axe-core: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "axe-core@"+axeVersion)
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch axe-core: npm install: %w\n%s", err, out)
	}
	return readAxe(name)
}

// readAxe reads the script, and fails if it is another one than was looked at.
func readAxe(name string) (Axe, error) {
	script, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("fetch axe-core: %w", err)
	}
	if sum := sha256.Sum256(script); hex.EncodeToString(sum[:]) != axeSum {
		return "", fmt.Errorf("fetch axe-core: %s has the SHA-256 %x, not the one that this test knows", name, sum)
	}
	return Axe(script), nil
}

// Violation is one thing that axe-core finds.
type Violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// String says what it is and where.
func (v Violation) String() string {
	s := fmt.Sprintf("%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes[:min(len(v.Nodes), 3)] {
		s += fmt.Sprintf("\n\t%s\n\t%s", n.HTML, n.Summary)
	}
	return s
}

// Axe returns what axe-core finds on the page: what WCAG 2.2 AA asks for, and its best practices.
func (t *Tab) Axe(axe Axe) []Violation {
	t.tb.Helper()
	// Into the page by the protocol: the Content-Security-Policy lets nothing else in.
	Eval[bool](t, "window.axe ? true : (() => {"+string(axe)+"\n; return true})()")
	return Eval[[]Violation](t, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r => r.violations)`)
}
