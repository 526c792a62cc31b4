package sinktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"strings"
	"sync"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Step names what a [Memory] is about to do.
type Step string

// The steps. The name that goes with each is that of a message or the path of a file, and "" for
// [StepSyncFolders].
const (
	StepStage       Step = "stage"
	StepSync        Step = "sync"
	StepPublish     Step = "publish"
	StepSyncFolders Step = "sync folders"
)

// Memory is a sink whose files live in memory. It is its own place: open it as often as a test
// likes, and what was staged and published before is still there. Each message is one file, the
// message itself, named by its UIDL.
//
// Its methods may be called from several goroutines at once. Set its fields before that.
type Memory struct {
	// Before, unless nil, is asked before each step. Its error is that of the step, and nil lets it
	// happen.
	Before func(step Step, name string) error
	// Room is how many bytes can still be written.
	Room int64

	once   sync.Once
	id     string // of the place: staged files of another one are told by it
	mu     sync.Mutex
	number int               // guarded by mu, as is all that follows: of the newest staging file
	staged map[string]*file  // by ID
	files  map[string][]byte // by path
	mark   int64
}

// file is a staging file.
type file struct {
	body   []byte
	synced bool
}

var (
	places   sync.Mutex
	newPlace int
)

// init makes the maps, so that the zero value is ready for use.
func (m *Memory) init() {
	m.once.Do(func() {
		places.Lock()
		defer places.Unlock()
		newPlace++
		m.id = fmt.Sprintf("memory%d-", newPlace)
		m.staged, m.files = make(map[string]*file), make(map[string][]byte)
	})
}

// lock locks the maps and returns what unlocks them.
func (m *Memory) lock() (unlock func()) {
	m.init()
	m.mu.Lock()
	return m.mu.Unlock
}

// begin is asked at the beginning of each call.
func (m *Memory) begin(ctx context.Context, step Step, name string) error {
	m.init()
	if err := ctx.Err(); err != nil || m.Before == nil || step == "" {
		return err
	}
	return m.Before(step, name)
}

// Files returns a copy of what was published and not removed, by path.
func (m *Memory) Files() map[string][]byte {
	defer m.lock()()
	return maps.Clone(m.files)
}

// Staged returns a copy of the staging files, by ID.
func (m *Memory) Staged() map[string][]byte {
	defer m.lock()()
	all := make(map[string][]byte, len(m.staged))
	for id, f := range m.staged {
		all[id] = f.body
	}
	return all
}

// Take removes everything that was published, as a consumer does.
func (m *Memory) Take() {
	defer m.lock()()
	clear(m.files)
}

// Add stages one file, which is to be published under this path. It is how a test's own Stage takes
// a message apart.
func (m *Memory) Add(body []byte, path string) ledger.Attachment {
	defer m.lock()()
	m.number++
	id := fmt.Sprintf("%s%d", m.id, m.number)
	m.staged[id] = &file{body: body}
	return ledger.Attachment{StagingID: id, Path: path, OriginalName: path, Size: int64(len(body)), Digests: digest.Of(digest.Own, body).Set()}
}

// Stage implements [delivery.Sink].
func (m *Memory) Stage(ctx context.Context, uidl string, r io.Reader) (delivery.Staged, error) {
	if err := m.begin(ctx, StepStage, uidl); err != nil {
		return delivery.Staged{}, err
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return delivery.Staged{}, err
	}
	return delivery.Staged{Attachments: []ledger.Attachment{m.Add(body, uidl)}}, nil
}

// StageRaw implements [delivery.Sink].
func (m *Memory) StageRaw(ctx context.Context, r io.Reader, folder, name string) (ledger.Attachment, error) {
	if err := m.begin(ctx, "", ""); err != nil {
		return ledger.Attachment{}, err
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return ledger.Attachment{}, err
	}
	return m.Add(body, path.Join(folder, name)), nil
}

// Digest implements [delivery.Sink].
func (m *Memory) Digest(ctx context.Context, file ledger.Attachment, kind digest.Kind) (digest.Digest, error) {
	if err := m.begin(ctx, "", ""); err != nil {
		return digest.Digest{}, err
	}
	defer m.lock()()
	staged := m.staged[file.StagingID]
	if staged == nil {
		return digest.Digest{}, fmt.Errorf("read %q: its staging file is gone", file.Path)
	}
	return digest.Of(kind, staged.body), nil
}

// Sync implements [delivery.Sink].
func (m *Memory) Sync(ctx context.Context, files []ledger.Attachment) error {
	for _, f := range files {
		if err := m.begin(ctx, StepSync, f.Path); err != nil {
			return err
		}
		if err := m.sync(f); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) sync(f ledger.Attachment) error {
	defer m.lock()()
	staged := m.staged[f.StagingID]
	if staged == nil {
		return fmt.Errorf("sync %q: its staging file is gone", f.Path)
	}
	staged.synced = true
	return nil
}

// Publish implements [delivery.Sink]. A path that is taken gets a number.
func (m *Memory) Publish(ctx context.Context, files []*ledger.Attachment) error {
	for _, f := range files {
		if err := m.begin(ctx, StepPublish, f.Path); err != nil {
			return err
		}
		if err := m.publish(f); err != nil {
			return fmt.Errorf("publish %q: %w", f.Path, err)
		}
	}
	return m.begin(ctx, StepSyncFolders, "")
}

func (m *Memory) publish(f *ledger.Attachment) error {
	defer m.lock()()
	staged := m.staged[f.StagingID]
	switch {
	case !strings.HasPrefix(f.StagingID, m.id):
		return errors.New("staged in another place")
	case staged == nil:
		return nil // published before
	case !staged.synced:
		return errors.New("not synced")
	}
	wanted := f.Path
	for n := 2; m.files[f.Path] != nil; n++ {
		ext := path.Ext(wanted)
		f.Path = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(wanted, ext), n, ext)
	}
	m.files[f.Path] = append([]byte{}, staged.body...) // not nil
	delete(m.staged, f.StagingID)
	return nil
}

// Discard implements [delivery.Sink].
func (m *Memory) Discard(ctx context.Context, files []ledger.Attachment) error {
	if err := m.begin(ctx, "", ""); err != nil {
		return err
	}
	defer m.lock()()
	for _, f := range files {
		delete(m.staged, f.StagingID)
	}
	return nil
}

// Sweep implements [delivery.Sink].
func (m *Memory) Sweep(ctx context.Context) (removed int, err error) {
	if err := m.begin(ctx, "", ""); err != nil {
		return 0, err
	}
	defer m.lock()()
	removed = len(m.staged)
	clear(m.staged)
	return removed, nil
}

// Free implements [delivery.Sink].
func (m *Memory) Free(ctx context.Context) (int64, error) {
	return m.Room, m.begin(ctx, "", "")
}

// SetMark implements [delivery.Sink].
func (m *Memory) SetMark(ctx context.Context, n int64) error {
	if err := m.begin(ctx, "", ""); err != nil {
		return err
	}
	defer m.lock()()
	m.mark = n
	return nil
}

// Mark implements [delivery.Sink].
func (m *Memory) Mark(ctx context.Context) (int64, error) {
	if err := m.begin(ctx, "", ""); err != nil {
		return 0, err
	}
	defer m.lock()()
	return m.mark, nil
}

// OpenFile implements [delivery.Sink].
func (m *Memory) OpenFile(ctx context.Context, path string) (io.ReadSeekCloser, error) {
	if err := m.begin(ctx, "", ""); err != nil {
		return nil, err
	}
	defer m.lock()()
	body, ok := m.files[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return opened{bytes.NewReader(body)}, nil
}

// opened is a file that is read.
type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }

// RemoveFile implements [delivery.Sink].
func (m *Memory) RemoveFile(ctx context.Context, path string) error {
	if err := m.begin(ctx, "", ""); err != nil {
		return err
	}
	defer m.lock()()
	delete(m.files, path)
	return nil
}

// HasPieces implements [delivery.Sink].
func (m *Memory) HasPieces(ctx context.Context) (bool, error) {
	if err := m.begin(ctx, "", ""); err != nil {
		return false, err
	}
	defer m.lock()()
	for path := range m.files {
		if strings.HasPrefix(path, delivery.PartialFolder+"/") {
			return true, nil
		}
	}
	return false, nil
}

// RemovePieces implements [delivery.Sink].
func (m *Memory) RemovePieces(ctx context.Context, folder string) error {
	if err := m.begin(ctx, "", ""); err != nil {
		return err
	}
	defer m.lock()()
	maps.DeleteFunc(m.files, func(path string, _ []byte) bool { return strings.HasPrefix(path, folder+"/") })
	return nil
}

// Close implements [delivery.Sink]. Everything stays.
func (m *Memory) Close() error { return nil }
