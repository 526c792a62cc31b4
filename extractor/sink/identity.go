package sink

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The ID of a staging folder is a file in it.
const (
	folderIDFile   = "folder-id"
	folderIDLength = 8
)

func newFolderID() string { return rand.Text()[:folderIDLength] }

// identify returns the ID of the staging folder, which gets one if it has none.
func (d *Directory) identify() (string, error) {
	if d.private {
		return newFolderID(), d.folders.settle()
	}
	return d.readFolderID()
}

func (d *Directory) readFolderID() (string, error) {
	for range 2 {
		id, err := readID(d.folders.staging.root)
		if id != "" {
			return id, d.folders.settle()
		}
		if err == nil {
			// What was staged under another ID counts as staged elsewhere then, which stops
			// loudly.
			err = d.folders.staging.root.Remove(folderIDFile)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err := d.writeFolderID(); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s can't be read back", filepath.Join(d.folders.path, d.folders.staging.name, folderIDFile))
}

// readID reads the ID of a staging folder. It returns "" for a file that this package did not
// write.
func readID(staging *os.Root) (string, error) {
	f, err := staging.Open(folderIDFile)
	if err != nil {
		return "", err
	}
	defer f.Close()
	id := make([]byte, folderIDLength)
	if _, err := io.ReadFull(f, id); err != nil || !isID(string(id)) {
		return "", nil
	}
	return string(id), nil
}

// writeFolderID makes the file of the ID, which is whole when it appears. Its contents are durable
// then, and so are the folders: the fsync of the file comes first, with which a journal takes them
// along, and theirs find nothing left to do. Its name becomes durable in Sync, with those of the
// first files. Of two processes that make it at the same time one wins.
func (d *Directory) writeFolderID() error {
	id := newFolderID()
	temporary := folderIDFile + "-" + rand.Text()
	f, err := d.folders.staging.root.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer d.folders.staging.root.Remove(temporary)
	_, err = io.WriteString(f, id+"\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := d.folders.settleAll(); err != nil {
		return err
	}
	err = d.folders.move(d.folders.staging, temporary, d.folders.staging, folderIDFile)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	d.unnamed.Store(err == nil)
	return err
}

// newID returns the name of a new staging file.
func (d *Directory) newID() string { return d.folderID + "-" + rand.Text() }

// ofThisFolder reports whether an ID was given in this staging folder.
func (d *Directory) ofThisFolder(id string) bool { return strings.HasPrefix(id, d.folderID+"-") }

// isStagingID reports whether id may be a staging file. A ledger must not name anything else in the
// folder.
func isStagingID(id string) bool {
	folder, file, ok := strings.Cut(id, "-")
	return ok && len(folder) == folderIDLength && isID(folder) && len(file) >= 16 && isID(file)
}

// isID reports whether s has only the letters of [rand.Text].
func isID(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
