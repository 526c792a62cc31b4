package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// peers are programs that people use in attachd's place, each set as fast as it gets while what it
// leaves is durable at its end. None of them removes the messages that it has unpacked, which would
// cost it more.
func peers() []contender {
	return []contender{
		{
			name: "mpop", needs: []string{"mpop"},
			command: func(t task, dir string) ([]string, error) { return startMpop(t, dir, "") },
		},
		{
			name: "mpop+ripMIME", needs: []string{"mpop", "ripmime"}, files: "files/u%d",
			command: func(t task, dir string) ([]string, error) { return startMpop(t, dir, extractRipMIME) },
		},
		{name: "fdm+ripMIME", needs: []string{"fdm", "ripmime"}, files: "files/u%d", command: startFdm},
		{
			name: "fetchmail+ripMIME", needs: []string{"fetchmail", "ripmime", "awk"}, files: "files/u%d",
			command: startFetchmail,
		},
		{
			name: "getmail6+munpack", needs: []string{"getmail", "munpack"}, files: "files/u%d", notRoot: true,
			command: startGetmail,
		},
		{name: "Python", needs: []string{"python3"}, files: "files/u%d", command: startPython},
	}
}

// extractRipMIME unpacks all messages of a folder by one ripMIME, which leaves its files to the
// kernel. Then the kernel writes all of them at once, which takes less than a sync for each.
const extractRipMIME = "mkdir -p files/$u\nripmime -q -i Maildir/$u/new -d files/$u\nsync -f files/$u"

// extractMunpack is the same with munpack. It wants absolute paths and takes many files at once.
const extractMunpack = "mkdir -p files/$u\nfind \"$PWD/Maildir/$u/new\" -type f -print0 | " +
	"xargs -0 munpack -q -C files/$u >/dev/null\nsync -f files/$u"

// extractors are programs that unpack a file: ripMIME, which leaves it to the kernel when its file
// is durable, and ripMIME with its file made durable behind it.
func extractors() (all []contender) {
	for _, behind := range []string{"", "+sync"} {
		script := "mkdir files\nripmime -q -i \"$0\" -d files"
		if behind != "" {
			script += "\nsync files/* files"
		}
		all = append(all, contender{
			name: "ripMIME" + behind, needs: []string{"ripmime"}, files: "files", offline: true,
			command: func(t task, _ string) ([]string, error) {
				return []string{"sh", "-e", "-c", script, t.server.(*messageFile).path}, nil
			},
		})
	}
	return all
}

// shell runs a script in sh, and for each account, in turn, another one that finds its name in $u.
// It makes a Maildir for each before.
func shell(t task, dir, script, forEach string) ([]string, error) {
	for account := range t.mail {
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, "Maildir", accountName(account), sub), 0o755); err != nil {
				return nil, err
			}
		}
	}
	if forEach != "" {
		script += fmt.Sprintf("\nfor u in $(seq -f u%%.0f 0 %d); do\n%s\ndone", len(t.mail)-1, forEach)
	}
	return []string{"sh", "-e", "-c", script}, nil
}

// either is a word for accounts that are emptied or for those that are kept.
func (t task) either(empty, keep string) string {
	if t.remove {
		return empty
	}
	return keep
}

// startMpop runs Debian's mpop. It pipelines by itself, syncs each message, and goes through
// accounts one by one. APOP is not for Dovecot: mpop refuses a timestamp with a slash in it.
func startMpop(t task, dir, extract string) ([]string, error) {
	config := fmt.Sprintf("defaults\nhost %s\nport %s\ntls on\ntls_starttls off\ntls_trust_file %s\nauth user\n"+
		"password %s\nkeep %s\nreceived_header off\n", t.host(), t.port(), t.certFile(), password, t.either("off", "on"))
	for account := range t.mail {
		config += fmt.Sprintf("account %[1]s\nuser %[1]s\ndelivery maildir %[2]s/Maildir/%[1]s\nuidls_file %[2]s/uidls-%[1]s\n",
			accountName(account), dir)
	}
	if err := os.WriteFile(filepath.Join(dir, "mpoprc"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	return shell(t, dir, "mpop --quiet --file=mpoprc --all-accounts", extract)
}

// startFdm runs fdm, which works on several accounts at once, and syncs each message. It cannot be
// told of an authority, so that it verifies nothing, which spares it some work.
func startFdm(t task, dir string) ([]string, error) {
	config := fmt.Sprintf("set default-user \"root\"\nset lock-file \"%s/lock\"\nset parallel-accounts 8\n", dir)
	for account := range t.mail {
		config += fmt.Sprintf("account \"%[1]s\" pop3s server \"%[2]s\" port %[3]s user \"%[1]s\" pass \"%[4]s\" no-apop no-verify %[5]s cache \"%[6]s/cache-%[1]s\"\n",
			accountName(account), t.host(), t.port(), password, t.either("", "keep"), dir)
		config += fmt.Sprintf("action \"%[1]s\" maildir \"%[2]s/Maildir/%[1]s\"\nmatch account \"%[1]s\" action \"%[1]s\"\n",
			accountName(account), dir)
	}
	if err := os.WriteFile(filepath.Join(dir, "fdm.conf"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	return shell(t, dir, "fdm -q -l -f fdm.conf fetch", extractRipMIME)
}

// startFetchmail runs fetchmail, which does not deliver by itself. That it writes all messages into
// one file, for awk to take apart and one ripMIME to unpack, takes it less than a process for each
// message would.
func startFetchmail(t task, dir string) ([]string, error) {
	config := fmt.Sprintf("set idfile \"%[1]s/ids\"\nset no bouncemail\npoll %[2]s service %[3]s protocol POP3 auth password uidl\n",
		dir, t.host(), t.port())
	for account := range t.mail {
		config += fmt.Sprintf("user \"%[1]s\" password \"%[2]s\" bsmtp \"%[3]s/%[1]s.bsmtp\" ssl sslcertfile \"%[4]s\" sslcommonname \"localhost\" %[5]s fetchall\n",
			accountName(account), password, dir, t.certFile(), t.either("nokeep", "keep"))
	}
	if err := os.WriteFile(filepath.Join(dir, "fetchmailrc"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	script := "export FETCHMAILHOME=$PWD HOME=$PWD\nfetchmail -f fetchmailrc --nosyslog --silent"
	return shell(t, dir, script, splitBSMTP+extractRipMIME)
}

// splitBSMTP makes files of the messages behind the DATA commands of a batch (RFC 2442).
const splitBSMTP = `awk -v out="Maildir/$u/new/" '
!data { if (/^DATA/) { data = 1; file = out (++n) } next }
/^\.\r?$/ { data = 0; close(file); next }
{ sub(/^\./, ""); print >file }' $u.bsmtp
`

// startGetmail runs getmail6, which syncs each message and goes through accounts one by one.
func startGetmail(t task, dir string) ([]string, error) {
	script := "getmail --getmaildir . --quiet"
	for account := range t.mail {
		config := fmt.Sprintf("[retriever]\ntype = SimplePOP3SSLRetriever\nserver = %s\nport = %s\nusername = %s\npassword = %s\nca_certs = %s\n"+
			"[destination]\ntype = Maildir\npath = %s/Maildir/%[3]s/\n"+
			"[options]\ndelete = %[7]s\nread_all = false\ndelivered_to = false\nreceived = false\n",
			t.host(), t.port(), accountName(account), password, t.certFile(), dir, t.either("true", "false"))
		file := "getmailrc-" + accountName(account)
		if err := os.WriteFile(filepath.Join(dir, file), []byte(config), 0o600); err != nil {
			return nil, err
		}
		script += " --rcfile " + file
	}
	return shell(t, dir, script, extractMunpack)
}

// startPython runs the script in testdata, which syncs each file.
func startPython(t task, dir string) ([]string, error) {
	script, err := filepath.Abs(filepath.Join("testdata", "fetch.py"))
	if err != nil {
		return nil, err
	}
	args := []string{python(), script, t.host(), t.port(), t.certFile(), password, t.either("delete", "keep"), "files"}
	for account := range t.mail {
		args = append(args, accountName(account))
	}
	return args, nil
}

// python prefers the system's: what stands before it in the path is often a script that looks for
// the right one.
func python() string {
	if path, err := exec.LookPath("/usr/bin/python3"); err == nil {
		return path
	}
	return "python3"
}
