package sink

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of the size and number of files that options say.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mounting a small file system is refused: %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount(dir, 0)) })
	return dir
}

// wantNoRoom checks that an attempt ended for want of room and left nothing.
func wantNoRoom(t *testing.T, dir string, err error, says string) {
	t.Helper()
	short, ok := errors.AsType[*RoomError](err)
	if !ok || !errors.Is(err, syscall.ENOSPC) || short.Path != dir || !strings.Contains(err.Error(), says) {
		t.Fatalf("error %v, want a RoomError", err)
	}
	if left := names(t, filepath.Join(dir, defaultStaging)); len(left) != 0 {
		t.Errorf("left in the staging folder: %v", left)
	}
}

// TestMinFree: a message that unpacks to more than there is room for leaves free what is to stay
// so, while it is being written and afterwards.
func TestMinFree(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "size=5m")
	const keep = 2 << 20
	ops := &operations{}
	d := open1(t, dir, Options{MinFree: keep, Hook: ops})
	least := int64(1 << 40)
	ops.fail = func(Step, string) error {
		s, err := askSpace(d.folders.top.dir)
		least = min(least, s.bytes)
		return err
	}
	small := attached{"small.txt", []byte("x")}
	deliver(t, d, stage(t, d, small))
	_, err := tryDelivery(t.Context(), d, small, attached{"big.bin", bytes.Repeat([]byte("x"), 7<<20)})
	wantNoRoom(t, dir, err, "min_free")
	if least < keep || least > keep+roomStep {
		t.Errorf("only %d bytes were free, want %d to %d", least, keep, keep+roomStep)
	}
	// Files of a few bytes take more than these.
	var many []attached
	for i := range 1000 {
		many = append(many, attached{fmt.Sprintf("%d.txt", i), []byte("x")})
	}
	_, err = tryDelivery(t.Context(), d, many...)
	wantNoRoom(t, dir, err, "min_free")
	deliver(t, d, stage(t, d, small)) // the room of what failed is free again
	if got := names(t, dir); !slices.Equal(got, []string{"small-2.txt", "small.txt"}) {
		t.Errorf("files %q", got)
	}
}

// TestInodes: a file system may be full of files with all its bytes free.
func TestInodes(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "size=64m,nr_inodes=700")
	d := open1(t, dir, Options{MinFree: 1})
	var many []attached
	for i := range 1000 {
		many = append(many, attached{fmt.Sprintf("%d.txt", i), []byte("x")})
	}
	_, err := tryDelivery(t.Context(), d, many...)
	wantNoRoom(t, dir, err, "inodes")
	deliver(t, d, stage(t, d, many[:600]...))
	if _, err := d.Free(t.Context()); err != nil {
		t.Error(err)
	}
	for err = nil; err == nil; {
		_, err = tryDelivery(t.Context(), d, many[0])
	}
	wantNoRoom(t, dir, err, "inodes")
	if s, err := askSpace(d.folders.top.dir); err != nil || s.filesFree != 7 {
		t.Errorf("%d more files can be made, want a hundredth of 700, error %v", s.filesFree, err)
	}
	if _, err := d.Free(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v where no file can be made", err)
	}
}

// TestNoRoomAtAll needs no file system of its own.
func TestNoRoomAtAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{MinFree: 1 << 60})
	_, err := tryDelivery(t.Context(), d, attached{"a", []byte("x")})
	wantNoRoom(t, dir, err, "min_free")
	_, err = d.StageRaw(t.Context(), strings.NewReader("x"), "", "a")
	wantNoRoom(t, dir, err, "min_free")
}
