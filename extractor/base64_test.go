package extractor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"
)

// TestBase64Widths: lines of all widths are decoded in one go, those too whose ends stand where
// those of the usual lines would: three lines of 24 are as wide as one of 76.
func TestBase64Widths(t *testing.T) {
	content := make([]byte, 90_000)
	for i := range content {
		content[i] = byte(i * i >> 3)
	}
	all := base64.StdEncoding.EncodeToString(content)
	mixed := []int{76, 24, 24, 24, 76, 76, 11, 24, 24}
	for _, widths := range [][]int{{76}, {24}, {50}, {75}, {77}, {4}, {2, 72}, {24, 50}, mixed} {
		for _, end := range []string{"\r\n", "\n"} {
			for _, step := range []int{1, 77, 79, 16 << 10, 1 << 20} {
				t.Run(fmt.Sprintf("%d%q/%d", widths, end, step), func(t *testing.T) {
					var text, got bytes.Buffer
					for i, rest := 0, all; rest != ""; i++ {
						n := min(len(rest), widths[i%len(widths)])
						text.WriteString(rest[:n] + end)
						rest = rest[n:]
					}
					d := &base64Decoder{w: &got, report: func(kind ProblemKind, detail string) { t.Errorf("%s: %s", kind, detail) }}
					for text.Len() > 0 {
						if _, err := d.Write(text.Next(step)); err != nil {
							t.Fatal(err)
						}
						if d.careful > 0 {
							t.Fatal("not in one go")
						}
					}
					if err := d.Close(); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got.Bytes(), content) {
						t.Errorf("other bytes, %d, want %d", got.Len(), len(content))
					}
				})
			}
		}
	}
}
