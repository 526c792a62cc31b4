//go:build unix

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// explain says why a permission was refused: it adds the mode and owner of the file, or of the
// folder that cannot be entered, and the uid of this process. It takes the path out of other
// errors, because the caller names it.
func explain(path string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		if pe, ok := errors.AsType[*fs.PathError](err); ok && pe.Path == path {
			return pe.Err
		}
		return err
	}
	for p := path; ; p = filepath.Dir(p) {
		fi, statErr := os.Stat(p)
		if statErr != nil {
			if p == filepath.Dir(p) {
				return fs.ErrPermission
			}
			continue
		}
		what := ""
		if p != path {
			what = p + " has "
		}
		return fmt.Errorf("%w (%smode %#o%s; attachd runs as uid %d)", fs.ErrPermission, what, fi.Mode().Perm(), owner(fi), os.Geteuid())
	}
}

func owner(fi fs.FileInfo) string {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf(", owner uid %d", st.Uid)
	}
	return ""
}

// exposed says who else can read a file with a secret, or returns "". A readable group counts only
// if this process owns the file: root:attachd 0640 is the recommended mode.
func exposed(fi fs.FileInfo) string {
	st, ok := fi.Sys().(*syscall.Stat_t)
	switch mode := fi.Mode().Perm(); {
	case !ok:
		return ""
	case mode&0o004 != 0:
		return fmt.Sprintf("everyone on this machine (mode %#o)", mode)
	case mode&0o040 != 0 && os.Geteuid() != 0 && int(st.Uid) == os.Geteuid():
		return fmt.Sprintf("its group (mode %#o)", mode)
	}
	return ""
}

// ownGroup makes the command the leader of a process group that is killed as a whole: a shell
// script leaves children behind.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// limitReached reports whether a watch was refused for lack of resources, which an administrator
// can change, and not because there is nothing to watch.
func limitReached(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}
