package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documented returns the pieces of configuration that README.md and the pages of deploy show,
// without their indentation there.
func documented(t *testing.T) (pieces []string) {
	t.Helper()
	pages := []string{"../README.md"}
	try(t, filepath.WalkDir("../deploy", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			pages = append(pages, path)
		}
		return err
	}))
	for _, page := range pages {
		text, err := os.ReadFile(page)
		try(t, err)
		for _, m := range regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindAllStringSubmatch(string(text), -1) {
			pieces = append(pieces, regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], ""))
		}
	}
	if len(pieces) < 5 {
		t.Fatalf("the pages show %d pieces of configuration, which can't be all", len(pieces))
	}
	return pieces
}

// others matches the configurations of other programs: their first line names their file, or has a
// key that attachd does not know.
var others = regexp.MustCompile(`^(# (\S*/)?(prometheus|compose|docker-compose|kustomization|pod)\.ya?ml|apiVersion:|services:|resources:)`)

// TestLoadDocumented loads what the pages show, with what is missing around it.
func TestLoadDocumented(t *testing.T) {
	t.Parallel()
	const rest = "output: /o\nstate: /s\n"
	for _, text := range documented(t) {
		switch {
		case others.MatchString(text):
			continue
		case strings.HasPrefix(text, "  - name:"):
			text = rest + "accounts:\n" + text
		case isTop(text):
			text = rest + text + "accounts: [{name: a, host: h, username: u, password: p}]\n"
		case !strings.Contains(text, "accounts:"):
			text = rest + "accounts: [{name: a, host: h, username: u, password: p}]\ndefaults:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
		}
		load1(t, text)
	}
}

// isTop reports whether a piece begins with a key that stands at the top level only, and has no
// accounts there.
func isTop(piece string) bool {
	key, _, _ := strings.Cut(piece, ":")
	_, top := keys(&rawConfig{})[key]
	_, below := keys(&rawDefaults{})[key]
	return top && !below && !regexp.MustCompile("(?m)^accounts:").MatchString(piece) && !regexp.MustCompile("(?m)^output:").MatchString(piece)
}

// TestLoadContainers loads the configurations beside the Compose files and the manifests.
func TestLoadContainers(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"docker/config", "docker/trial/config", "docker/paperless", "kubernetes/example"} {
		if _, _, err := Load(filepath.Join("..", "deploy", folder, "attachd.yaml")); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
}
