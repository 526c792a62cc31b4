package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// assets are the files of /static, under a name that changes with their content.
type assets struct {
	files  map[string][]byte
	prefix string // "/static/HASH/"
}

// types are the media types of what /static holds.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func newAssets() (*assets, error) {
	a := &assets{files: make(map[string][]byte)}
	hash := sha256.New()
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		content, err := staticFiles.ReadFile("static/" + entry.Name())
		if err != nil {
			return nil, err
		}
		a.files[entry.Name()] = content
		hash.Write([]byte(entry.Name()))
		hash.Write(content)
	}
	a.prefix = "/static/" + hex.EncodeToString(hash.Sum(nil)[:8]) + "/"
	return a, nil
}

// ServeHTTP serves a file for ever: what changes gets another name.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, a.prefix)
	content, found := a.files[name]
	if !ok || !found {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", types[path.Ext(name)])
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content)
}
