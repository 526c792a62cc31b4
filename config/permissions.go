package config

import (
	"fmt"
	"io/fs"
	"os/user"
	"slices"
	"strings"
)

// Permissions say who on the machine may use what is delivered.
type Permissions struct {
	FileMode fs.FileMode
	// FolderMode is of folders that are made, and may have fs.ModeSetgid; 0 for 0750 less the umask.
	FolderMode fs.FileMode
	Group      Group // of files, and of folders that are made; "" leaves it to the system
}

// DefaultFolderMode is what a FolderMode of 0 stands for.
const DefaultFolderMode = fs.FileMode(0o750)

// Group is the name or the number of a group of the machine. One that does not exist is a warning:
// it may be there later, or on the machine that the file is for.
type Group string

func (g *Group) parse(s string) error {
	if s == "" || strings.HasPrefix(s, "-") || strings.Trim(s, "0123456789") == "" && len(s) > 10 ||
		strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == ':' || r == ',' || r == '/' || r == 0x7f }) {
		return fmt.Errorf("must be the name or the number of one group, not %s", quote(s))
	}
	*g = Group(s)
	return nil
}

// rawPermissions are the keys for Permissions.
type rawPermissions struct {
	FileMode   value[fileMode]   `yaml:"file_mode"`
	FolderMode value[folderMode] `yaml:"folder_mode"`
	Group      value[Group]      `yaml:"group"`
}

func (r *rawPermissions) inherit(from *rawPermissions) {
	r.FileMode.inherit(from.FileMode)
	r.FolderMode.inherit(from.FolderMode)
	r.Group.inherit(from.Group)
}

// or returns the permissions, with those of above for what the file leaves out.
func (r *rawPermissions) or(above Permissions) Permissions {
	return Permissions{
		FileMode:   fs.FileMode(r.FileMode.or(fileMode(above.FileMode))),
		FolderMode: fs.FileMode(r.FolderMode.or(folderMode(above.FolderMode))),
		Group:      r.Group.or(above.Group),
	}
}

// groupExists warns of a group without which nothing can be delivered, once for each name.
func (l *loader) groupExists(g *value[Group]) {
	if !g.ok() || strings.Trim(string(g.v), "0123456789") == "" || slices.Contains(l.groups, g.v) {
		return
	}
	l.groups = append(l.groups, g.v)
	if _, err := user.LookupGroup(string(g.v)); err != nil {
		l.warn(WarnNoGroup, g.at, "group %s does not exist on this machine, so nothing can be delivered with it: make it (groupadd %s), or give its number", g.v, g.v)
	}
}

// octal reads a mode of so many digits, with or without zeros before it.
func octal(s string, most int) (mode fs.FileMode, ok bool) {
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "0o"), "0")
	if len(digits) < 3 || len(digits) > most || strings.Trim(digits, "01234567") != "" {
		return 0, false
	}
	for _, c := range digits {
		mode = mode<<3 | fs.FileMode(c-'0')
	}
	return mode, true
}

// fileMode holds the permissions of delivered files.
type fileMode fs.FileMode

func (m *fileMode) parse(s string) error {
	mode, ok := octal(s, 3)
	switch {
	case !ok:
		return fmt.Errorf("must be three octal digits such as 0640, not %s", quote(s))
	case mode&0o111 != 0:
		return fmt.Errorf("must not make files executable that strangers have sent: %s", quote(s))
	case mode&0o400 == 0:
		return fmt.Errorf("must let the owner read: %s", quote(s))
	case mode&0o002 != 0:
		return fmt.Errorf("must not let everyone write: %s", quote(s))
	}
	*m = fileMode(mode)
	return nil
}

// folderMode holds the permissions of folders that are made. The bit for setgid is fs.ModeSetgid.
type folderMode fs.FileMode

func (m *folderMode) parse(s string) error {
	mode, ok := octal(s, 4)
	switch {
	case !ok || mode&^0o2777 != 0:
		return fmt.Errorf("must be octal digits such as 0770, or 2770 with setgid, not %s", quote(s))
	case mode&0o700 != 0o700:
		return fmt.Errorf("must let the owner, which is attachd, read, write and enter (7 first): %s", quote(s))
	case mode&0o002 != 0:
		return fmt.Errorf("must not let everyone write: name a group, and let that write: %s", quote(s))
	}
	if mode&0o2000 != 0 {
		mode = mode&0o777 | fs.ModeSetgid
	}
	*m = folderMode(mode)
	return nil
}

// modeText writes a mode as the file has it.
func modeText(m fs.FileMode) string {
	bits := uint32(m.Perm())
	if m&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	return fmt.Sprintf("%04o", bits)
}
