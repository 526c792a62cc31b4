package check

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
)

// sharing looks whether others will be able to use the files of an account, as the configuration
// says that they are to.
func (f *folderCheck) sharing(a *config.Account) {
	folder, err := os.Stat(a.Output)
	there := err == nil
	if a.Group == "" {
		if there {
			f.handedOn(a, folder)
			f.stays(a, folder, groupOf(folder))
		}
		return
	}
	group, err := sink.LookupGroup(string(a.Group))
	switch {
	case err != nil:
		f.once("group of account "+a.Name, "%v", err)
		return
	case !f.memberOf(group):
		remedy := fmt.Sprintf("usermod -aG %s %s, and restart attachd", a.Group, f.user)
		if strings.HasPrefix(f.user, unnamed) {
			remedy = fmt.Sprintf("run attachd with it (group_add: [%q] in Compose, --group-add %s with docker run), as this user has no name here", a.Group, a.Group)
		}
		f.once("group of account "+a.Name, "%s is no member of group %s, and can't give it to files: %s", f.user, a.Group, remedy)
		return
	}
	if there {
		f.stays(a, folder, group)
	}
	f.reachable(a, group)
}

// once adds a fault, unless another account has it already.
func (f *folderCheck) once(key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !f.seen[text] {
		f.seen[text] = true
		f.fault(key, "%s", text)
	}
}

// memberOf reports whether attachd may give a group to its files.
func (f *folderCheck) memberOf(group int) bool {
	groups, err := os.Getgroups()
	return f.root || err != nil || group == f.group || slices.Contains(groups, group)
}

// stays tells of a folder that is there already, and that has not what the configuration says.
func (f *folderCheck) stays(a *config.Account, folder fs.FileInfo, group int) {
	mode := a.FolderMode
	if mode == 0 && a.Group == "" {
		return
	} else if mode == 0 {
		mode = config.DefaultFolderMode
	}
	if is := groupOf(folder); is != group || mode.Perm()&^folder.Mode().Perm()&0o077 != 0 {
		f.doubt("output of account "+a.Name, "%s is there already, and stays as it is (mode %04o, group %s): to have it as the configuration says, chgrp %s '%s' && chmod %04o '%s'",
			a.Output, folder.Mode().Perm(), groupName(is), groupName(group), a.Output, mode.Perm(), a.Output)
	}
}

// reachable tells of folders above the account's that the group can't enter.
func (f *folderCheck) reachable(a *config.Account, group int) {
	for at := filepath.Dir(a.Output); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err == nil && info.Mode().Perm()&0o001 == 0 && (groupOf(info) != group || info.Mode().Perm()&0o010 == 0) {
			f.doubt("output of account "+a.Name, "members of group %s can't enter %s (mode %04o, group %s), unless an access list lets them: chmod o+x '%s', or have another output",
				a.Group, at, info.Mode().Perm(), groupName(groupOf(info)), at)
		}
		if at == filepath.Dir(at) {
			return
		}
	}
}

// handedOn tells of a folder that hands its group on to folders, while its files can't have it:
// they are made in the staging folder, which an earlier attachd made.
func (f *folderCheck) handedOn(a *config.Account, folder fs.FileInfo) {
	group := groupOf(folder)
	if folder.Mode()&fs.ModeSetgid == 0 || f.memberOf(group) {
		return
	}
	for _, at := range wiring.Inspect(*a).Folders()[1:] {
		if staging, err := os.Stat(at); err == nil && (groupOf(staging) != group || staging.Mode()&fs.ModeSetgid == 0) {
			f.doubt("output of account "+a.Name, "files do not get group %s of %s, as %s is older: chgrp %s '%s' && chmod g+s '%s'",
				groupName(group), a.Output, at, groupName(group), at, at)
		}
	}
}

// groupOf returns the group of a file.
func groupOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return -1
}

func groupName(id int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(id)); err == nil {
		return g.Name
	}
	return strconv.Itoa(id)
}
