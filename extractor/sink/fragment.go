package sink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

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

// fragmentPath returns where a piece goes. The message's ID may hold anything and is hashed.
func fragmentPath(f *extractor.Fragment) (folder, name string) {
	sum := sha256.Sum256([]byte(f.ID))
	id := hex.EncodeToString(sum[:8])
	name = id + "-" + strconv.Itoa(f.Number)
	if f.Total > 0 {
		name += "-of-" + strconv.Itoa(f.Total)
	}
	return path.Join(PartialFolder, id), name + pieceExt
}

const pieceExt = ".eml"

// parseFragmentName reads what fragmentPath wrote, and a number behind it that keeps it from another one.
func parseFragmentName(name string) (number, total int, ok bool) {
	_, name, ok = strings.Cut(strings.TrimSuffix(name, pieceExt), "-")
	n, t, _ := strings.Cut(name, "-of-")
	n, _, _ = strings.Cut(n, "-")
	t, _, _ = strings.Cut(t, "-")
	number, err := strconv.Atoi(n)
	total, _ = strconv.Atoi(t)
	return number, total, ok && err == nil && number > 0
}

// fragmentHeader is what makes the content of a piece a message again. Who sent it, and what about, is for people who look at it.
func fragmentHeader(f *extractor.Fragment) []byte {
	id := f.ID
	if strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:])
	}
	total := ""
	if f.Total > 0 {
		total = "; total=" + strconv.Itoa(f.Total)
	}
	h := append(headerField("From", f.From), headerField("Subject", f.Subject)...)
	return fmt.Appendf(h, "MIME-Version: 1.0\r\nContent-Type: message/partial; number=%d%s;\r\n id=\"%s\"%s", f.Number, total, id, endOfHeader)
}

// longestField is how many bytes of a sender or a subject are kept with a piece.
const longestField = 500

// headerField writes a field of a header in UTF-8 (RFC 6532), nothing where there is no text. A line break in it would begin a field of the sender's choice.
func headerField(name, text string) []byte {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text[:min(len(text), longestField)], ""), func(r rune) bool { return unicode.IsControl(r) || r == ' ' }), " ")
	if text == "" {
		return nil
	}
	return []byte(name + ": " + text + "\r\n")
}

const endOfHeader = "\r\n\r\n"

// longestHeader is more than any fragmentHeader.
const longestHeader = 4 << 10

// join puts messages together of which the last piece to come has been staged (RFC
// 2046 section 5.2.2.1), and takes them apart in the piece's place.
func (s *staging) join(m *extractor.Message) error {
	for _, w := range s.writers {
		if w.kind != Fragment || w.leftOut() {
			continue
		}
		pieces, err := s.d.remember(w.attachment.Fragment, w.file.id, w.size)
		if err != nil {
			return err
		}
		if pieces == nil {
			continue
		}
		joined := &joinedReader{d: s.d, pieces: pieces}
		first := len(s.writers)
		inner, err := s.extract(joined, m)
		joined.close()
		if err != nil {
			return fmt.Errorf("join the pieces of message %q: %w", w.attachment.Fragment.ID, err)
		}
		if len(s.writers) == first {
			continue // nothing in it: the pieces stay, as they may be wanted by hand
		}
		w.attachment.LeftOut = "joined: its contents are kept instead"
		s.writers[first].file.joined = pieces[0].folder
		m.Problems = append(m.Problems, inner.Problems...)
		m.LeftOut = append(m.LeftOut, inner.LeftOut...)
		m.Attachments += inner.Attachments - 1
		// It was closed when it was whole, before anybody knew of the others.
		if err := s.d.discard(w.file.id); err != nil {
			return err
		}
	}
	return nil
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

// joinedReader reads the content of one piece after the other. The line end before the boundary
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

// openPiece opens a piece behind its header.
func (d *Directory) openPiece(p *piece) (*os.File, error) {
	var f *os.File
	err := fs.ErrNotExist
	if p.id != "" {
		f, err = d.staging.root.Open(p.id)
	}
	if errors.Is(err, fs.ErrNotExist) {
		f, err = d.top.root.Open(p.path)
	}
	if err != nil {
		return nil, err
	}
	start := make([]byte, longestHeader)
	n, err := f.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		f.Close()
		return nil, err
	}
	if end := bytes.Index(start[:n], []byte(endOfHeader)); end >= 0 {
		_, err = f.Seek(int64(end+len(endOfHeader)), io.SeekStart)
	} else {
		err = fmt.Errorf("%q is no piece of a message", p.path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
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

// forgetFolder closes a folder that was removed. d.foldersInUse and d.mu are held for writing.
func (d *Directory) forgetFolder(name string) {
	if f := d.folders[name]; f != nil {
		delete(d.folders, name)
		delete(d.touched, f)
		f.close()
	}
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
