package delivery

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// laterSink is a sink that is opened once it is needed. Until then it answers from what was found
// in its place, which nobody else changes while the account is polled.
type laterSink struct {
	found Destination
	open  func(ctx context.Context) (Sink, error)

	mu sync.Mutex
	is Sink // guarded by mu; nil: not opened yet
}

// Ready has the sink opened, if it is not. It fails as [Output].Open does. Before it, nothing may
// be retrieved: a message would count as failed.
func (d *Delivery) Ready(ctx context.Context) error {
	if s, ok := d.Sink.(*laterSink); ok {
		_, err := s.opened(ctx)
		return err
	}
	return nil
}

func (s *laterSink) opened(ctx context.Context) (Sink, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is == nil {
		is, err := s.open(ctx)
		if err != nil {
			return nil, fmt.Errorf("open output: %w", err)
		}
		s.is = is
	}
	return s.is, nil
}

// asked returns the sink if it is open, else nil.
func (s *laterSink) asked() Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.is
}

// with calls fn with the open sink.
func with[T any](ctx context.Context, s *laterSink, fn func(Sink) (T, error)) (T, error) {
	is, err := s.opened(ctx)
	if err != nil {
		return *new(T), err
	}
	return fn(is)
}

// do is with for what has no result.
func (s *laterSink) do(ctx context.Context, fn func(Sink) error) error {
	_, err := with(ctx, s, func(is Sink) (struct{}, error) { return struct{}{}, fn(is) })
	return err
}

// Mark implements Sink, from what was found.
func (s *laterSink) Mark(ctx context.Context) (int64, error) {
	if is := s.asked(); is != nil {
		return is.Mark(ctx)
	}
	return s.found.Mark, ctx.Err()
}

// Sweep implements Sink: a tidy place needs none.
func (s *laterSink) Sweep(ctx context.Context) (int, error) {
	if is := s.asked(); is != nil {
		return is.Sweep(ctx)
	}
	return 0, ctx.Err()
}

// HasPieces implements Sink: a tidy place has none.
func (s *laterSink) HasPieces(ctx context.Context) (bool, error) {
	if is := s.asked(); is != nil {
		return is.HasPieces(ctx)
	}
	return false, ctx.Err()
}

// Close implements Sink.
func (s *laterSink) Close() error {
	if is := s.asked(); is != nil {
		return is.Close()
	}
	return nil
}

// Stage implements Sink.
func (s *laterSink) Stage(ctx context.Context, uidl string, r io.Reader) (Staged, error) {
	return with(ctx, s, func(is Sink) (Staged, error) { return is.Stage(ctx, uidl, r) })
}

// StageRaw implements Sink.
func (s *laterSink) StageRaw(ctx context.Context, r io.Reader, folder, name string) (ledger.Attachment, error) {
	return with(ctx, s, func(is Sink) (ledger.Attachment, error) { return is.StageRaw(ctx, r, folder, name) })
}

// Digest implements Sink.
func (s *laterSink) Digest(ctx context.Context, file ledger.Attachment, kind digest.Kind) (digest.Digest, error) {
	return with(ctx, s, func(is Sink) (digest.Digest, error) { return is.Digest(ctx, file, kind) })
}

// Sync implements Sink.
func (s *laterSink) Sync(ctx context.Context, files []ledger.Attachment) error {
	return s.do(ctx, func(is Sink) error { return is.Sync(ctx, files) })
}

// Publish implements Sink.
func (s *laterSink) Publish(ctx context.Context, files []*ledger.Attachment) error {
	return s.do(ctx, func(is Sink) error { return is.Publish(ctx, files) })
}

// Discard implements Sink.
func (s *laterSink) Discard(ctx context.Context, files []ledger.Attachment) error {
	return s.do(ctx, func(is Sink) error { return is.Discard(ctx, files) })
}

// Free implements Sink.
func (s *laterSink) Free(ctx context.Context) (int64, error) {
	return with(ctx, s, func(is Sink) (int64, error) { return is.Free(ctx) })
}

// SetMark implements Sink.
func (s *laterSink) SetMark(ctx context.Context, n int64) error {
	return s.do(ctx, func(is Sink) error { return is.SetMark(ctx, n) })
}

// OpenFile implements Sink.
func (s *laterSink) OpenFile(ctx context.Context, path string) (io.ReadSeekCloser, error) {
	return with(ctx, s, func(is Sink) (io.ReadSeekCloser, error) { return is.OpenFile(ctx, path) })
}

// RemoveFile implements Sink.
func (s *laterSink) RemoveFile(ctx context.Context, path string) error {
	return s.do(ctx, func(is Sink) error { return is.RemoveFile(ctx, path) })
}

// RemovePieces implements Sink.
func (s *laterSink) RemovePieces(ctx context.Context, folder string) error {
	return s.do(ctx, func(is Sink) error { return is.RemovePieces(ctx, folder) })
}
