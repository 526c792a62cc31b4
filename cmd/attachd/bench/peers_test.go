package bench

import (
	"fmt"
	"os"
	"path/filepath"
)

// peers are programs that people use in attachd's place, each set as fast as it gets while what it
// leaves is durable.
func peers() []contender {
	return []contender{newMpop("mpop", ""), newMpop("mpop+ripMIME", extractRipMIME, "ripmime")}
}

// extractRipMIME unpacks all messages of a Maildir by one ripMIME, which leaves its files to the
// kernel, and then has the kernel write all of them at once, which is less than a sync for each.
const extractRipMIME = `mkdir -p files/$u && ripmime -q -i Maildir/$u/new -d files/$u && sync -f files/$u`

// newMpop is Debian's mpop, which pipelines by itself and syncs each message. What extracts comes
// behind it.
func newMpop(name, extract string, needs ...string) contender {
	files := ""
	if extract != "" {
		files = "files/u%d"
	}
	return contender{
		name: name, needs: append(needs, "mpop"), files: files,
		command: func(t task, dir string) ([]string, error) {
			// APOP is not for Dovecot: mpop refuses a timestamp with a slash in it.
			keep := "on"
			if t.remove {
				keep = "off"
			}
			config := fmt.Sprintf("defaults\nhost %s\nport %s\ntls on\ntls_starttls off\ntls_trust_file %s\nauth user\n"+
				"password %s\nkeep %s\nreceived_header off\n", t.host(), t.port(), t.certFile(), password, keep)
			for account := range t.mail {
				config += fmt.Sprintf("account %[1]s\nuser %[1]s\ndelivery maildir %[2]s/Maildir/%[1]s\nuidls_file %[2]s/uidls-%[1]s\n",
					accountName(account), dir)
			}
			if err := os.WriteFile(filepath.Join(dir, "mpoprc"), []byte(config), 0o600); err != nil {
				return nil, err
			}
			script := "set -e\nmpop --quiet --file=mpoprc --all-accounts\n"
			return shell(t, dir, script, extract)
		},
	}
}

// shell runs a script, and for each account, in turn, another one that finds its name in $u. It
// makes a Maildir for each before.
func shell(t task, dir, script, forEach string) ([]string, error) {
	for account := range t.mail {
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, "Maildir", accountName(account), sub), 0o755); err != nil {
				return nil, err
			}
		}
	}
	if forEach != "" {
		script += fmt.Sprintf("for u in $(seq -f u%%.0f 0 %d); do\n%s\ndone\n", len(t.mail)-1, forEach)
	}
	return []string{"sh", "-c", script}, nil
}
