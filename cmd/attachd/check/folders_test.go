package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/config"
)

const nobody = "65534"

// folderCases are what a shell sets up in the folder of the configuration, and what check says.
var folderCases = map[string]struct {
	root  bool   // only root can set it up
	setup string // for a shell, in the folder of the configuration
	want  []string
	keys  string // above the accounts
	doubt string // of the warnings, "" for none
}{
	"nothing made yet":      {},
	"made":                  {setup: "mkdir -p out/a/.staging st/state.db.locks"},
	"output is a file":      {setup: "touch out", want: []string{"output of account a: DIR/out is a file"}},
	"account is a file":     {setup: "mkdir out; touch out/b", want: []string{"output of account b: DIR/out/b is a file"}},
	"staging is a file":     {setup: "mkdir -p out/b; touch out/b/.staging", want: []string{"output of account b: DIR/out/b/.staging is a file"}},
	"state in a file":       {setup: "touch st", want: []string{"state: DIR/st is a file"}},
	"locks are a file":      {setup: "mkdir st; touch st/state.db.locks", want: []string{"state: DIR/st/state.db.locks is a file"}},
	"link to nowhere":       {setup: "ln -s /nowhere/at/all out", want: []string{"output of account a: DIR/out is a link to /nowhere/at/all, which is missing"}},
	"one folder by a link":  {setup: "mkdir -p out/a; ln -s a out/b", want: []string{"output of account b: DIR/out/b is also that of account a, by a link: give them folders apart"}},
	"nested by a link":      {setup: "mkdir -p out/a/x; ln -s a/x out/b", want: []string{"output of account b: DIR/out/b lies in that of account a, by a link: give them folders apart"}},
	"a link elsewhere":      {setup: "mkdir -p out/a else; ln -s ../else out/b"},
	"another's folders":     {root: true, setup: "mkdir -p st out; chown " + nobody + " st", want: []string{"output of account a: DIR/out can't be written by", "owner root): let it, with chown "}},
	"another's state":       {root: true, setup: "mkdir -p st out; touch st/state.db; chown " + nobody + " st out", want: []string{"state: DIR/st/state.db can't be written by"}},
	"nothing of another's":  {root: true, setup: "mkdir -p st; chown " + nobody + " st", want: []string{"output of account a: DIR/out is missing, and DIR can't be written by", "install -d -o "}},
	"root's staging":        {root: true, setup: "mkdir -p st out/a/.staging; chown " + nobody + " st out out/a; chmod 700 out/a/.staging", want: []string{"output of account a: DIR/out/a/.staging can't be written by"}},
	"another's, and closed": {root: true, setup: "mkdir -p st out/a; chown -R " + nobody + " st out; chmod 0 out/a", want: []string{"output of account a: DIR/out/a can't be written by", "chmod u+rwX"}},
	"all is another's":      {root: true, setup: "mkdir -p st out; chown " + nobody + " st out attachd.yaml"},
	"closed configuration":  {root: true, setup: "mkdir -p st out; chown " + nobody + " st out; chmod 600 attachd.yaml", want: []string{"attachd.yaml: read: permission denied (mode 0600, owner uid 0 (root), group root; attachd runs as uid 65534 (nobody)): let its group, with chgrp "}},
	"closed secret":         {root: true, setup: "mkdir -p st out; chown " + nobody + " st out attachd.yaml; echo x >pw; chmod 600 pw; sed -i 's/password: x/password_file: pw/' attachd.yaml", want: []string{"accounts[0].password_file: DIR/pw cannot be used: permission denied"}},
	"no such group":         {keys: "group: nogroupofthisname", want: []string{"group of account a: group nogroupofthisname does not exist: make it (groupadd nogroupofthisname)"}},
	"no name":               {root: true, setup: "mkdir -p st out; chown 4243 st", want: []string{"let it, with chown 4243 'DIR/out"}},
	"no name in it":         {root: true, keys: "group: 4242", setup: "mkdir -p st out; chown 4243 st out", want: []string{"uid 4243 is no member of group 4242, and can't give it to files: run attachd with it (group_add: "}},
	"not a member":          {root: true, keys: "group: 4242", setup: "mkdir -p st out; chown " + nobody + " st out", want: []string{"group of account a: nobody is no member of group 4242"}},
	"root may":              {root: true, keys: "group: 4242", setup: "chmod o+x .", doubt: ""},
	"a closed way":          {root: true, keys: "group: 4242", setup: "mkdir -m 750 out", doubt: "output of account a: members of group 4242 can't enter DIR/out (mode 0750, group root)"},
	"a way for the group":   {root: true, keys: "group: 4242", setup: "mkdir -m 710 out; chgrp 4242 out"},
	"older folder":          {root: true, keys: "group: 4242\nfolder_mode: 2770", setup: "mkdir -m 755 -p out/b", doubt: "output of account b: DIR/out/b is there already, and stays as it is (mode 0755, group root): to have it as the configuration says, chgrp 4242 'DIR/out/b' && chmod 0770 'DIR/out/b'"},
	"as asked":              {root: true, keys: "group: 4242\nfolder_mode: 0770", setup: "mkdir -m 2775 -p out/b; chgrp 4242 out/b"},
	"older staging":         {root: true, setup: "mkdir -p st out/a/.staging; chown " + nobody + " st out out/a out/a/.staging attachd.yaml; chgrp 4242 out/a; chmod g+s out/a", doubt: "output of account a: files do not get group 4242 of DIR/out/a, as DIR/out/a/.staging is older: chgrp 4242 'DIR/out/a/.staging' && chmod g+s 'DIR/out/a/.staging'"},
	"read-only":             {root: true, setup: "mkdir out; mount -t tmpfs -o ro none out", want: []string{"output of account a: DIR/out is on a file system that is read-only"}},
}

// TestFolders: Folders finds the folders that the daemon could not write to, and changes nothing.
// What only root can set up is left out for others.
func TestFolders(t *testing.T) {
	t.Parallel()
	for name, c := range folderCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.root && os.Geteuid() != 0 {
				t.Skip("only root can set it up")
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "attachd.yaml")
			text := "output: out\nstate: st/state.db\naccounts:\n- {name: a, host: localhost, username: a, password: x}\n- {name: b, host: localhost, username: b, password: x}\n" +
				"- {name: off, enabled: false, host: localhost, username: c, password: x}\n" + c.keys + "\n"
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			// The folders of tests are closed to other users.
			for at := dir; strings.HasPrefix(at, filepath.Clean(os.TempDir())+"/"); at = filepath.Dir(at) {
				if err := os.Chmod(at, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Contains(c.setup, "mount") {
				t.Cleanup(func() { _ = exec.Command("umount", filepath.Join(dir, "out")).Run() })
			}
			if out, err := shell(dir, c.setup); err != nil {
				if c.root {
					t.Skipf("%v: %s", err, out) // a container may not mount, for instance
				}
				t.Fatalf("%v: %s", err, out)
			}
			before, _ := shell(dir, "find . | sort")
			cfg, _, err := config.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			faults, doubts := Folders(path, cfg)
			if after, _ := shell(dir, "find . | sort"); after != before {
				t.Errorf("Folders made something:\n%s", after)
			}
			if (len(faults) > 0) != (c.want != nil) {
				t.Errorf("%d faults, want any: %t", len(faults), c.want != nil)
			}
			if got := strings.Join(doubts, "\n"); (got != "") != (c.doubt != "") || !strings.Contains(got, strings.ReplaceAll(c.doubt, "DIR", dir)) {
				t.Errorf("doubts: %q, want %q", got, c.doubt)
			}
			for _, text := range c.want {
				text = strings.ReplaceAll(text, "DIR", dir)
				if !slices.ContainsFunc(faults, func(fault string) bool { return strings.Contains(fault, text) }) {
					t.Errorf("no fault says %q", text)
				}
			}
			if t.Failed() {
				t.Log(strings.Join(faults, "\n"))
			}
		})
	}
}

func shell(dir, command string) (string, error) {
	cmd := exec.Command("sh", "-ec", command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
