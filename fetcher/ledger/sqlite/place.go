package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// lookAgain is for how long the file is taken to be where it was found last.
const lookAgain = time.Minute

// place tells whether the file that is open is still the one at its path.
type place struct {
	opened fs.FileInfo // nil where files have no lasting identity

	mu    sync.Mutex
	found time.Time // guarded by mu: when the file was last there
}

// placed notes which file was opened.
func (l *Ledger) placed(now time.Time) error {
	l.place.found = now
	// File systems that share no memory may also give a file another inode while it is open.
	if l.journal != "wal" {
		return nil
	}
	var err error
	l.place.opened, err = os.Stat(l.path)
	return err
}

// inPlace fails with [ledger.ErrGone] if the file was removed, or another one took its place. What
// is written to a file without a name is lost when the process ends. It looks once in [lookAgain],
// and each time as long as it does not find the file: somebody may put it back.
func (l *Ledger) inPlace(now time.Time) error {
	p := &l.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.found) < lookAgain {
		return nil
	}
	info, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && p.opened != nil && !os.SameFile(p.opened, info) {
		return fmt.Errorf("%s is %w: nothing more is fetched, as the record of it would be lost; put that file back, or stop attachd and %s", l.path, ledger.ErrGone, restoreHint)
	}
	p.found = now // an error of another kind says nothing of the file
	return nil
}
