package browsertest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const howToInstall = "on Debian: apt-get install chromium npm (make test does it)"

// start is how long a browser may take to come up: a cold disk takes its time.
const start = 60 * time.Second

// Browser is a running browser.
type Browser struct {
	ctx   context.Context
	shots string
}

// Available returns the path of a usable browser.
func Available() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("find Chromium: it is not installed; " + howToInstall)
}

// lacking skips the test for what the machine lacks, or fails it when the environment has CI=true.
func lacking(tb testing.TB, err error) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatal(err)
	}
	tb.Skip(err)
}

// Start starts a browser that ends with the test. Without one it skips the test, or fails it when
// the environment has CI=true.
func Start(tb testing.TB) *Browser {
	tb.Helper()
	path, err := Available()
	if err != nil {
		lacking(tb, err)
	}
	shots := os.Getenv("ATTACHD_ARTEFACTS")
	if shots == "" {
		shots = filepath.Join(root(tb), "bin", "shots")
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		tb.Fatal(err)
	}
	// The profile, unlike a folder of the test, may be written to until the last process has ended.
	profile, err := os.MkdirTemp("", "attachd-browser-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(profile) })
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(start),
		chromedp.Flag("no-proxy-server", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("lang", "en-GB"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	// Not the test's context: that ends before its cleanups, and the tabs with it.
	allocated, freed := chromedp.NewExecAllocator(context.Background(), options...)
	tb.Cleanup(freed)
	ctx, closed := chromedp.NewContext(allocated)
	tb.Cleanup(func() {
		ending, cancel := context.WithTimeout(ctx, start)
		defer cancel()
		_ = chromedp.Cancel(ending) // it may have ended already
		closed()
	})
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx, shots}
}

// root is the folder of the module.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			tb.Fatal("find go.mod above the test: it is not there")
		}
		dir = above
	}
}
