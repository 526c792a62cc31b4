package thumbnail

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// format is one that thumbnails are made of.
type format struct {
	name   string
	is     func(start []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

var formats = []format{
	{"jpeg", func(b []byte) bool { return bytes.HasPrefix(b, []byte("\xff\xd8\xff")) }, jpeg.DecodeConfig, jpeg.Decode},
	{"png", func(b []byte) bool { return bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) }, png.DecodeConfig, png.Decode},
	{"gif", func(b []byte) bool { return bytes.HasPrefix(b, []byte("GIF8")) }, gif.DecodeConfig, gif.Decode},
	{"webp", func(b []byte) bool { return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP" }, webp.DecodeConfig, webp.Decode},
}

// picture is what the beginning of a file says.
type picture struct {
	format
	image.Config
	progressive bool // a JPEG that comes in several passes, all of them held in memory
}

// inspect reads the beginning of a file and fails unless its picture is within the bounds. It
// leaves the file at its start.
func inspect(f io.ReadSeeker) (picture, error) {
	start := make([]byte, 12)
	n, err := io.ReadFull(f, start)
	if err != nil && n == 0 {
		return picture{}, fmt.Errorf("%w: read the file: %w", ErrNone, err)
	}
	is := picture{}
	for _, known := range formats {
		if known.is(start[:n]) {
			is.format = known
		}
	}
	if is.name == "" {
		return is, fmt.Errorf("%w: the file is no picture of a format that is shown", ErrNone)
	}
	if err := is.measure(f); err != nil {
		return is, fmt.Errorf("%w: read the picture's header: %w", ErrNone, err)
	}
	// Each factor on its own first: the product of two large ones may be any number.
	if is.Width <= 0 || is.Height <= 0 || is.Width > maxPixels || is.Height > maxPixels || is.Width*is.Height > maxPixels {
		return is, fmt.Errorf("%w: the picture has %d × %d pixels, and %d megapixels are allowed", ErrNone, is.Width, is.Height, maxPixels/1_000_000)
	}
	if is.memory() > maxMemory {
		return is, fmt.Errorf("%w: the picture would take %d MB of memory", ErrNone, is.memory()>>20)
	}
	_, err = f.Seek(0, io.SeekStart)
	return is, err
}

// measure reads the header of the picture.
func (p *picture) measure(f io.ReadSeeker) (err error) {
	if _, err = f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if p.Config, err = p.config(f); err != nil {
		return err
	}
	if _, err = f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	switch p.name {
	case "jpeg":
		p.progressive, err = isProgressive(f)
	case "webp":
		var frame image.Config
		if frame, err = webpFrame(f); err == nil {
			p.Width, p.Height = max(p.Width, frame.Width), max(p.Height, frame.Height)
		}
	}
	return err
}

// memory is how many bytes it takes at most to decode the picture.
func (p picture) memory() int64 {
	each := int64(4)
	switch p.ColorModel {
	case color.GrayModel:
		each = 1
	case color.YCbCrModel:
		each = 3
	case color.RGBA64Model, color.NRGBA64Model:
		each = 8
	case color.Gray16Model:
		each = 2
	}
	if _, palette := p.ColorModel.(color.Palette); palette {
		each = 1
	}
	switch {
	case p.progressive:
		each *= 5 // the coefficients, of 4 bytes each
	case p.name == "webp":
		each *= 2 // one in colours and one in transparency, or a copy in between
	}
	return each * int64(p.Width) * int64(p.Height)
}

// shrink decodes the picture and returns it small, as a PNG.
func (p picture) shrink(f io.Reader) ([]byte, error) {
	full, err := p.decode(io.LimitReader(f, maxBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: decode the picture: %w", ErrNone, err)
	}
	from := full.Bounds()
	if from.Empty() {
		return nil, fmt.Errorf("%w: the picture is empty", ErrNone)
	}
	// The good filter looks at each pixel, so it gets no more of them than it needs.
	if side := 4 * Side; from.Dx() > 2*side || from.Dy() > 2*side {
		rough := image.NewNRGBA(fit(from, side))
		draw.NearestNeighbor.Scale(rough, rough.Bounds(), full, from, draw.Src, nil)
		full, from = rough, rough.Bounds()
	}
	small := image.NewNRGBA(fit(from, Side))
	draw.BiLinear.Scale(small, small.Bounds(), full, from, draw.Src, nil)
	var out bytes.Buffer
	if err := png.Encode(&out, small); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// fit returns a rectangle of the same shape whose sides are at most side, and at most as long as
// before.
func fit(r image.Rectangle, side int) image.Rectangle {
	w, h := r.Dx(), r.Dy()
	if longest := max(w, h); longest > side {
		w, h = max(1, w*side/longest), max(1, h*side/longest)
	}
	return image.Rect(0, 0, w, h)
}

// isProgressive reports whether the frame of a JPEG is a progressive one: ITU-T T.81, table B.1.
func isProgressive(f io.Reader) (bool, error) {
	in := bufio.NewReader(f)
	in.Discard(2) // the start of the picture
	for {
		b, err := in.Peek(4)
		if err != nil {
			return false, err
		}
		skip := 1 // of bytes between two segments, which decoders pass over
		if marker := b[1]; b[0] == 0xff && marker != 0xff && marker != 0 && (marker < 0xd0 || marker > 0xd7) {
			switch marker {
			case 0xc2:
				return true, nil
			case 0xc0, 0xc1, 0xda:
				return false, nil
			}
			skip = 2 + int(binary.BigEndian.Uint16(b[2:]))
		}
		if _, err := in.Discard(skip); err != nil {
			return false, err
		}
	}
}

// webpFrame reads the size of the frame in a WebP file. The header of an extended file tells a size
// of its own, which need not be that of the frame, and the decoder believes the frame: RFC 9649
// sections 2.5 to 2.7.
func webpFrame(f io.Reader) (image.Config, error) {
	in := bufio.NewReader(f)
	in.Discard(12) // the header of the file
	for {
		b, err := in.Peek(18)
		if err != nil {
			return image.Config{}, err
		}
		switch string(b[:4]) {
		case "VP8 ":
			w, h := binary.LittleEndian.Uint16(b[14:]), binary.LittleEndian.Uint16(b[16:])
			return image.Config{Width: int(w & 0x3fff), Height: int(h & 0x3fff)}, nil
		case "VP8L":
			bits := binary.LittleEndian.Uint32(b[9:])
			return image.Config{Width: int(bits&0x3fff) + 1, Height: int(bits>>14&0x3fff) + 1}, nil
		}
		size := int64(binary.LittleEndian.Uint32(b[4:]))
		if _, err := io.CopyN(io.Discard, in, 8+size+size&1); err != nil {
			return image.Config{}, err
		}
	}
}
