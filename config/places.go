package config

import (
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
	at := ra.Name.at
	if !ra.Name.set {
		at = ra.at.key("name")
	}
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
	if besideState(a.Output, state) {
		l.problem(at, "makes the account's folder %s, which attachd keeps beside the state: name it otherwise, or move the state", a.Output)
		return
	}
	// An attachment named x.yaml in accounts_dir would be an account.
	for _, own := range []struct{ path, what string }{{l.config.AccountsDir, "accounts_dir"}, {l.folder, "the configuration"}} {
		if a.folderHolds(own.path) {
			l.problem(at, "makes the account's folder %s, and %s lies there: name it otherwise, or move output", a.Output, own.what)
			return
		}
	}
}
