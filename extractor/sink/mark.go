package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// The mark is a number that the caller leaves behind the ID, in decimal.
const (
	markOffset = folderIDLength + 1
	markLength = 20
)

// Mark returns the number that [Directory.SetMark] left in the staging folder, 0 without any.
func (d *Directory) Mark(ctx context.Context) (int64, error) {
	err := ctx.Err()
	var n int64
	if err == nil {
		n, err = readMark(d.folders.staging.root)
	}
	if err != nil {
		return 0, fmt.Errorf("read mark of %s: %w", d.folders.stagingPath(), err)
	}
	return n, nil
}

func readMark(staging *os.Root) (int64, error) {
	f, err := staging.Open(folderIDFile)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, markLength)
	n, err := f.ReadAt(b, markOffset)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return parseMark(b[:n]), nil
}

// parseMark reads a mark. It is 0 for none, or for one that this package did not write.
func parseMark(b []byte) int64 {
	mark, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0
	}
	return mark
}

// SetMark leaves a number in the staging folder. It tells a later user how far this one came. It is
// not fsynced: after a power cut it may be an earlier one.
func (d *Directory) SetMark(ctx context.Context, n int64) error {
	err := ctx.Err()
	if err == nil {
		err = d.before(StepMark, folderIDFile)
	}
	var f *os.File
	if err == nil {
		f, err = d.folders.staging.root.OpenFile(folderIDFile, os.O_WRONLY, 0)
	}
	if err == nil {
		// One write of one length: a reader sees the one number or the other.
		_, err = f.WriteAt(fmt.Appendf(nil, "%0*d\n", markLength, n), markOffset)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("leave mark in %s: %w", d.folders.stagingPath(), err)
	}
	return nil
}
