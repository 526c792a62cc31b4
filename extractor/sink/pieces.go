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
	"sync"

	"github.com/attachd/attachd/extractor"
)

// PartialFolder holds the pieces of messages whose other pieces have not come, in a folder for each
// message. A piece is kept as a message/partial. [Directory.Stage] takes it like the one that came.
const PartialFolder = ".partial"

// What waits is bounded: a sender may make up any number of messages whose last piece never comes.
const (
	maxPieces     = 1000
	maxPieceBytes = 512 << 20
)

// PiecesError says that a piece of a message was not kept, since too many wait already.
type PiecesError struct {
	Pieces int   // that wait
	Bytes  int64 // of them
}

// Error says how many wait.
func (e *PiecesError) Error() string {
	return fmt.Sprintf("piece of a message is not kept: %d pieces of %d bytes wait for others already, and %d of %d bytes may", e.Pieces, e.Bytes, maxPieces, maxPieceBytes)
}

// waitingPieces are the pieces of messages that wait for others.
type waitingPieces struct {
	mu     sync.Mutex
	read   bool                        // guarded by mu, as is all that follows: the folder was read
	pieces map[string]map[int][]*piece // by folder and number: a piece may come twice
	staged map[string]*piece           // not published yet, by ID
	count  int
	bytes  int64
	joined []string // folders of pieces whose message was published
}

// piece is a piece of a message.
type piece struct {
	id     string // of the staging file, "" once it is published
	folder string
	path   string // final
	number int
	total  int // 0 if the piece does not say
	size   int64
}

// remember notes a piece. If none is missing now it returns all of them, in order. The first call
// reads the pieces that an earlier Directory left below top.
func (f *waitingPieces) remember(top *folder, of *extractor.Fragment, id string, size int64) ([]piece, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.readFrom(top); err != nil {
		return nil, fmt.Errorf("look for the other pieces of a message: %w", err)
	}
	folder, name := fragmentPath(of)
	p := &piece{id: id, folder: folder, path: path.Join(folder, name), number: of.Number, total: of.Total, size: size}
	f.add(p)
	if all := f.all(folder); all != nil {
		return all, nil
	}
	if f.count > maxPieces || f.bytes > maxPieceBytes {
		return nil, &PiecesError{f.count - 1, f.bytes - size}
	}
	return nil, nil
}

// add notes a piece. f.mu is held.
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

// published notes the path of a file that may be a piece, and that the pieces in the folder joined,
// unless "", are not needed any more.
func (f *waitingPieces) published(id, path, joined string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.staged[id]; p != nil {
		delete(f.staged, id)
		p.id, p.path = "", path
	}
	if joined != "" {
		f.joined = append(f.joined, joined)
	}
}

// drop forgets a piece whose staging file was discarded.
func (f *waitingPieces) drop(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.staged[id]; p != nil {
		f.forget(p)
	}
}

// remove forgets a piece whose file was removed.
func (f *waitingPieces) remove(file string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	number, _, _ := parseFragmentName(path.Base(file))
	for _, p := range f.pieces[path.Dir(file)][number] {
		if p.path == file {
			f.forget(p)
			return
		}
	}
}

// removeAll forgets the pieces of a folder that was removed.
func (f *waitingPieces) removeAll(folder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, same := range f.pieces[folder] {
		for _, p := range same {
			delete(f.staged, p.id)
			f.count--
			f.bytes -= p.size
		}
	}
	delete(f.pieces, folder)
}

// takeJoined returns the folders of pieces that are not needed any more, once.
func (f *waitingPieces) takeJoined() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	joined := f.joined
	f.joined = nil
	return joined
}

// forget forgets a piece. f.mu is held.
func (f *waitingPieces) forget(p *piece) {
	delete(f.staged, p.id)
	f.count--
	f.bytes -= p.size
	of := f.pieces[p.folder]
	if of[p.number] = slices.DeleteFunc(of[p.number], func(other *piece) bool { return other == p }); len(of[p.number]) == 0 {
		delete(of, p.number)
	}
}

// all returns the pieces of a message in order, or nil if one is missing. They are copies, as the
// pieces may be published while they are read. f.mu is held.
func (f *waitingPieces) all(folder string) []piece {
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
	all := make([]piece, total)
	for i := range all {
		same := of[i+1]
		if len(same) == 0 {
			return nil
		}
		all[i] = *same[len(same)-1]
	}
	return all
}

// readFrom notes the pieces that were there before, once. f.mu is held.
func (f *waitingPieces) readFrom(top *folder) error {
	if f.read {
		return nil
	}
	f.pieces, f.staged = make(map[string]map[int][]*piece), make(map[string]*piece)
	folders, err := fs.ReadDir(top.root.FS(), PartialFolder)
	if errors.Is(err, fs.ErrNotExist) {
		folders, err = nil, nil
	}
	for _, each := range folders {
		if !each.IsDir() || err != nil {
			continue
		}
		folder := path.Join(PartialFolder, each.Name())
		var entries []fs.DirEntry
		entries, err = fs.ReadDir(top.root.FS(), folder)
		for _, e := range entries {
			number, total, ok := parseFragmentName(e.Name())
			info, statErr := e.Info()
			if ok && statErr == nil && info.Mode().IsRegular() {
				f.add(&piece{folder: folder, path: path.Join(folder, e.Name()), number: number, total: total, size: info.Size()})
			}
		}
	}
	f.read = err == nil
	return err
}

// removeJoined removes the pieces of messages that have been put together and published.
func (d *Directory) removeJoined(ctx context.Context) error {
	for _, folder := range d.waiting.takeJoined() {
		if err := d.RemovePieces(ctx, folder); err != nil {
			return err
		}
	}
	return nil
}

// RemovePieces removes the pieces in a folder, as [Staged].Joined names it. Publish does so when it
// publishes the message: this is for a message that was published before a crash. A folder that is
// gone is no error.
func (d *Directory) RemovePieces(ctx context.Context, folder string) error {
	if path.Dir(folder) != PartialFolder {
		return fmt.Errorf("remove the pieces of a joined message in %s: %q is no folder of such", d.folders.path, folder)
	}
	d.folders.inUse.Lock()
	defer d.folders.inUse.Unlock()
	err := ctx.Err()
	if err == nil {
		err = d.folders.top.root.RemoveAll(folder)
	}
	if err != nil {
		return fmt.Errorf("remove the pieces of a joined message in %s: %w", d.folders.path, err)
	}
	d.waiting.removeAll(folder)
	d.folders.forget(folder)
	return nil
}

// HasPieces reports whether pieces of messages may wait for others. It reads one name.
func (d *Directory) HasPieces(ctx context.Context) (bool, error) {
	err := ctx.Err()
	var dir *os.File
	if err == nil {
		dir, err = d.folders.top.root.Open(PartialFolder)
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
		return false, fmt.Errorf("look for pieces of messages in %s: %w", d.folders.path, err)
	}
	return true, nil
}
