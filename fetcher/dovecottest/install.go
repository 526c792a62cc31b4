package dovecottest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

const howToInstall = "on Debian and Ubuntu: apt-get install dovecot-pop3d (make test does it)"

// Available returns nil if this machine has a Dovecot that can serve POP3. The error
// says what is missing and how to install it.
func Available() error {
	_, err := installed()
	return err
}

// version is an installed Dovecot.
type version struct {
	path string // of the dovecot command
	two4 bool   // 2.4 or later, with another language of configuration
}

func installed() (version, error) {
	path, err := find("dovecot")
	if err != nil {
		return version{}, fmt.Errorf("find dovecot: it is not installed; %s", howToInstall)
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return version{}, fmt.Errorf("%s --version: %w", path, err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(out), "%d.%d", &major, &minor); err != nil {
		return version{}, fmt.Errorf("%s has version %q, which is not understood", path, out)
	}
	if major < 2 || major == 2 && minor < 3 {
		return version{}, fmt.Errorf("use dovecot %s: it is too old, 2.3 is needed", strings.TrimSpace(string(out)))
	}
	if err := hasPOP3(); err != nil {
		return version{}, err
	}
	return version{path: path, two4: major > 2 || minor >= 4}, nil
}

// hasPOP3 looks for the POP3 server itself, a package of its own in most
// distributions. A machine that hides it from us gets the benefit of the doubt:
// Dovecot itself will complain.
func hasPOP3() error {
	doveconf, err := find("doveconf")
	if err != nil {
		return nil
	}
	out, err := exec.Command(doveconf, "-c", os.DevNull, "-h", "libexec_dir").Output()
	if err != nil {
		return nil
	}
	server := filepath.Join(strings.TrimSpace(string(out)), "pop3")
	if _, err := os.Stat(server); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("find POP3 server %s: it is not installed; %s", server, howToInstall)
	}
	return nil
}

// find looks beyond PATH: servers live in sbin, which users' paths often lack.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"} {
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, name))
	}
	return path, err
}

// owner is the user that mail belongs to and that Dovecot's own processes run as.
type owner struct {
	uid, gid int
	user     string // set when not root: then all of Dovecot runs as this user
	group    string
}

// mailOwner is the user of this process, or nobody for root: Dovecot refuses to
// serve root's mail.
func mailOwner() (owner, error) {
	if os.Geteuid() == 0 {
		u, err := user.Lookup("nobody")
		if err != nil {
			return owner{}, err
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return owner{}, fmt.Errorf("user nobody: %w", err)
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return owner{}, fmt.Errorf("user nobody: %w", err)
		}
		return owner{uid: uid, gid: gid}, nil
	}
	u, err := user.Current()
	if err != nil {
		return owner{}, err
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return owner{}, err
	}
	return owner{uid: os.Geteuid(), gid: os.Getegid(), user: u.Username, group: g.Name}, nil
}
