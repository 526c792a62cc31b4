package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync/atomic"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
)

// Staged is an attachment in a staging file, or a file that belongs to one.
type Staged struct {
	ID         string // the staging file's name
	Attachment extractor.Attachment
	Path       string     // final name, reserved: relative to the folder, separated by slashes
	Size       int64      // bytes
	Digests    digest.Set // those that were asked for
	Kind       Kind
	Before     bool // set by Publish: it was published before a crash
	// Joined is the folder of the pieces that a message was joined from, of its first attachment.
	// See [Directory.RemovePieces].
	Joined string
}

// Kind says what a staged file is.
type Kind int

// The kinds of files.
const (
	File        Kind = iota // an attachment
	Sidecar                 // what is known of the attachment behind it in the list
	Raw                     // the message itself
	Fragment                // a piece of a message that waits for the others, in [PartialFolder]
	Quarantined             // the message itself, or the reason, in quarantine
)

// file is a staging file on its way from creation to Publish.
type file struct {
	id      string
	path    string // the final one, "" before it is chosen
	sidecar bool   // a name is free for it only if that of its sidecar is free, too
	joined  string // the folder of the pieces that it came from, to be removed once it is published
	f       *handle

	discarded atomic.Bool
	done      chan struct{} // closed when the fsync is over
	err       error         // of the fsync, to be read after done
	synced    bool          // guarded by Directory.mu: Sync has returned nil for it
}

// staged returns the file of an ID that was staged here and is not published yet, else nil.
func (d *Directory) staged(id string) *file {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[id]
}

// forget frees the name of a file that is published or discarded.
func (d *Directory) forget(f *file) {
	d.names.release(f)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, f.id)
}

// createOnce is create without a second try.
func (d *Directory) createOnce(f *file) error {
	mode := d.fileMode
	if mode == 0 {
		mode = defaultFileMode
	}
	err := d.before(StepCreate, f.id)
	if err == nil {
		d.mu.Lock()
		d.files[f.id] = f
		d.mu.Unlock()
		f.f, err = createIn(d.folders.staging, f.id, mode)
	}
	if err == nil {
		openFiles.Add(1)
		err = d.share(f)
	}
	if err != nil {
		return fmt.Errorf("create staging file in %s: %w", d.folders.stagingPath(), err)
	}
	return nil
}

// Plan says what of a message is staged and where it is to go. The zero value takes all attachments
// into the folder itself.
type Plan struct {
	Extract extractor.Options
	// Path, unless nil, returns where an attachment is to go: below the folder, separated by
	// slashes. Parts that are unsafe in a path are replaced, see [SafePath]. "" means the
	// attachment's name.
	Path func(m *extractor.Message, a *extractor.Attachment) string
	// Sidecar, unless nil, returns the content of a file beside an attachment, with ".json" behind
	// its name. The sidecar appears before the attachment does. It counts in Extract.Limits.
	Sidecar func(m *extractor.Message, s *Staged) ([]byte, error)
	// SHA256 asks for the SHA-256 of each file. It is there in Sidecar in any case.
	SHA256 bool
	// Raw says when the message itself is kept, too: as a file that is named by its subject.
	Raw RawPolicy
	// Quarantine says where a message goes that could not be read right. doubts are the reasons. It
	// is needed with [RawQuarantine] only.
	Quarantine func(m *extractor.Message, doubts []extractor.Problem) Quarantine
}

// Stage takes the message in r apart and writes its attachments to staging files. It chooses their
// final names and reserves them. The fsync of the files begins at once in the background.
//
// On an error nothing of the message stays. An [extractor.MessageError] says that the message is at
// fault, and a [*PiecesError] that too many pieces of messages wait.
//
// A piece of a message (message/partial) is staged for [PartialFolder]. If it is the last piece to
// come, the whole message is staged in its place. Publish then removes the other pieces.
func (d *Directory) Stage(ctx context.Context, r io.Reader, plan Plan) (*extractor.Message, []*Staged, error) {
	var m *extractor.Message
	staged, err := d.stage(ctx, "", &plan, func(s *staging) error {
		var err error
		m, err = s.message(r)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return m, staged, nil
}

// StageRaw stages the bytes of r as they are, to be published as folder/name. folder is below the
// Directory's own, and "" for that itself. On an error nothing stays.
func (d *Directory) StageRaw(ctx context.Context, r io.Reader, folder, name string) (*Staged, error) {
	staged, err := d.stage(ctx, folder, &Plan{}, func(s *staging) error {
		w := s.open(nil, &extractor.Attachment{Name: name, OriginalName: name}, Raw)
		_, err := w.ReadFrom(r)
		if closeErr := w.Close(); err == nil {
			err = closeErr
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return staged[0], nil
}

// staging is one call of Stage or StageRaw.
type staging struct {
	d       *Directory
	ctx     context.Context
	plan    *Plan
	folder  string
	writers []*writer
	staged  []*Staged
	written int64 // bytes of attachments and sidecars
	opened  int   // writers that are open
}

func (s *staging) open(m *extractor.Message, a *extractor.Attachment, kind Kind) *writer {
	w := s.newWriter(a, kind)
	w.message = m
	s.writers = append(s.writers, w)
	return w
}

// stage runs fill, which opens and closes writers, and chooses the names. It cleans up after an
// error, and also after a panic, which goes on to the caller.
func (d *Directory) stage(ctx context.Context, folder string, plan *Plan, fill func(*staging) error) (staged []*Staged, err error) {
	s := &staging{d: d, ctx: ctx, plan: plan, folder: folder}
	complete := false
	defer func() {
		if complete {
			return
		}
		for _, w := range s.writers {
			w.err = errStageFailed // what is still open needs no fsync
			w.Close()
			d.discard(w.file.id)
		}
	}()
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("stage in %s: %w", d.folders.path, os.ErrClosed)
	}
	if err := fill(s); err != nil {
		return nil, err
	}
	for _, w := range s.writers { // which keep may add sidecars to
		if err := s.keep(w); err != nil {
			return nil, err
		}
	}
	complete = true
	return s.staged, nil
}

// message takes one message apart.
func (s *staging) message(r io.Reader) (*extractor.Message, error) {
	var raw *writer
	if s.plan.Raw != RawNever {
		raw = s.open(nil, &extractor.Attachment{MediaType: "message/rfc822"}, Raw)
		raw.unsure = s.plan.Raw != RawAlways
		r = io.TeeReader(r, raw)
	}
	m, err := s.extract(r, nil)
	if err != nil {
		return nil, err
	}
	if err := s.join(m); err != nil {
		return nil, err
	}
	switch {
	case raw == nil:
		return m, nil
	case s.plan.Raw == RawQuarantine:
		return m, s.quarantine(raw, m)
	}
	raw.message, raw.attachment.Name = m, extractor.MessageName(m.Subject)
	if s.plan.Raw == RawProblems && len(s.problems(m, isRepair)) == 0 {
		raw.attachment.LeftOut = "nothing had to be repaired"
	}
	return m, raw.Close()
}

func (s *staging) extract(r io.Reader, enclosing *extractor.Message) (*extractor.Message, error) {
	first := len(s.writers)
	options := s.plan.Extract
	options.Enclosing = enclosing
	m, err := extractor.Extract(r, options, func(a *extractor.Attachment) (io.WriteCloser, error) {
		if a.Fragment == nil {
			return s.open(nil, a, File), s.ctx.Err()
		}
		w := s.open(nil, a, Fragment)
		_, err := w.Write(fragmentHeader(a.Fragment))
		return w, errors.Join(err, s.ctx.Err())
	})
	for _, w := range s.writers[first:] {
		w.message = m
	}
	return m, err
}

// keep reserves the final name of a file, and stages its sidecar.
func (s *staging) keep(w *writer) error {
	if w.leftOut() {
		return nil
	}
	d := s.d
	wanted := w.attachment.Name
	folder := s.folder
	switch {
	case w.kind == Fragment:
		folder, wanted = fragmentPath(w.attachment.Fragment)
	case w.kind == Quarantined:
		folder = w.folder
	case s.plan.Path != nil && w.message != nil:
		if p := s.plan.Path(w.message, w.attachment); p != "" {
			folder, wanted = safePath(p)
		}
	}
	w.file.sidecar = s.plan.Sidecar != nil && (w.kind == File || w.kind == Raw)
	w.attachment.Name = wanted
	d.folders.inUse.RLock()
	to, err := d.folders.getFree(folder)
	var name string
	if err == nil {
		name, err = d.names.reserve(to, wanted, d.folders.maxName, w.file)
	}
	if err == nil {
		err = d.inherit(w.file, to)
	}
	d.folders.inUse.RUnlock()
	if err != nil {
		return err
	}
	staged := &Staged{ID: w.file.id, Attachment: *w.attachment, Path: name, Size: w.size, Digests: w.digests, Kind: w.kind, Joined: w.file.joined}
	if w.kind == File {
		s.written += w.size
	}
	if w.file.sidecar {
		if err := s.sidecar(w.message, staged, to); err != nil {
			return err
		}
	}
	s.staged = append(s.staged, staged)
	return nil
}

// sidecar stages what is to stand beside an attachment.
func (s *staging) sidecar(m *extractor.Message, beside *Staged, to *folder) error {
	content, err := s.plan.Sidecar(m, beside)
	if err != nil {
		return fmt.Errorf("make sidecar of %q: %w", beside.Path, err)
	}
	// A sidecar repeats for each attachment what the sender wrote once, at any length.
	s.written += int64(len(content))
	if err := s.plan.Extract.Limits.Written(s.written, m.Size); err != nil {
		return err
	}
	name := path.Base(beside.Path) + sidecarExt
	w := s.open(m, &extractor.Attachment{Name: name, MediaType: "application/json"}, Sidecar)
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	s.d.names.reserveBeside(beside.Path, w.file)
	if err := s.d.inherit(w.file, to); err != nil {
		return err
	}
	s.staged = append(s.staged, &Staged{ID: w.file.id, Attachment: *w.attachment, Path: w.file.path, Size: w.size, Digests: w.digests, Kind: Sidecar})
	return nil
}
