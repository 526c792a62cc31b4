//go:build unix

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// explain says why a permission was refused, and how to give it: it adds the mode and owner of the
// file, or of the folder that cannot be entered, and the user of this process. It takes the path
// out of other errors, because the caller names it.
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
		uid, gid := fileUser()
		mode := fi.Mode().Perm()
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%w (%smode %#o; attachd runs as %s)", fs.ErrPermission, what, mode, userName(uid))
		}
		return fmt.Errorf("%w (%smode %#o, owner %s, group %s; attachd runs as %s): %s", fs.ErrPermission, what,
			mode, userName(int(st.Uid)), groupName(int(st.Gid)), userName(uid), remedy(p, fi, st, uid, gid))
	}
}

// remedy says how a user gets the permission for a file or folder that it was refused. Its group is
// a number: what is to be done for a container is done outside, where names are others.
func remedy(path string, fi fs.FileInfo, st *syscall.Stat_t, uid, gid int) string {
	need, letters := fs.FileMode(0o4), "r"
	switch {
	case fi.IsDir():
		need, letters = 0o5, "rx"
	case readable(path, fi): // so it was to be run
		need, letters = 0o1, "x"
	}
	mode, own := fi.Mode(), strconv.Itoa(gid)
	has := func(shift int) bool { return mode>>shift&need == need }
	ours := int(st.Uid) == uid
	switch {
	case ours && !has(6):
		return fmt.Sprintf("let it, with chmod u+%s '%s'", letters, path)
	case !ours && isHome(path):
		return "it lies in somebody's home: copy it to a place for attachd, such as a folder secrets beside the configuration"
	case ours || has(0):
		return "its mode allows that; an access list, SELinux or AppArmor does not"
	case has(3) && st.Gid != 0:
		return fmt.Sprintf("run it in group %s, or let its own group, with chgrp %s '%s'", groupName(int(st.Gid)), own, path)
	case has(3):
		return fmt.Sprintf("let its group, with chgrp %s '%s'", own, path)
	}
	return fmt.Sprintf("let its group, with chgrp %s '%s' && chmod g+%s '%s'", own, path, letters, path)
}

// isHome reports whether a path is somebody's home folder or in one. Nobody should open that to a
// service; a unit with ProtectHome=yes does not see it at all.
func isHome(path string) bool {
	return path == "/root" || strings.HasPrefix(path, "/root/") || strings.HasPrefix(path, "/home/")
}

// readable reports whether this is a file that can be opened.
func readable(path string, fi fs.FileInfo) bool {
	if !fi.Mode().IsRegular() {
		return false // opening a pipe waits for who writes to it
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// userName is a user with its number: containers have other names than their hosts.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Sprintf("uid %d (%s)", uid, u.Username)
	}
	return fmt.Sprintf("uid %d", uid)
}

// groupName is the name of a group, or its number where it has none.
func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(gid)
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
