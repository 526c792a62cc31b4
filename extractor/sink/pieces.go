package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/attachd/attachd/extractor"
)

// PartialFolder holds the pieces of messages whose other pieces have not come, a folder for each message. A piece is kept
// as a message/partial of its own, which [Directory.Stage] takes like the one that it came as.
const PartialFolder = ".partial"

// What waits in a Directory is bounded, as a sender may make up any number of messages in pieces that never end.
const (
	maxPieces     = 1000
	maxPieceBytes = 512 << 20
)

// PiecesError says that a piece of a message was not kept, as those that wait already are too many or too large.
type PiecesError struct {
	Pieces int
	Bytes  int64
}

// Error says how many wait.
func (e *PiecesError) Error() string {
	return fmt.Sprintf("piece of a message is not kept: %d pieces of %d bytes wait for others already, and %d of %d bytes may", e.Pieces, e.Bytes, maxPieces, maxPieceBytes)
}

// waitingPieces are the pieces that wait. Directory.mu guards them.
type waitingPieces struct {
	read   bool                        // those that were there
	pieces map[string]map[int][]*piece // by folder and number: a piece may come twice
	staged map[string]*piece           // not published yet, by ID
	count  int
	bytes  int64
	joined []string // folders of pieces whose message was published
}

// piece is one of them.
type piece struct {
	id     string // of the staging file, "" for one that was there
	folder string
	path   string // once it is published
	number int
	total  int // 0 where it is not said
	size   int64
}

// remember notes a piece, and returns all of them in order when none is missing.
func (d *Directory) remember(f *extractor.Fragment, id string, size int64) ([]*piece, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.readPieces(); err != nil {
		return nil, fmt.Errorf("look for the other pieces of a message: %w", err)
	}
	folder, name := fragmentPath(f)
	waiting := &d.waiting
	p := &piece{id: id, folder: folder, path: path.Join(folder, name), number: f.Number, total: f.Total, size: size}
	waiting.add(p)
	if all := waiting.all(folder); all != nil {
		return all, nil
	}
	if waiting.count > maxPieces || waiting.bytes > maxPieceBytes {
		return nil, &PiecesError{waiting.count - 1, waiting.bytes - size}
	}
	return nil, nil
}

// add notes a piece.
func (f *waitingPieces) add(p *piece) {
	of := f.pieces[p.folder]
	if of == nil {
		of = make(map[int][]*piece)
		f.pieces[p.folder] = of
	}
	of[p.number] = append(of[p.number], p)
	f.count++
	f.bytes += p.size
	if p.id != "" {
		f.staged[p.id] = p
	}
}

// drop forgets a piece whose staging file was discarded.
func (f *waitingPieces) drop(id string) {
	if p := f.staged[id]; p != nil {
		f.forget(p)
	}
}

// remove forgets a piece whose file was removed.
func (f *waitingPieces) remove(file string) {
	number, _, _ := parseFragmentName(path.Base(file))
	for _, p := range f.pieces[path.Dir(file)][number] {
		if p.path == file {
			f.forget(p)
			return
		}
	}
}

func (f *waitingPieces) forget(p *piece) {
	delete(f.staged, p.id)
	f.count--
	f.bytes -= p.size
	of := f.pieces[p.folder]
	if of[p.number] = slices.DeleteFunc(of[p.number], func(other *piece) bool { return other == p }); len(of[p.number]) == 0 {
		delete(of, p.number)
	}
}

// all returns the pieces of a message in order, nil while one is missing.
func (f *waitingPieces) all(folder string) []*piece {
	of := f.pieces[folder]
	total := 0
	for _, same := range of {
		for _, p := range same {
			total = max(total, p.total)
		}
	}
	if total == 0 || len(of) < total {
		return nil
	}
	all := make([]*piece, total)
	for i := range all {
		same := of[i+1]
		if len(same) == 0 {
			return nil
		}
		all[i] = same[len(same)-1]
	}
	return all
}

// readPieces notes the pieces that wait from before, once. d.mu is held.
func (d *Directory) readPieces() error {
	waiting := &d.waiting
	if waiting.read {
		return nil
	}
	waiting.pieces, waiting.staged = make(map[string]map[int][]*piece), make(map[string]*piece)
	folders, err := fs.ReadDir(d.top.root.FS(), PartialFolder)
	if errors.Is(err, fs.ErrNotExist) {
		folders, err = nil, nil
	}
	for _, f := range folders {
		if !f.IsDir() || err != nil {
			continue
		}
		folder := path.Join(PartialFolder, f.Name())
		var entries []fs.DirEntry
		entries, err = fs.ReadDir(d.top.root.FS(), folder)
		for _, e := range entries {
			number, total, ok := parseFragmentName(e.Name())
			info, statErr := e.Info()
			if ok && statErr == nil && info.Mode().IsRegular() {
				waiting.add(&piece{folder: folder, path: path.Join(folder, e.Name()), number: number, total: total, size: info.Size()})
			}
		}
	}
	waiting.read = err == nil
	return err
}

// removeJoined removes the pieces of messages whose contents have been published.
func (d *Directory) removeJoined(ctx context.Context) error {
	d.mu.Lock()
	joined := d.waiting.joined
	d.waiting.joined = nil
	d.mu.Unlock()
	for _, folder := range joined {
		if err := d.RemovePieces(ctx, folder); err != nil {
			return err
		}
	}
	return nil
}

// RemovePieces removes the pieces that a message was joined from, by [Staged].Joined. Publish does so when the message is published, and
// this is for one that was published before a crash. Pieces that are gone are no error.
func (d *Directory) RemovePieces(ctx context.Context, folder string) error {
	if path.Dir(folder) != PartialFolder {
		return fmt.Errorf("remove the pieces of a joined message in %s: %q is no folder of such", d.path, folder)
	}
	d.foldersInUse.Lock()
	defer d.foldersInUse.Unlock()
	err := ctx.Err()
	if err == nil {
		err = d.top.root.RemoveAll(folder)
	}
	if err != nil {
		return fmt.Errorf("remove the pieces of a joined message in %s: %w", d.path, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, same := range d.waiting.pieces[folder] {
		for _, p := range same {
			delete(d.waiting.staged, p.id)
			d.waiting.count--
			d.waiting.bytes -= p.size
		}
	}
	delete(d.waiting.pieces, folder)
	d.forgetFolder(folder)
	return nil
}

// HasPieces reports whether pieces of messages may wait for others. It reads one name.
func (d *Directory) HasPieces(ctx context.Context) (bool, error) {
	err := ctx.Err()
	var dir *os.File
	if err == nil {
		dir, err = d.top.root.Open(PartialFolder)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		defer dir.Close()
		_, err = dir.Readdirnames(1)
	}
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for pieces of messages in %s: %w", d.path, err)
	}
	return true, nil
}
