package config

import (
	"path/filepath"
	"slices"
	"strings"
)

// isDevice reports whether Windows takes a name for a device, with any extension. Nobody could open
// such a folder there.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	number, port := strings.CutPrefix(base, "COM")
	if !port {
		number, port = strings.CutPrefix(base, "LPT")
	}
	return port && (len(number) == 1 && number >= "0" && number <= "9" || number == "¹" || number == "²" || number == "³")
}

// stateSuffixes name the files and folders that attachd and SQLite keep beside the state file.
var stateSuffixes = []string{
	"-wal", "-shm", "-journal", ".locks", ".tokens", ".new", ".sock", ".notices", ".notices.new",
	HistorySuffix, HistorySuffix + "-wal", HistorySuffix + "-shm", HistorySuffix + "-journal",
	HistorySuffix + ".aside-1", HistorySuffix + ".aside-2",
}

// besideState reports whether attachd or SQLite keeps a file of this path beside the state. Another
// one there would end the state, or what else is kept there.
func besideState(path, state string) bool {
	suffix, is := strings.CutPrefix(path, state)
	return is && state != "" && slices.Contains(stateSuffixes, suffix)
}

// ownPlaces checks that the account's folder is not one that attachd uses itself, because senders
// choose the names of the files in it.
func (l *loader) ownPlaces(r *rawConfig, ra *rawAccount, a *Account) {
	at := ra.folderAt()
	state := l.config.State
	if a.folderHolds(state) {
		l.problem(r.State.at, "lies in the folder of account %s; the state needs a place of its own", quote(a.Name))
		return
	}
	for i, listen := range l.config.HTTP.Listen {
		if path, ok := strings.CutPrefix(listen, unixPrefix); ok && a.folderHolds(path) {
			l.problem(r.HTTP.Listen.places[i], "lies in the folder of account %s; the socket needs a place of its own", quote(a.Name))
			return
		}
	}
	if r.History.Path.set && a.folderHolds(l.config.History.Path) {
		l.problem(r.History.Path.at, "lies in the folder of account %s; the history needs a place of its own", quote(a.Name))
		return
	}
	for folder := a.Output; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if besideState(folder, state) {
			l.problem(at, "makes the account's folder %s, and attachd keeps %s beside the state: name it otherwise, or move the state or output", a.Output, folder)
			return
		}
	}
	// An attachment named x.yaml in accounts_dir would be an account.
	for _, own := range []struct{ path, what string }{{l.config.AccountsDir, "accounts_dir"}, {l.folder, "the configuration"}} {
		if a.folderHolds(own.path) {
			l.problem(at, "makes the account's folder %s, and %s lies there: name it otherwise, or move output", a.Output, own.what)
			return
		}
	}
}

// folderAt is the place of what an account's folder comes from.
func (r *rawAccount) folderAt() position {
	switch {
	case r.Output.set:
		return r.Output.at
	case r.Name.set:
		return r.Name.at
	}
	return r.at.key("name")
}

// apart checks that no account's folder lies in that of another one: attachments of the one could
// stand in for the other's hidden folders, and whoever may read the one could read both. Only
// accounts with an output of their own can come to that.
func (l *loader) apart(list []rawAccount) {
	own := false
	at := make(map[string]position, len(list))
	for i := range list {
		own = own || list[i].Output.set
		at[list[i].Name.v] = list[i].folderAt()
		if !list[i].Name.set {
			at[list[i].file] = list[i].folderAt()
		}
	}
	if !own {
		return
	}
	folders := make(map[string]*Account, len(l.config.Accounts))
	for i := range l.config.Accounts {
		if a := &l.config.Accounts[i]; a.Output != "" {
			folders[folded(a.Output)] = a
		}
	}
	for i := range l.config.Accounts {
		a := &l.config.Accounts[i]
		for folder := filepath.Dir(a.Output); folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
			if other := folders[folded(folder)]; other != nil {
				l.problem(at[a.Name], "makes the account's folder %s, which lies in that of account %s: give them folders apart", a.Output, quote(other.Name))
				break
			}
		}
	}
}
