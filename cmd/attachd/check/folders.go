package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/cmd/attachd/state"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
)

// folderCheck looks whether a user can write where the daemon must. It makes nothing.
type folderCheck struct {
	config  string // as the operator names it
	user    string
	root    bool            // user is root
	group   int             // of the user
	outputs []string        // below which accounts have their folders
	seen    map[string]bool // paths and texts; accounts share some
	faults  []string
	doubts  []string
}

// Folders returns what keeps the daemon from writing its state and the files of its accounts, as
// far as can be seen beforehand: one text for each place, which says what to do. It makes nothing.
//
// doubts are what does not keep attachd from working, and may keep others from using the files.
//
// The daemon's user is that of this process or, if that is root, the owner of the state. Files of
// the configuration at path that root can read and the daemon's user can't are among the faults.
func Folders(path string, c *config.Config) (faults, doubts []string) {
	f := &folderCheck{config: path, outputs: c.Outputs(), seen: make(map[string]bool)}
	uid := os.Geteuid()
	if owner, ok := state.Owner(c); ok && uid == 0 && owner.Uid != 0 {
		f.user, f.group = UserName(int(owner.Uid)), int(owner.Gid)
		if asUser(owner.Uid, owner.Gid, func() { f.look(c); f.read(path) }) {
			return f.faults, f.doubts
		}
	}
	f.user, f.root, f.group = UserName(uid), uid == 0, os.Getegid()
	f.look(c)
	return f.faults, f.doubts
}

// read looks whether the configuration and the files that it names can be read.
func (f *folderCheck) read(path string) {
	_, warnings, err := config.Load(path)
	for _, w := range warnings {
		if w.Kind == config.WarnUnreadable {
			f.faults = append(f.faults, foreign.Lines(w.String()))
		}
	}
	if err != nil {
		f.faults = append(f.faults, foreign.Lines(err.Error()))
	}
}

// unnamed begins what stands for the name of a user who has none.
const unnamed = "uid "

// UserName returns the name of a user, or "uid" and the number of one who has none.
func UserName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return unnamed + strconv.Itoa(uid)
}

// forCommand returns what a command takes for a user: a uid without a name as a number.
func forCommand(user string) string { return strings.TrimPrefix(user, unnamed) }

func (f *folderCheck) look(c *config.Config) {
	f.folder("state", filepath.Dir(c.State))
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		f.file("state", c.State+suffix)
	}
	f.folder("state", wiring.LockDir(c))
	if len(c.Enabled()) == 0 {
		f.folder("output", c.Output)
	}
	for _, a := range c.Enabled() {
		key := "output of account " + a.Name
		for _, folder := range wiring.Inspect(*a).Folders(delivery.QuarantineFolder) {
			f.folder(key, folder)
		}
		f.sharing(a)
		f.file("state", filepath.Join(wiring.LockDir(c), a.Name+".lock"))
		if a.OAuth.NeedsSignIn() {
			f.folder("state", wiring.TokenDir(c))
		}
	}
	f.apart(c)
}

func (f *folderCheck) fault(key, format string, args ...any) {
	f.faults = append(f.faults, foreign.Text(f.config+": "+key+": "+fmt.Sprintf(format, args...)))
}

func (f *folderCheck) doubt(key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !f.seen[text] {
		f.seen[text] = true
		f.doubts = append(f.doubts, foreign.Text(f.config+": "+key+": "+text))
	}
}

// folder looks at a folder that is there, or at the one above it where it will be made.
func (f *folderCheck) folder(key, path string) {
	for at, missing := path, ""; !f.seen[at]; at = filepath.Dir(at) {
		f.seen[at] = true
		info, err := os.Stat(at)
		switch {
		case errors.Is(err, syscall.ENOTDIR):
			missing = at // one above is a file
			continue
		case errors.Is(err, fs.ErrNotExist):
			if to, err := os.Readlink(at); err == nil {
				f.fault(key, "%s is a link to %s, which is missing: make that, or remove the link", at, to)
				return
			}
			missing = at
			continue
		case err != nil:
			f.fault(key, "%s can't be looked at by %s: %v", path, f.user, err)
		case !info.IsDir():
			f.fault(key, "%s is a file, and must be a folder: move it away, or name another one", at)
		default:
			f.access(key, at, missing, unix.W_OK|unix.X_OK, info)
		}
		return
	}
}

// file looks at a file, if it is there.
func (f *folderCheck) file(key, path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		f.access(key, path, "", unix.R_OK|unix.W_OK, info)
	}
}

// access asks the kernel whether the file or folder at can be written. missing, unless "", is the
// folder that is to be made there.
func (f *folderCheck) access(key, at, missing string, mode uint32, info fs.FileInfo) {
	err := unix.Faccessat(unix.AT_FDCWD, at, mode, unix.AT_EACCESS)
	switch {
	case err == nil:
		return
	case errors.Is(err, syscall.EROFS):
		f.fault(key, "%s is on a file system that is read-only: mount it for writing", at)
		return
	}
	whose, remedy := "", fmt.Sprintf("chown %s '%s'", forCommand(f.user), at)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		owner := UserName(int(st.Uid))
		if whose = fmt.Sprintf(" (mode %#o, owner %s)", info.Mode().Perm(), owner); owner == f.user {
			remedy = fmt.Sprintf("chmod u+rwX '%s'", at)
		}
	}
	if missing != "" && !slices.Contains(f.outputs, at) {
		f.fault(key, "%s is missing, and %s can't be written by %s%s: make it, with install -d -o %s '%s' for instance", missing, at, f.user, whose, forCommand(f.user), missing)
		return
	}
	f.fault(key, "%s can't be written by %s%s: let it, with %s for instance", at, f.user, whose, remedy)
}
