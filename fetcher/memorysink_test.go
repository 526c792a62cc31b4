package fetcher

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/delivery/sinktest"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// memory is a sink that takes the body of each message as its one attachment, and records the
// steps.
type memory struct {
	sinktest.Memory
	t      *testing.T
	ledger *sqlite.Ledger

	mu     sync.Mutex
	steps  []string
	behind int64 // what Mark returns; several accounts may use one sink
	reads  int   // calls of Stage
	noRaw  error // of StageRaw
	noRoom error // the error of Free
	// messageIDs says that Stage finds the Message-ID.
	messageIDs bool
	// bodies says that messages have a header, and the attachment is what follows it.
	bodies  bool
	awaited map[int]chan struct{}   // closed when Stage is called for the n-th time
	fail    func(step string) error // the error of a step; nil: nothing fails
	// told, unless nil, says what else staging found out about a message.
	told func(text string, s *delivery.Staged)
}

func newMemory(t *testing.T, led *sqlite.Ledger) *memory {
	m := &memory{t: t, ledger: led}
	m.Room = 1 << 30
	m.Before = func(step sinktest.Step, name string) error {
		switch step {
		case sinktest.StepPublish:
			return m.step("publish %s, ledger: %s", name, m.unfinished())
		case sinktest.StepSyncFolders:
			return m.step("sync folders, ledger: %s", m.unfinished())
		}
		return m.step("%s %s", step, name)
	}
	return m
}

func (m *memory) step(format string, args ...any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := fmt.Sprintf(format, args...)
	m.steps = append(m.steps, s)
	if m.fail != nil {
		return m.fail(s)
	}
	return nil
}

// reading returns a channel that is closed when Stage is called for the n-th time.
func (m *memory) reading(n int) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	done := make(chan struct{})
	if m.reads >= n {
		close(done)
		return done
	}
	m.awaited = map[int]chan struct{}{n: done}
	return done
}

func (m *memory) Free(ctx context.Context) (int64, error) {
	if m.noRoom != nil {
		return 0, m.noRoom
	}
	return m.Memory.Free(ctx)
}

func (m *memory) Stage(_ context.Context, _ string, r io.Reader) (s delivery.Staged, _ error) {
	m.mu.Lock()
	m.reads++
	if done := m.awaited[m.reads]; done != nil {
		close(done)
	}
	m.mu.Unlock()
	body, err := io.ReadAll(r)
	if err != nil {
		return delivery.Staged{}, err
	}
	if _, behind, ok := bytes.Cut(body, []byte("\r\n\r\n")); ok && m.bodies {
		s.MessageID = identity.Identify(body).MessageID
		body = behind
	}
	text := strings.TrimSpace(string(body))
	if err := m.step("stage %s", text); err != nil {
		return delivery.Staged{}, err
	}
	if _, after, ok := strings.Cut(text, "<"); ok && m.messageIDs {
		s.MessageID, _, _ = strings.Cut(after, ">")
	}
	s.Attachments = []ledger.Attachment{m.Add(body, text)}
	if m.told != nil {
		m.told(text, &s)
	}
	return s, nil
}

func (m *memory) StageRaw(ctx context.Context, r io.Reader, folder, name string) (ledger.Attachment, error) {
	if m.noRaw != nil {
		return ledger.Attachment{}, m.noRaw
	}
	return m.Memory.StageRaw(ctx, r, folder, name)
}

func (m *memory) Mark(context.Context) (int64, error) { return m.behind, nil }

// unfinished says how many messages the ledger holds as staged. It asks only for the first files:
// to ask for each of hundreds takes long.
func (m *memory) unfinished() string {
	m.mu.Lock()
	steps := len(m.steps)
	m.mu.Unlock()
	if steps > 100 {
		return "some staged"
	}
	messages, err := m.ledger.Unfinished(context.Background(), "lab")
	if err != nil {
		m.t.Error(err)
	}
	return fmt.Sprintf("%d staged", len(messages))
}
