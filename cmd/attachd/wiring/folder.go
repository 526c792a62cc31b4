package wiring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// output is the folder of an account at a path. The hook, nil for none, is called before each step
// of the sink.
func (s *settings) output(account, path string, hook sink.Hook) delivery.Output {
	return delivery.Output{
		OpenSink: func(context.Context) (delivery.Sink, error) {
			o := s.sink
			o.Hook, o.Digest = hook, digest.Own
			d, err := sink.Open(path, o)
			if err != nil {
				return nil, err
			}
			return &folder{Directory: d, rules: Rules{account, s.after, s.files, extractOptions(s.files, s.limits)}}, nil
		},
		FindDestination: func(ctx context.Context) (delivery.Destination, error) {
			return findDestination(ctx, sink.Inspect(path))
		},
		MinFree: s.sink.MinFree,
		Copies:  copies(s.files.Raw, s.after),
	}
}

// folder is a sink.Directory as the fetcher sees it: it translates between the
// records of the two, which know nothing of each other.
type folder struct {
	*sink.Directory
	rules  Rules
	staged int // files that are not large
}

// Close implements delivery.Sink.
func (f *folder) Close() error {
	if f.staged >= manyFiles {
		f.staged = 0
		freePlaces()
	}
	return f.Directory.Close()
}

func (f *folder) Stage(ctx context.Context, uidl string, r io.Reader) (delivery.Staged, error) {
	m, files, err := f.Directory.Stage(ctx, r, f.rules.Plan(uidl))
	if IsUnprocessable(err) {
		return delivery.Staged{}, &delivery.UnprocessableError{Err: err}
	}
	if err != nil {
		return delivery.Staged{}, err
	}
	if f.staged < manyFiles {
		if f.staged += notLarge(files); f.staged >= manyFiles {
			takePlaces()
		}
	}
	s := delivery.Staged{MessageID: m.MessageID, Envelope: envelope(m), LeftOut: leftOut(m)}
	ofMessage := repairs(m.Problems)
	for _, file := range files {
		is := record(file)
		is.Repairs = append(repairs(file.Attachment.Problems), ofMessage...)
		s.Attachments = append(s.Attachments, is)
		s.RawKept = s.RawKept || file.Kind == sink.Raw || file.Kind == sink.Quarantined
		if file.Joined != "" {
			s.Joined = append(s.Joined, file.Joined)
		}
		if f := file.Attachment.Fragment; file.Kind == sink.Fragment && s.Waits == "" {
			s.Waits = describePiece(f)
			s.Attachments = slices.Insert(s.Attachments[:len(s.Attachments)-1], 0, is)
		}
	}
	problems := m.Problems
	for _, file := range files {
		problems = append(problems, file.Attachment.Problems...)
	}
	var doubts []extractor.Problem
	for _, problem := range problems {
		s.Problems = append(s.Problems, problem.String())
		if IsDoubtful(problem) {
			doubts = append(doubts, problem)
		}
	}
	s.Doubtful, s.Reason = len(doubts) > 0, reasonOf(doubts)
	return s, nil
}

// IsUnprocessable reports whether an error of staging is the fault of the message itself, which
// breaks a limit, is made of too many pieces or meets a fault of the extractor, and not of the disk
// or the line.
func IsUnprocessable(err error) bool {
	_, unread := errors.AsType[extractor.MessageError](err)
	_, pieces := errors.AsType[*sink.PiecesError](err)
	return unread || pieces
}

// describePiece says what a piece of a message waits for.
func describePiece(f *extractor.Fragment) string {
	of := ""
	if f.Total > 0 {
		of = fmt.Sprintf(" of %d", f.Total)
	}
	return fmt.Sprintf("piece %d%s of the message %q, which waits for the others", f.Number, of, f.ID)
}

func (f *folder) StageRaw(ctx context.Context, r io.Reader, folder, name string) (ledger.Attachment, error) {
	file, err := f.Directory.StageRaw(ctx, r, folder, name)
	if err != nil {
		return ledger.Attachment{}, err
	}
	return record(file), nil
}

func (f *folder) Digest(ctx context.Context, file ledger.Attachment, kind digest.Kind) (digest.Digest, error) {
	return f.Directory.Digest(ctx, file.StagingID, kind)
}

func (f *folder) Sync(ctx context.Context, files []ledger.Attachment) error {
	return f.Directory.Sync(ctx, staged(files))
}

func (f *folder) Publish(ctx context.Context, files []*ledger.Attachment) error {
	all := make([]*sink.Staged, len(files))
	for i, a := range files {
		all[i] = &sink.Staged{ID: a.StagingID, Path: a.Path}
	}
	err := f.Directory.Publish(ctx, all)
	if errors.Is(err, sink.ErrOtherFolder) {
		err = fmt.Errorf("%w (attachd state check says what to do)", err)
	}
	for i, file := range all {
		files[i].Path = file.Path
	}
	return err
}

func (f *folder) Discard(ctx context.Context, files []ledger.Attachment) error {
	return f.Directory.Discard(ctx, staged(files))
}

func record(s *sink.Staged) ledger.Attachment {
	return ledger.Attachment{StagingID: s.ID, Path: s.Path, OriginalName: s.Attachment.OriginalName, MediaType: s.Attachment.MediaType, Size: s.Size, Digests: s.Digests, Sidecar: s.Kind == sink.Sidecar, Quarantine: s.Kind == sink.Quarantined}
}

func staged(files []ledger.Attachment) []*sink.Staged {
	all := make([]*sink.Staged, 0, len(files))
	for _, a := range files {
		if a.StagingID != "" {
			all = append(all, &sink.Staged{ID: a.StagingID, Path: a.Path})
		}
	}
	return all
}
