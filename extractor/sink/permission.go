package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

// noGroup leaves the group to the system.
const noGroup = -1

// errUmask says that the umask can't be put aside.
var errUmask = errors.New("the umask can't be put aside")

// permissions say who may use what is made.
type permissions struct {
	mode  fs.FileMode // with fs.ModeSetgid if that is asked for; 0: the default less the umask
	group int         // or noGroup
}

// asked reports whether they are to hold whatever the umask is.
func (p permissions) asked() bool { return p.mode != 0 || p.group != noGroup }

// GroupError says that files can't be given the group of [Options].
type GroupError struct {
	Path  string // of what was to get it
	Group string // as the options have it
	Err   error
}

// Error says what to do.
func (e *GroupError) Error() string {
	text := fmt.Sprintf("give group %s to %s: %v", e.Group, e.Path, e.Err)
	switch {
	case errors.Is(e.Err, fs.ErrPermission):
		text += fmt.Sprintf(": make this user a member of the group (usermod -aG %s USER) and start attachd again", e.Group)
	case errors.Is(e.Err, syscall.EINVAL):
		text += ": the group is hidden from attachd: the unit needs PrivateUsers=no, a container the group in its user namespace"
	}
	return text
}

// Unwrap returns the cause.
func (e *GroupError) Unwrap() error { return e.Err }

// LookupGroup returns the number of a group, which may be given as one. A number need not have a
// name.
func LookupGroup(group string) (int, error) {
	if id, err := strconv.ParseUint(group, 10, 31); err == nil {
		return int(id), nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, fmt.Errorf("group %s does not exist: make it (groupadd %s), or give its number", group, group)
	}
	return strconv.Atoi(g.Gid)
}

// findGroup is LookupGroup for Options.Group.
func findGroup(dir, group string) (int, error) {
	if group == "" {
		return noGroup, nil
	}
	id, err := LookupGroup(group)
	if err != nil {
		return 0, &GroupError{dir, group, err}
	}
	return id, nil
}

// tryGroup gives the group to a file of the staging folder's own. It fails where every delivery
// would, before a message is fetched.
func (d *Directory) tryGroup() error {
	if d.private || d.folders.share.group == noGroup {
		return nil
	}
	return d.giveGroup(folderIDFile, d.folders.share.group)
}

// giveGroup gives a group to a file in the staging folder.
func (d *Directory) giveGroup(name string, group int) error {
	info, err := d.folders.staging.root.Lstat(name)
	if err != nil || groupOf(info) == group {
		return err
	}
	if err = d.before(StepChown, name); err == nil {
		err = d.folders.staging.root.Lchown(name, -1, group)
	}
	if err != nil {
		return &GroupError{d.folders.stagingPath(), d.folders.groupName, bare(err)}
	}
	return nil
}

// share gives a staging file that is open the mode that was asked for, and the group: the one that
// was asked for, else that of the folder that the file goes to, if that hands its group on.
func (d *Directory) share(f *file) error {
	if group := d.folders.share.group; group != noGroup {
		if err := d.giveGroup(f.id, group); err != nil {
			return err
		}
	}
	if d.fileMode == 0 {
		return nil
	}
	return d.modes.fix(f.f, d.fileMode, func() error { return d.before(StepChmod, f.id) })
}

// inherit gives a staging file the group of the folder that it goes to, as the system does for a
// file that is made there. Where attachd may not, the file keeps its own group.
func (d *Directory) inherit(f *file, to *folder) error {
	if d.folders.share.group != noGroup || to.hands == noGroup || hidden(to.name) {
		return nil
	}
	err := d.giveGroup(f.id, to.hands)
	if _, refused := errors.AsType[*GroupError](err); refused && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL)) {
		return nil
	}
	return err
}

// modes gives files the mode that was asked for. Whether the umask stands against it is
// found out with the first file.
type modes struct {
	check     sync.Once
	needChmod atomic.Bool // the umask takes bits away
}

func (m *modes) fix(f *handle, mode fs.FileMode, before func() error) error {
	var err error
	m.check.Do(func() {
		var perm fs.FileMode
		perm, err = f.perm()
		m.needChmod.Store(err != nil || perm != mode)
	})
	if err == nil && m.needChmod.Load() {
		if err = before(); err == nil {
			err = f.Chmod(mode)
		}
	}
	return err
}

// bare returns the system's own word of an error, for a text that names the path itself.
func bare(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
