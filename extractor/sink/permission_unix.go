//go:build unix

package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// unfinished is the mode of a folder that has not got its permissions yet. Nobody gives a folder
// that mode: the sticky bit has no meaning where others can't write. After a crash it tells that
// the folder was made here, and is to be finished.
const unfinished = unix.S_ISVTX | 0o700

// mkdir makes a folder in another one, or at an absolute path if above is nil.
//
// A folder that hands its group on (setgid) hands it to the folders below by mkdir alone. To give
// such a folder its mode later needs a call that a service may be kept from (RestrictSUIDSGID=yes):
// mkdir gives it at once, without the umask. Otherwise, the folder gets its permissions after it
// was made, and is unfinished until then.
func (s *folders) mkdir(above *folder, name string, p permissions) error {
	at, parent := s.whereIs(above, name)
	made := func(mode uint32) error {
		if err := unix.Mkdirat(at, name, mode); err != nil {
			return &os.PathError{Op: "mkdir", Path: filepath.Join(parent, path.Base(name)), Err: err}
		}
		return nil
	}
	if !p.asked() {
		return made(uint32(defaultDirMode))
	}
	mode := p.mode
	if mode == 0 {
		mode = defaultDirMode
	}
	hands := noGroup
	if above != nil {
		hands = above.hands
	} else if info, err := os.Stat(parent); err == nil {
		hands = handsOn(info)
	}
	if hands != noGroup && (p.group == noGroup || p.group == hands) {
		if err := withoutUmask(func() error { return made(uint32(mode.Perm())) }); !errors.Is(err, errUmask) {
			return err
		}
	}
	if err := made(unfinished); err != nil {
		return err
	}
	err := s.finish(above, name, p)
	if err != nil {
		_ = unix.Unlinkat(at, name, unix.AT_REMOVEDIR) // else the next one finishes it
	}
	return err
}

// whereIs returns the descriptor for a folder's name, and the path of the folder above.
func (s *folders) whereIs(above *folder, name string) (at int, parent string) {
	if above == nil {
		return unix.AT_FDCWD, filepath.Dir(name)
	}
	return int(above.dir.Fd()), filepath.Join(s.path, above.name)
}

// finish gives an unfinished folder its permissions. It leaves every other folder as it is.
func (s *folders) finish(above *folder, name string, p permissions) error {
	at, parent := s.whereIs(above, name)
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Join(parent, path.Base(name)), Err: err}
	}
	dir := os.NewFile(uintptr(fd), filepath.Join(parent, path.Base(name)))
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil || !isUnfinished(info) {
		return err
	}
	if p.group != noGroup && groupOf(info) != p.group {
		if err = s.before(StepChown, name); err == nil {
			err = dir.Chown(-1, p.group)
		}
		if err != nil {
			return &GroupError{dir.Name(), s.groupName, bare(err)}
		}
	}
	mode := p.mode
	if mode == 0 {
		mode = defaultDirMode
	}
	mode |= info.Mode() & fs.ModeSetgid
	if err = s.before(StepChmod, name); err == nil {
		err = dir.Chmod(mode)
	}
	if errors.Is(err, fs.ErrPermission) && mode&fs.ModeSetgid != 0 {
		return fmt.Errorf("%w: the unit keeps attachd from setting the bit 2000 (RestrictSUIDSGID=yes): set it on the folder above (chmod g+s '%s'), from which new folders take it", err, parent)
	}
	if err != nil {
		return &os.PathError{Op: "chmod", Path: dir.Name(), Err: bare(err)}
	}
	return nil
}

// isUnfinished reports whether a folder was made here and has not got its permissions yet.
func isUnfinished(info fs.FileInfo) bool {
	return info.IsDir() && info.Mode().Perm() == unfinished&0o777 && info.Mode()&fs.ModeSticky != 0 && !madeByOther(info)
}

// groupOf returns the group of a file.
func groupOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return noGroup
}

// handsOn returns the group that a folder hands on to what is made in it, or noGroup.
func handsOn(info fs.FileInfo) int {
	if info.Mode()&fs.ModeSetgid == 0 {
		return noGroup
	}
	return groupOf(info)
}
