package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/web/thumbnail"
)

// mayHaveThumb reports whether a file says that it is a picture of a kind that is shown. Its
// content decides later.
func mayHaveThumb(i *history.Item) bool {
	switch strings.ToLower(path.Ext(i.Name)) {
	case ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp":
		return true
	}
	switch i.MediaType {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return true
	}
	return false
}

// How long browsers keep a thumbnail, and a tile in its place.
const (
	keepThumb = "private, max-age=86400"
	keepTile  = "private, max-age=60"
)

// serveThumb answers with a small picture of a file, or with a tile in its place.
func (s *Server) serveThumb(w http.ResponseWriter, r *http.Request) error {
	is, err := s.item(r)
	if err != nil {
		return err
	}
	small, err := s.thumbs.PNG(r.Context(), is.Digest.Sum, is.Size, func() (io.ReadSeekCloser, error) {
		f, _, err := s.delivered(is)
		return f, err
	})
	h := w.Header()
	h.Set("Content-Security-Policy", sandbox)
	var p *problem
	switch {
	case err == nil:
		h.Set("ETag", `"`+is.Digest.String()+`"`)
		h.Set("Cache-Control", keepThumb)
		h.Set("Content-Type", "image/png")
		_, _ = w.Write(small) // a reader who left
		return nil
	case errors.Is(err, thumbnail.ErrNone), errors.Is(err, thumbnail.ErrLate), errors.As(err, &p):
		h.Set("Cache-Control", keepTile)
		h.Set("Content-Type", "image/svg+xml")
		_, _ = fmt.Fprintf(w, tile, tileOf(is.Name))
		return nil
	}
	return err
}

// tile is a picture of an extension, in a grey that can be read on white and on black.
const tile = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><text x="20" y="24" text-anchor="middle" font-family="monospace" font-weight="bold" font-size="11" fill="#767676">%s</text></svg>
`
