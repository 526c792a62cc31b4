package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/attachd/attachd/extractor"
)

// fragmentsFolder holds the pieces of messages whose other pieces have not come,
// a folder for each message.
const fragmentsFolder = ".partial"

// fragmentPath returns where a piece goes. The message's ID may hold anything and is hashed.
func fragmentPath(f *extractor.Fragment) (folder, name string) {
	sum := sha256.Sum256([]byte(f.ID))
	name = strconv.Itoa(f.Number)
	if f.Total > 0 {
		name += "-of-" + strconv.Itoa(f.Total)
	}
	return path.Join(fragmentsFolder, hex.EncodeToString(sum[:8])), name
}

// piece is a fragment that was staged by this Directory.
type piece struct {
	id    string // of the staging file
	path  string // once it is published
	total int
}

// join puts a message together of which the last piece to come has been staged (RFC
// 2046 section 5.2.2.1), and takes it apart in the piece's place.
func (s *staging) join(m *extractor.Message) error {
	for _, w := range s.writers {
		if w.kind != Fragment || w.leftOut() {
			continue
		}
		folder, name := fragmentPath(w.attachment.Fragment)
		pieces, err := s.d.remember(folder, w.attachment.Fragment, &piece{w.file.id, path.Join(folder, name), w.attachment.Fragment.Total})
		if err != nil || pieces == nil {
			return err
		}
		joined := &joinedReader{d: s.d, pieces: pieces}
		first := len(s.writers)
		inner, err := s.extract(joined, m)
		joined.close()
		if err != nil {
			return fmt.Errorf("join the pieces of message %q: %w", w.attachment.Fragment.ID, err)
		}
		if len(s.writers) == first {
			return nil // nothing in it: the pieces stay, as they may be wanted by hand
		}
		w.attachment.LeftOut = "joined: its contents are kept instead"
		s.writers[first].file.joined = folder
		m.Problems = append(m.Problems, inner.Problems...)
		m.LeftOut = append(m.LeftOut, inner.LeftOut...)
		m.Attachments += inner.Attachments - 1
		// It was closed when it was whole, before anybody knew of the others.
		return s.d.discard(w.file.id)
	}
	return nil
}

// remember notes a piece, and returns all of them in order when none is missing.
func (d *Directory) remember(folder string, f *extractor.Fragment, p *piece) ([]*piece, error) {
	d.mu.Lock()
	known := d.pieces[folder]
	if known == nil {
		known = make(map[int]*piece)
		d.pieces[folder] = known
	}
	d.mu.Unlock()
	entries, err := fs.ReadDir(d.top.root.FS(), folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for the other pieces of a message: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known[f.Number] = p
	for _, e := range entries {
		number, total, ok := parseFragmentName(e.Name())
		if ok && known[number] == nil && e.Type().IsRegular() {
			known[number] = &piece{path: path.Join(folder, e.Name()), total: total}
		}
	}
	total := 0
	for _, p := range known {
		total = max(total, p.total)
	}
	if total == 0 || len(known) < total {
		return nil, nil
	}
	all := make([]*piece, total)
	for i := range all {
		if all[i] = known[i+1]; all[i] == nil {
			return nil, nil
		}
	}
	return all, nil
}

func parseFragmentName(name string) (number, total int, ok bool) {
	n, t, _ := strings.Cut(name, "-of-")
	number, err := strconv.Atoi(n)
	total, _ = strconv.Atoi(t)
	return number, total, err == nil && number > 0
}

// joinedReader reads one piece after the other. The line end before the boundary
// or at the message's end belongs to the piece.
type joinedReader struct {
	d      *Directory
	pieces []*piece
	f      *os.File
}

func (j *joinedReader) Read(b []byte) (int, error) {
	for {
		if j.f == nil {
			if len(j.pieces) == 0 {
				return 0, io.EOF
			}
			f, err := j.d.openPiece(j.pieces[0])
			if err != nil {
				return 0, err
			}
			j.f, j.pieces = f, j.pieces[1:]
		}
		n, err := j.f.Read(b)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		if err == io.EOF {
			j.close()
		}
	}
}

func (j *joinedReader) close() {
	if j.f != nil {
		j.f.Close()
		j.f = nil
	}
}

func (d *Directory) openPiece(p *piece) (*os.File, error) {
	if p.id != "" {
		f, err := d.staging.root.Open(p.id)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return d.top.root.Open(p.path)
}

// removeJoined removes the pieces of messages whose contents have been published.
func (d *Directory) removeJoined() error {
	d.mu.Lock()
	joined := d.joined
	d.joined = nil
	for _, folder := range joined {
		delete(d.pieces, folder)
	}
	d.mu.Unlock()
	for _, folder := range joined {
		if err := d.top.root.RemoveAll(folder); err != nil {
			return fmt.Errorf("remove the pieces of a joined message in %s: %w", d.path, err)
		}
		d.foldersInUse.Lock()
		d.mu.Lock()
		if f := d.folders[folder]; f != nil {
			delete(d.folders, folder)
			delete(d.touched, f)
			f.close()
		}
		d.mu.Unlock()
		d.foldersInUse.Unlock()
	}
	return nil
}
