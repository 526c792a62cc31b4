package setup

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/attachd/attachd/config/edit"
)

// SystemConfig is the configuration of the daemon that a package or an image installs.
const SystemConfig = "/etc/attachd/attachd.yaml"

// serviceGroup is the group of that daemon.
const serviceGroup = "attachd"

// UserConfig is the configuration of somebody who is not root: attachd/attachd.yaml below
// $XDG_CONFIG_HOME or ~/.config. It is "" for root, and where there is no home.
func UserConfig() string {
	if os.Geteuid() == 0 {
		return ""
	}
	return below("XDG_CONFIG_HOME", ".config", "attachd", "attachd.yaml")
}

// below is a path below the folder that a variable names, or else below this one at home.
func below(variable, home string, rest ...string) string {
	folder := os.Getenv(variable)
	if !filepath.IsAbs(folder) {
		at, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(at) {
			return ""
		}
		folder = filepath.Join(at, home)
	}
	return filepath.Join(append([]string{folder}, rest...)...)
}

// ConfigPath is the configuration that commands read without --config: the user's own if there is
// one, else the system's.
func ConfigPath() string {
	if own := UserConfig(); own != "" {
		if fi, err := os.Stat(own); err == nil && fi.Mode().IsRegular() {
			return own
		}
	}
	return SystemConfig
}

// place is where a new configuration and its files go, and who may read them.
type place struct {
	path          string // of the configuration, absolute
	output, state string // as the configuration has them
	group         int    // of the files; edit.Keep for the usual one
	service       bool   // they are for the daemon of a package
}

// newPlace returns the place of a new configuration. path is "" for the usual one.
func newPlace(path string) (place, error) {
	p := place{group: edit.Keep}
	own := UserConfig()
	switch {
	case path == "" && own != "":
		path = own
	case path == "":
		path = SystemConfig
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return p, err
	}
	p.path, p.output, p.state = abs, "attachments", "state.db"
	switch abs {
	case own:
		p.state = below("XDG_STATE_HOME", ".local/state", "attachd", "state.db")
		p.output = below("", "attachd")
	case SystemConfig:
		p.output, p.state = "/var/lib/attachd/attachments", "/var/lib/attachd/state.db"
	}
	if os.Geteuid() != 0 {
		return p, nil
	}
	// The daemon's group must be able to read what root writes for it.
	if g, err := user.LookupGroup(serviceGroup); err == nil && abs == SystemConfig {
		p.service = true
		if p.group, err = strconv.Atoi(g.Gid); err != nil {
			return p, fmt.Errorf("look up the group %s: %w", serviceGroup, err)
		}
	}
	if fi, err := os.Stat(filepath.Dir(abs)); err == nil {
		if st, ok := fi.Sys().(*syscall.Stat_t); ok && st.Gid != 0 {
			p.group = int(st.Gid)
		}
	}
	return p, nil
}

// file is a new file of this place.
func (p place) file(path, text string) *edit.File {
	f := &edit.File{Path: path, New: []byte(text), Mode: 0o600, FolderMode: 0o700, Group: p.group}
	if p.group != edit.Keep {
		f.Mode, f.FolderMode = 0o640, 0o750
	}
	return f
}

// secret is where the secret of a name goes.
func (p place) secret(name string) string {
	return filepath.Join(filepath.Dir(p.path), "secrets", name)
}

// exists reports whether something is at path, also if it can't be looked at.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || !os.IsNotExist(err)
}
