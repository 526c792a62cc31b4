package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// recordVersion is of the file's format.
const recordVersion = 1

// maxRecord bounds the file. Ten thousand accounts in trouble take half a MiB for each receiver.
const maxRecord = 64 << 20

// record is what the file holds.
type record struct {
	Version int              `json:"version"`
	Targets map[string]*book `json:"targets"` // by what they are
}

// readRecord reads the file. One that is not there yet is empty.
func readRecord(path string) (map[string]*book, error) {
	info, err := os.Stat(path)
	switch {
	case path == "" || errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxRecord:
		return nil, fmt.Errorf("read %s: it is no file of attachd's", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if r.Version != recordVersion {
		return nil, fmt.Errorf("read %s: it is of version %d, and this attachd knows version %d", path, r.Version, recordVersion)
	}
	for name, b := range r.Targets {
		if b == nil {
			delete(r.Targets, name)
			continue
		}
		for key, e := range b.Cases {
			if e == nil || e.Item.Key != key {
				delete(b.Cases, key)
			}
		}
	}
	return r.Targets, nil
}

// emptyRecord is what a file says that is not there yet.
var emptyRecord = fmt.Appendf(nil, `{"version":%d,"targets":{}}`, recordVersion)

// writeRecord replaces the file in one step, durably, unless it says the same already. Error texts
// of servers are in it, so nobody else may read it.
func writeRecord(path string, data []byte) error {
	now, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		now, err = emptyRecord, nil
	}
	if err == nil && bytes.Equal(now, data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
