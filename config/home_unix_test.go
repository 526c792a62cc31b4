//go:build unix

package config

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestRemedyInHome: nobody is told to open a home folder to a service.
func TestRemedyInHome(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(t.TempDir())
	try(t, err)
	closed := *info.Sys().(*syscall.Stat_t)
	closed.Uid = 4242
	for path, home := range map[string]bool{"/root": true, "/root/pw": true, "/home/hans/pw": true, "/rootfs/pw": false, "/etc/attachd": false} {
		text := remedy(path, folder{info}, &closed, 997, 997)
		if strings.Contains(text, "chmod") == home || strings.Contains(text, "copy it") != home {
			t.Errorf("%s: %s", path, text)
		}
	}
	closed.Uid = 997
	if text := remedy("/home/hans/pw", folder{info}, &closed, 997, 997); text != "let it, with chmod u+rx '/home/hans/pw'" {
		t.Errorf("one's own: %s", text)
	}
}

// folder is one that nobody may enter.
type folder struct{ fs.FileInfo }

func (folder) Mode() fs.FileMode { return fs.ModeDir }
