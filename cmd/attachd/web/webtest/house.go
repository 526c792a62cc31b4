package webtest

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/digest"
)

// House is a configuration with the folders of its accounts, and files in them.
type House struct {
	Config  *config.Config
	History *History
	dir     string
}

// NewHouse makes a house below dir with these accounts. What is delivered there is added to h.
func NewHouse(dir string, h *History, accounts ...string) *House {
	house := &House{Config: &config.Config{Output: dir}, History: h, dir: dir}
	for _, name := range accounts {
		house.Config.Accounts = append(house.Config.Accounts, config.Account{Name: name, Output: filepath.Join(dir, name)})
	}
	return house
}

// Place is where a file of an account lies.
func (h *House) Place(account, path string) string {
	return filepath.Join(h.dir, account, filepath.FromSlash(path))
}

// Deliver writes a file and adds it to the history, as a message of its own. It returns its ID.
func (h *House) Deliver(t testing.TB, account, path string, content []byte, change ...func(*history.Item)) int64 {
	t.Helper()
	place := h.Place(account, path)
	if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(place, content, 0o600); err != nil {
		t.Fatal(err)
	}
	h.History.mu.Lock()
	n := int64(len(h.History.Items) + 1)
	h.History.mu.Unlock()
	i := history.Item{
		At: Now.Add(-time.Minute), Account: account, UIDL: fmt.Sprintf("house-%d", n), Message: 1000 + n, Name: filepath.Base(place), Path: path,
		Sender: "sender@example.org", Subject: "A file", Kind: history.KindOther, MediaType: "application/octet-stream",
		Size: int64(len(content)), Digest: digest.Of(digest.Own, content), Original: filepath.Base(place),
	}
	for _, c := range change {
		c(&i)
	}
	return h.History.Add(i)
}

// Picture is a PNG of this size, in stripes.
func Picture(t testing.TB, w, h int) []byte {
	t.Helper()
	is := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.RGBA{R: 35, G: 70, B: 166, A: 255}, color.RGBA{R: 250, G: 249, B: 245, A: 255}})
	for y := range h {
		for x := range w {
			is.SetColorIndex(x, y, uint8((x+y)/max(1, w/6)%2))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, is); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Bomb is a PNG that says it has 50,000 × 50,000 pixels.
func Bomb() []byte {
	return []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\xc3\x50\x00\x00\xc3\x50\x08\x02\x00\x00\x00\xc4\xcd\xaa\x9d")
}
