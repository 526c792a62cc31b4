package web

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/extractor/digest"
)

// sandbox is the Content-Security-Policy of what strangers sent: should a browser show it all the
// same, it runs nothing and loads nothing.
const sandbox = "sandbox; default-src 'none'"

// folderOf returns the folder of an account, "" if it is not configured (any more).
func (s *Server) folderOf(account string) string {
	if s.options.Config == nil {
		return ""
	}
	c := s.options.Config()
	if c == nil {
		return ""
	}
	for i := range c.Accounts {
		if c.Accounts[i].Name == account {
			return c.Accounts[i].Output
		}
	}
	return ""
}

// placeOf is where a file was delivered, by its path in the file system.
func (s *Server) placeOf(is *history.Item) (string, error) {
	folder := s.folderOf(is.Account)
	if folder == "" {
		return "", refuse(http.StatusGone, "The folder of this file is not known any more.",
			"The configuration has no account of its name. The file is still where it was delivered, if nobody moved it.")
	}
	return filepath.Join(folder, filepath.FromSlash(is.Path)), nil
}

// moved is what a reader is told of a file that is not as it was delivered.
func moved(place string) error {
	return refuse(http.StatusGone, "This file was moved by another program.", "attachd delivered it to "+place+". It is not there any more, or not as it was delivered.")
}

// openFile opens a file that was delivered, without looking at what is in it. No link leads out of
// the folder of its account.
func (s *Server) openFile(is *history.Item) (*os.File, fs.FileInfo, error) {
	place, err := s.placeOf(is)
	if err != nil {
		return nil, nil, err
	}
	f, info, err := openIn(s.folderOf(is.Account), filepath.FromSlash(is.Path))
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, refuse(http.StatusForbidden, "attachd may not read this file.", "Another program took the right to read "+place+" from attachd's user.")
	case err != nil: // gone, a link that leads away, or a folder in between that is none
		return nil, nil, moved(place)
	case info.Size() != is.Size:
		f.Close()
		return nil, nil, moved(place)
	}
	return f, info, nil
}

// openIn opens a file below a folder, and nothing that is no file: to open a pipe would wait for
// who writes to it.
func openIn(folder, name string) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, nil, err
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// isThere fails with what a reader is told if a file is not where it was delivered. It does not
// read the file.
func (s *Server) isThere(is *history.Item) error {
	f, _, err := s.openFile(is)
	if err != nil {
		return err
	}
	return f.Close()
}

// delivered opens a file and fails unless it has the bytes that were delivered.
func (s *Server) delivered(is *history.Item) (*os.File, fs.FileInfo, error) {
	f, info, err := s.openFile(is)
	if err != nil {
		return nil, nil, err
	}
	if err := s.verified.check(is, f, info); err != nil {
		f.Close()
		if errors.Is(err, errOther) {
			place, _ := s.placeOf(is)
			err = moved(place)
		}
		return nil, nil, err
	}
	return f, info, nil
}

// errOther says that a file has other bytes than it was delivered with.
var errOther = errors.New("the file has other bytes than were delivered")

// maxVerified is how many files are remembered.
const maxVerified = 256

// verified remembers which files have the bytes that were delivered, so that a reader who asks for
// one in many ranges does not have all of it read each time.
type verified struct {
	mu    sync.Mutex
	files map[int64]fs.FileInfo // by item, as it was when it was read
}

// check fails with [errOther] unless a file has the bytes of an item. It leaves f at its start.
func (v *verified) check(is *history.Item, f *os.File, info fs.FileInfo) error {
	v.mu.Lock()
	was := v.files[is.ID]
	v.mu.Unlock()
	if was != nil && os.SameFile(was, info) && was.ModTime().Equal(info.ModTime()) && was.Size() == info.Size() {
		return nil
	}
	has, _, err := digest.Read(is.Digest.Kind, f)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name(), err)
	}
	if has != is.Digest {
		return errOther
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", f.Name(), err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.files == nil || len(v.files) >= maxVerified {
		v.files = make(map[int64]fs.FileInfo) // who is asked for again is read again
	}
	v.files[is.ID] = info
	return nil
}

// serveFile answers with a file that was delivered, to be saved and not to be shown.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) error {
	is, err := s.item(r)
	if err != nil {
		return err
	}
	unhurried(w) // from here on, reading a large file takes its time
	f, info, err := s.delivered(is)
	if err != nil {
		return err
	}
	defer f.Close()
	asDownload(w, is.Name)
	w.Header().Set("ETag", `"`+is.Digest.String()+`"`)
	http.ServeContent(w, r, "", info.ModTime(), f)
	return nil
}

// asDownload sets the headers of something that strangers sent: it is saved under this name.
func asDownload(w http.ResponseWriter, name string) {
	h := w.Header()
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name}) // filename* where it needs be: RFC 8187
	if disposition == "" {
		disposition = "attachment"
	}
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", sandbox)
}
