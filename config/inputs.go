package config

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unique"
)

// Limits on the files of a configuration, in bytes.
const (
	maxConfigBytes = 16 << 20
	maxCertBytes   = 1 << 20
)

// Fingerprint stands for the content of some files. Within one process, two of them are equal if
// the contents are. It prints as an address, because the digest of a short password would give it
// away.
type Fingerprint struct {
	sum unique.Handle[[sha256.Size]byte]
}

// kind says what an input is read as.
type kind byte

const (
	kindConfig kind = iota // a YAML file; the one that the user names may be a pipe
	kindSecret
	kindCert
	kindFolder // accounts_dir: the names of the account files in it
)

// limit bounds an input, in bytes.
func (k kind) limit() int64 {
	switch k {
	case kindSecret:
		return maxSecretBytes
	case kindCert:
		return maxCertBytes
	}
	return maxConfigBytes
}

// input is a file or folder of a configuration, as it was read.
type input struct {
	kind  kind
	state string // "" if it was read, else the class of the error
	sum   [sha256.Size]byte
}

// inputs are all files and folders of a configuration, by absolute path.
type inputs map[string]input

// read reads the file at path and records its digest, or why it could not be read.
func (in inputs) read(path string, k kind) ([]byte, fs.FileInfo, error) {
	read := readRegular
	if k == kindConfig && len(in) == 0 {
		// The user names the first file, and may say --config /dev/stdin.
		read = readBounded
	}
	data, fi, err := read(path, k.limit())
	in[path] = input{kind: k, state: stateOf(err), sum: sha256.Sum256(data)}
	return data, fi, err
}

// list lists the account files of the folder dir.
func (in inputs) list(dir string) ([]string, error) {
	names, err := accountFiles(dir)
	in[dir] = input{kind: kindFolder, state: stateOf(err), sum: sha256.Sum256([]byte(strings.Join(names, "\x00")))}
	return names, err
}

// again reads the same files and folders once more.
func (in inputs) again() inputs {
	now := make(inputs, len(in))
	for path, was := range in {
		if was.kind == kindFolder {
			_, _ = now.list(path)
			continue
		}
		data, _, err := readRegular(path, was.kind.limit())
		now[path] = input{kind: was.kind, state: stateOf(err), sum: sha256.Sum256(data)}
	}
	return now
}

// fingerprint returns the fingerprint of the given inputs, or of all if no paths are given.
func (in inputs) fingerprint(paths ...string) Fingerprint {
	if paths == nil {
		paths = slices.Sorted(maps.Keys(in))
	}
	h := sha256.New()
	for _, path := range paths {
		x, ok := in[path]
		if !ok {
			continue
		}
		b := binary.AppendUvarint(nil, uint64(len(path)))
		b = append(b, path...)
		b = append(b, byte(len(x.state)))
		b = append(append(b, x.state...), x.sum[:]...)
		h.Write(b)
	}
	return Fingerprint{unique.Make([sha256.Size]byte(h.Sum(nil)))}
}

// stateOf sorts errors into classes. A file that goes missing is a change; one that is still
// missing is not.
func stateOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case errors.Is(err, fs.ErrPermission):
		return "refused"
	}
	return "unreadable"
}

// accountFiles lists the names of the account files in a folder, sorted: they end in .yaml or .yml.
// Names with a leading dot are left out, such as Kubernetes' ..data and the backups of editors.
func accountFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && IsAccountFile(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// IsAccountFile reports whether a file of accounts_dir is an account, by its name.
func IsAccountFile(name string) bool {
	ext := filepath.Ext(name)
	return (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(name, ".")
}
