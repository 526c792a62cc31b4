package tnef

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// captured is a file that came out, with its content.
type captured struct {
	*File
	bytes.Buffer
	closed int
}

func (c *captured) Close() error {
	c.closed++
	return nil
}

// result is all that came of a stream.
type result struct {
	files   []*captured
	reports []string
	damaged bool
	err     error
}

// decode decodes a stream that is written in pieces of the given length.
func decode(stream []byte, o Options, piece int) *result {
	r := &result{}
	o.Report = func(kind, detail string) { r.reports = append(r.reports, kind+": "+detail) }
	d := NewDecoder(o, func(f *File) (io.WriteCloser, error) {
		c := &captured{File: f}
		r.files = append(r.files, c)
		return c, nil
	})
	for len(stream) > 0 && r.err == nil {
		n := min(piece, len(stream))
		_, r.err = d.Write(stream[:n])
		stream = stream[n:]
	}
	if err := d.Close(); r.err == nil {
		r.err = err
	}
	r.damaged = d.Damaged()
	return r
}

// String tells everything of a result, to compare two.
func (r *result) String() string {
	var b strings.Builder
	for _, c := range r.files {
		fmt.Fprintf(&b, "%+v closed %d times: %q\n", *c.File, c.closed, c.Buffer.Bytes())
	}
	fmt.Fprintf(&b, "reports %q, damaged %v, error %v\n", r.reports, r.damaged, r.err)
	return b.String()
}
