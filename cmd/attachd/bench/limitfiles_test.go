package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
)

// fill makes what the files of the limits hold.
func (w *limitWork) fill() {
	var largest int64
	for _, size := range w.Sizes {
		largest = max(largest, size)
	}
	w.content = make([]byte, min(largest, 1<<20))
	rand.NewChaCha8([32]byte{1}).Read(w.content)
}

// writeOneByOne writes the files, each durable before the next.
func (w limitWork) writeOneByOne() error {
	for i := range w.Sizes {
		f, err := w.create(i)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close(), w.rename(i))
		}
		if err != nil {
			return err
		}
	}
	return syncFolder(w.Dir)
}

const (
	syncsAtOnce = 16
	groupFiles  = 256
	groupBytes  = 32 << 20
)

// writeParallel writes the files of all messages at once.
func (w limitWork) writeParallel() error {
	all := make(chan int, 1)
	all <- len(w.Sizes)
	close(all)
	return w.write(all)
}

// write writes the file of a message while that comes, and has it in a group when it has come. came
// tells of so many messages more.
func (w limitWork) write(came <-chan int) error {
	if err := os.MkdirAll(w.Dir, 0o700); err != nil || len(w.Sizes) == 0 {
		return err
	}
	g := newGroups(w)
	coming, err := w.create(0)
	for n := range came {
		for ; n > 0 && err == nil; n-- {
			if err = g.add(coming, nil); err == nil && g.next() < len(w.Sizes) {
				coming, err = w.create(g.next())
			}
		}
	}
	return errors.Join(err, g.end(), syncFolder(filepath.Dir(w.Dir)))
}

// groups makes files durable, as many at once as pays, while the next ones are written.
type groups struct {
	w     limitWork
	group []written
	first int // of the group
	size  int64
	last  chan error // of the group before
}

// written is a file with its digest, if that is known.
type written struct {
	*os.File
	sum []byte
}

func newGroups(w limitWork) *groups {
	g := &groups{w: w, last: make(chan error, 1)}
	g.last <- nil
	return g
}

// next is the number of the next file.
func (g *groups) next() int { return g.first + len(g.group) }

// add takes a file that has all its bytes.
func (g *groups) add(f *os.File, sum []byte) error {
	g.size += g.w.Sizes[g.next()]
	g.group = append(g.group, written{f, sum})
	if len(g.group) < groupFiles && g.size < groupBytes {
		return nil
	}
	return g.finish()
}

func (g *groups) finish() error {
	if err := <-g.last; err != nil {
		g.last <- nil // for end
		return err
	}
	go func(first int, group []written) { g.last <- g.w.finish(first, group) }(g.first, g.group)
	g.first, g.group, g.size = g.next(), nil, 0
	return nil
}

// end waits until all files are durable.
func (g *groups) end() error {
	var err error
	if len(g.group) > 0 {
		err = g.finish()
	}
	return errors.Join(err, <-g.last)
}

// finish makes a group durable.
func (w limitWork) finish(first int, group []written) error {
	errs := make([]error, len(group))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(syncsAtOnce, len(group)) {
		workers.Go(func() {
			for i := range next {
				errs[i] = errors.Join(group[i].Sync(), group[i].Close())
			}
		})
	}
	for i := range group {
		next <- i
	}
	close(next)
	workers.Wait()
	if w.records != nil {
		errs = append(errs, w.records.add(w, first, group))
	}
	for i := range group {
		errs[i] = errors.Join(errs[i], w.rename(first+i))
	}
	return errors.Join(append(errs, syncFolder(w.Dir))...)
}

func (w limitWork) create(i int) (*os.File, error) {
	f, err := os.OpenFile(w.hidden(i), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	for left := w.Sizes[i]; left > 0 && err == nil; left -= int64(len(w.content)) {
		_, err = f.Write(w.content[:min(left, int64(len(w.content)))])
	}
	if err != nil {
		f.Close()
	}
	return f, err
}

func (w limitWork) hidden(i int) string { return filepath.Join(w.Dir, fmt.Sprintf(".%d", i)) }

func (w limitWork) rename(i int) error {
	return os.Rename(w.hidden(i), filepath.Join(w.Dir, fmt.Sprintf("file-%d", i)))
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
