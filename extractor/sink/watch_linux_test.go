package sink

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWatcher: whoever watches the folder as consumers do (IN_CLOSE_WRITE and IN_MOVED_TO) is told
// of each file once, when it is whole. That holds with each means not to overwrite.
func TestWatcher(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string][]Step{
		"rename":       nil,
		"link":         {StepRename},
		"plain rename": {StepRename, StepLink},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := open1(t, dir, Options{Hook: hookFunc(func(s Step, name string) error {
				if slices.Contains(refused, s) && name != folderIDFile {
					return syscall.EOPNOTSUPP
				}
				return nil
			})})
			fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
			check(t, err)
			defer unix.Close(fd)
			_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO|unix.IN_MODIFY)
			check(t, err)
			deliver(t, d, stage(t, d, attached{"a.pdf", []byte("1")}, attached{"a.pdf", []byte("2")}, attached{"b.pdf", nil}))
			var told []string
			buf := make([]byte, 1<<16)
			for {
				n, err := unix.Read(fd, buf)
				if err != nil {
					break // nothing more: events are there when the operation returns
				}
				for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
					length := int(rest[12]) | int(rest[13])<<8
					mask := uint32(rest[4]) | uint32(rest[5])<<8
					if mask&unix.IN_MODIFY != 0 {
						t.Errorf("a file was modified in sight of the watcher")
					}
					told = append(told, strings.TrimRight(string(rest[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length]), "\x00"))
					rest = rest[unix.SizeofInotifyEvent+length:]
				}
			}
			slices.Sort(told)
			if got := fmt.Sprint(told); got != "[a-2.pdf a.pdf b.pdf]" {
				t.Errorf("the watcher was told of %s", got)
			}
		})
	}
}
