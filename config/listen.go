package config

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// unixPrefix begins the address of a unix socket.
const unixPrefix = "unix:"

// maxSocketPath is the most that Linux takes for the path of a unix socket, in bytes (unix(7)).
const maxSocketPath = 107

// IsLocal reports whether only this machine can reach an address of [HTTP.Listen].
func IsLocal(listen string) bool {
	if strings.HasPrefix(listen, unixPrefix) {
		return true
	}
	host, _, err := net.SplitHostPort(listen)
	return err == nil && isLoopback(host)
}

// words is one text or a list of texts, each with its place.
type words struct {
	list   []string
	places []position // of each
	at     position
	set    bool
}

func (w *words) decode(d *decoder, n *yaml.Node, at position) {
	*w = words{at: at, set: true}
	items := []*yaml.Node{n}
	list := n.Kind == yaml.SequenceNode
	if list {
		items = n.Content
	}
	for i, item := range items {
		place := at
		if item = resolve(item); list {
			place = d.place(item)
			place.path = at.item(i).path
		}
		s, err := d.text(item, false)
		if err == nil && strings.TrimSpace(s) == "" {
			err = errors.New("must not be empty")
		}
		if err != nil {
			d.problem(place, "%s", err)
			continue
		}
		w.list, w.places = append(w.list, s), append(w.places, place)
	}
	if len(items) == 0 {
		d.problem(at, "must not be an empty list")
	}
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// listeners are the addresses of http.listen.
type listeners struct{ words }

// listeners checks the addresses, and leaves those in r that are right.
func (l *loader) listeners(r *rawHTTP) (addresses []string) {
	var places []position
	for i, s := range r.Listen.list {
		at := r.Listen.places[i]
		address, fault := l.listener(s)
		if fault == "" && contains(addresses, address) {
			fault = "is given twice: " + quote(address)
		}
		if fault != "" {
			l.problem(at, "%s", fault)
			continue
		}
		addresses, places = append(addresses, address), append(places, at)
	}
	r.Listen.places = places
	return addresses
}

// listener checks one address and returns it as [HTTP.Listen] has it.
func (l *loader) listener(s string) (address, fault string) {
	if path, ok := strings.CutPrefix(s, unixPrefix); ok {
		path = strings.TrimPrefix(path, "//") // unix:///run/attachd/http.sock
		return l.socket(path)
	}
	const want = "must be HOST:PORT such as 127.0.0.1:9110, or unix:PATH, not "
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		if _, err := strconv.Atoi(s); err == nil {
			return "", want + quote(s) + "; did you mean \"127.0.0.1:" + clip(s) + "\"?"
		}
		return "", want + quote(s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", "must end in a port from 0 to 65535: " + quote(s)
	}
	if host == "" {
		return net.JoinHostPort("", port), "" // every address of this machine
	}
	name, _, _ := strings.Cut(host, "%") // the zone of fe80::1%eth0
	if fault := hostFault(name); fault != "" {
		return "", fault
	}
	return net.JoinHostPort(host, port), ""
}

// socket checks the path of a unix socket. A socket that is there is attachd's own, of before.
func (l *loader) socket(path string) (address, fault string) {
	switch {
	case path == "":
		return "", "must name a socket, such as unix:/run/attachd/http.sock"
	case strings.HasPrefix(path, "@"):
		return "", "must be the path of a socket in a folder: everyone on this machine could use an abstract one"
	case strings.HasPrefix(path, "~"), strings.Contains(path, "${"):
		return "", "neither ~ nor variables are expanded; give the whole path"
	case !filepath.IsAbs(path):
		path = filepath.Join(l.folder, path)
	}
	path = filepath.Clean(path)
	if len(path) > maxSocketPath {
		return "", "must not be longer than " + strconv.Itoa(maxSocketPath) + " bytes, which is all that the system takes for a socket"
	}
	if fi, err := os.Stat(path); err == nil && fi.Mode()&os.ModeSocket == 0 {
		what := "a file"
		if fi.IsDir() {
			what = "a folder"
		}
		return "", path + " is " + what + "; it names a socket, which attachd makes"
	}
	return unixPrefix + path, ""
}
