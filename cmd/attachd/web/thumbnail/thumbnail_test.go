package thumbnail_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/web/thumbnail"
)

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

// thumb makes the thumbnail of a file with this content.
func thumb(t *testing.T, m *thumbnail.Maker, content []byte) (image.Image, error) {
	t.Helper()
	b, err := ask(t, m, content, func() (io.ReadSeekCloser, error) { return file{bytes.NewReader(content)}, nil })
	if err != nil {
		return nil, err
	}
	is, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("the thumbnail is no PNG: %v", err)
	}
	return is, nil
}

// halves is a picture that is red on the left and blue on the right.
func halves(w, h int) image.Image {
	is := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.RGBA{R: 255, A: 255}, color.RGBA{B: 255, A: 255}})
	for y := range h {
		for x := w / 2; x < w; x++ {
			is.SetColorIndex(x, y, 1)
		}
	}
	return is
}

func encoded(t *testing.T, encode func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPNG: each format becomes a small picture of the same shape, with the same colours in the same
// places. A small picture keeps its size.
func TestPNG(t *testing.T) {
	t.Parallel()
	webp, err := os.ReadFile("testdata/halves.webp") // 400 × 200
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content []byte
		w, h    int
	}{
		"jpeg":  {encoded(t, func(w io.Writer) error { return jpeg.Encode(w, halves(2000, 1000), nil) }), 160, 80},
		"png":   {encoded(t, func(w io.Writer) error { return png.Encode(w, halves(300, 3000)) }), 16, 160},
		"gif":   {encoded(t, func(w io.Writer) error { return gif.Encode(w, halves(640, 640), nil) }), 160, 160},
		"webp":  {webp, 160, 80},
		"small": {encoded(t, func(w io.Writer) error { return png.Encode(w, halves(20, 10)) }), 20, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is, err := thumb(t, new(thumbnail.Maker), test.content)
			if err != nil {
				t.Fatal(err)
			}
			if got := is.Bounds().Size(); got != image.Pt(test.w, test.h) {
				t.Errorf("the thumbnail has %v pixels, want %d × %d", got, test.w, test.h)
			}
			left, right := color.NRGBAModel.Convert(is.At(test.w/8, test.h/2)).(color.NRGBA), color.NRGBAModel.Convert(is.At(test.w*7/8, test.h/2)).(color.NRGBA)
			if left.R < 200 || left.B > 50 || right.B < 200 || right.R > 50 {
				t.Errorf("left %v and right %v, want red and blue", left, right)
			}
		})
	}
}

// TestBombs: a file that promises more than it should is refused by its header, before anything is
// decoded. Files that are no pictures, and damaged ones, get no thumbnail either.
func TestBombs(t *testing.T) {
	t.Parallel()
	small := encoded(t, func(w io.Writer) error { return jpeg.Encode(w, halves(64, 64), nil) })
	progressive := bytes.Replace(jpegOf(t, 6000, 6000), []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	for name, test := range map[string]struct {
		content []byte
		says    string
	}{
		"png of 50,000 × 50,000":        {pngHeader(50_000, 50_000, 8, 2), "50000 × 50000 pixels"},
		"png of 2³¹-1 × 2³¹-1":          {pngHeader(1<<31-1, 1<<31-1, 1, 0), "no thumbnail"},
		"png with 16 bits a colour":     {pngHeader(6_300, 6_300, 16, 6), "MB of memory"},
		"jpeg of 50,000 × 50,000":       {jpegOf(t, 50_000, 50_000), "50000 × 50000 pixels"},
		"progressive jpeg":              {progressive, "MB of memory"},
		"progressive, behind garbage":   {append([]byte("\xff\xd8\xff\xe0\x00\x03\x00garbage"), progressive[2:]...), "MB of memory"},
		"gif of 50,000 × 50,000":        {append([]byte("GIF89a"), 0x50, 0xc3, 0x50, 0xc3, 0x80, 0, 0, 0, 0, 0, 255, 255, 255), "50000 × 50000 pixels"},
		"webp of 16,384 × 16,384":       {webpOf(16_384, 16_384, 0), "16384 × 16384 pixels"},
		"webp that says it is 16 × 16":  {webpOf(16_384, 16_384, 16), "16384 × 16384 pixels"},
		"svg":                           {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "no picture"},
		"pdf":                           {[]byte("%PDF-1.7\n"), "no picture"},
		"html in the name of a picture": {[]byte("<html><script>alert(1)</script>"), "no picture"},
		"empty":                         {nil, "no thumbnail"},
		"cut":                           {small[:len(small)-10], "decode the picture"},
		"header alone":                  {[]byte("\xff\xd8\xff"), "header"},
		"too large":                     {make([]byte, 25<<20+1), "more than 25 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is, err := thumb(t, new(thumbnail.Maker), test.content)
			if is != nil || !errors.Is(err, thumbnail.ErrNone) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("thumbnail %v, error %v; want one with %q", is != nil, err, test.says)
			}
		})
	}
}

// ask asks for a thumbnail, and again as a page does while a slow machine makes it.
func ask(t *testing.T, m *thumbnail.Maker, content []byte, open func() (io.ReadSeekCloser, error)) (b []byte, err error) {
	t.Helper()
	for range 10 {
		if b, err = m.PNG(t.Context(), sha256.Sum256(content), int64(len(content)), open); !errors.Is(err, thumbnail.ErrLate) {
			break
		}
	}
	return b, err
}

// TestMakesOnce: many who ask for one thumbnail at once get the same, and the file is opened once.
// A file that can't be opened is tried again.
func TestMakesOnce(t *testing.T) {
	t.Parallel()
	content := encoded(t, func(w io.Writer) error { return png.Encode(w, halves(1000, 1000)) })
	sum := sha256.Sum256(content)
	m := new(thumbnail.Maker)
	gone := errors.New("gone")
	if _, err := m.PNG(t.Context(), sum, int64(len(content)), func() (io.ReadSeekCloser, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Fatalf("error %v, want that of the file", err)
	}
	var opened atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			b, err := ask(t, m, content, func() (io.ReadSeekCloser, error) {
				opened.Add(1)
				return file{bytes.NewReader(content)}, nil
			})
			if err != nil || len(b) == 0 {
				t.Errorf("%d bytes, error %v", len(b), err)
			}
		})
	}
	if all.Wait(); opened.Load() != 1 {
		t.Errorf("the file was opened %d times, want once", opened.Load())
	}
}

// jpegOf is a JPEG whose header says that it has this size.
func jpegOf(t *testing.T, w, h uint16) []byte {
	b := encoded(t, func(out io.Writer) error { return jpeg.Encode(out, halves(64, 64), nil) })
	at := bytes.Index(b, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(b[at+5:], h)
	binary.BigEndian.PutUint16(b[at+7:], w)
	return b
}

// pngHeader is the beginning of a PNG.
func pngHeader(w, h uint32, depth, colours byte) []byte {
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	chunk = append(binary.BigEndian.AppendUint32(chunk, h), depth, colours, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(b, chunk...), crc32.ChecksumIEEE(chunk))
}

// webpOf is the beginning of a lossless WebP of this size. said, unless 0, is the width and height
// that a header before it tells.
func webpOf(w, h, said uint32) []byte {
	var chunks []byte
	if said > 0 {
		chunks = append([]byte("VP8X"), 10, 0, 0, 0, 0, 0, 0, 0, byte(said-1), 0, 0, byte(said-1), 0, 0)
	}
	chunks = append(chunks, "VP8L\x20\x00\x00\x00\x2f"...)
	chunks = append(binary.LittleEndian.AppendUint32(chunks, w-1|(h-1)<<14), make([]byte, 27)...)
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(chunks)+4))
	return append(append(b, "WEBP"...), chunks...)
}
