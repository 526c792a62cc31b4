package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDisk fills a real file system of 1 MB.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a small file system is refused (%v); TestFileSizeLimit stands in", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	d, err := Open(dir, Options{})
	check(t, err)
	defer d.Close()
	small := attached{"small.txt", bytes.Repeat([]byte("x"), 1000)}
	big := attached{"big.bin", bytes.Repeat([]byte("x"), 2<<20)}
	deliver(t, d, stage(t, d, small))
	for range 2 {
		_, err := tryDelivery(t.Context(), d, small, big)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
			t.Errorf("error %v, want ENOSPC and the path", err)
		}
		if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
			t.Errorf("left in the staging folder: %v", got)
		}
	}
	deliver(t, d, stage(t, d, small)) // the room of what failed is free again
	if got := names(t, dir); !slices.Equal(got, []string{"small-2.txt", "small.txt"}) {
		t.Errorf("files %q", got)
	}
}

// limitEnv names the folder that the test binary works in as the child of
// TestFileSizeLimit.
const limitEnv = "ATTACHD_SINK_LIMIT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(limitEnv); dir != "" {
		if err := stageBeyondLimit(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(openFilesEnv); dir != "" {
		if err := stageWithFewFiles(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	if arguments := os.Getenv(callsEnv); arguments != "" {
		if err := deliverSmall(arguments); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	if text := os.Getenv(roleEnv); text != "" {
		var r role
		err := json.Unmarshal([]byte(text), &r)
		if err == nil {
			err = r.run()
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// stageBeyondLimit lets the kernel cut a write short, as a full disk or a quota does.
func stageBeyondLimit(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 200_000, Max: 200_000}); err != nil {
		return err
	}
	d, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	raw := mail(attached{"small.txt", []byte("x")}, attached{"big.bin", bytes.Repeat([]byte("x"), 300_000)})
	if _, _, err := d.Stage(context.Background(), bytes.NewReader(raw), Plan{}); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("error %v, want EFBIG", err)
	}
	_, err = tryDelivery(context.Background(), d, attached{"small.txt", []byte("x")})
	return err
}

// TestFileSizeLimit has the kernel refuse a write in the middle of a file, which needs no root.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), limitEnv+"="+dir)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"small.txt"}) {
		t.Errorf("files %q", got)
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
		t.Errorf("left in the staging folder: %v", got)
	}
}
