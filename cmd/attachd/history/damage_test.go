package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// execIn changes a database file from outside.
func execIn(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path, "mode=rwc"))
	must(t, err)
	defer db.Close()
	for _, s := range statements {
		_, err := db.Exec(s)
		must(t, err)
	}
}

// TestUnfit: a file that can't be used is set aside as it is and made anew, with the files from the
// state. Two of them are kept.
func TestUnfit(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte("no database, but longer than a header of one has to be: "+strings.Repeat("x", 200)), 0o600))
		},
		"another program's": func(t *testing.T, path string) {
			must(t, os.Remove(path))
			execIn(t, path, "CREATE TABLE item (id INTEGER)", "PRAGMA application_id = 7")
		},
		"newer": func(t *testing.T, path string) {
			execIn(t, path, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion+1))
		},
		"cut": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.Truncate(path, info.Size()/2))
		},
		"without a table": func(t *testing.T, path string) { execIn(t, path, "DROP TABLE account") },
		"page": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			defer f.Close()
			_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, 4096*12), 4096)
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			led := openLedger(t, filepath.Join(dir, "state"))
			for i := range 30 {
				e := delivered("a", i)
				e.Attachment.StagingID = fmt.Sprint("s", i)
				group := []*ledger.Message{{Key: ledger.Key{UIDL: e.UIDL, Size: e.Octets}, Attachments: []ledger.Attachment{e.Attachment}}}
				must(t, led.Stage(t.Context(), "a", group))
				must(t, led.Delivered(t.Context(), "a", group, time.Now()))
			}
			o := Options{Path: filepath.Join(dir, "state.history"), Ledger: led, Search: true}
			h, err := Open(t.Context(), o)
			must(t, err)
			must(t, h.Close())
			for range asideNames + 1 {
				spoil(t, o.Path)
				spoiled, err := os.ReadFile(o.Path)
				must(t, err)
				h, err := Open(t.Context(), o)
				must(t, err)
				eventually(t, "the files from the state", func() bool { return len(all(t, h)) == 30 })
				if note := h.Note(); !strings.Contains(note, "made anew") || !strings.Contains(note, asideName(o.Path, 1)) {
					t.Errorf("note: %q", note)
				}
				must(t, h.Close())
				if aside, err := os.ReadFile(asideName(o.Path, 1)); err != nil || name == "another program's" && !bytes.Equal(aside, spoiled) {
					t.Errorf("the file was not set aside as it was: %v", err)
				}
			}
			left, err := filepath.Glob(o.Path + "*")
			must(t, err)
			left = slices.DeleteFunc(left, func(name string) bool { return strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-shm") })
			if len(left) != 1+asideNames {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// TestStatePath: the state is never set aside, whoever names it as the history.
func TestStatePath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	led, err := openLedger(t, path), error(nil)
	if h, err := Open(t.Context(), Options{Path: path}); err == nil {
		h.Close()
		t.Error("opened the state as a history")
	}
	if _, err = OpenReader(t.Context(), path); !errors.Is(err, errState) {
		t.Error(err)
	}
	if _, err := led.Generation(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

// TestDamagedText: a damaged text index is made anew. Nothing else is lost.
func TestDamagedText(t *testing.T) {
	t.Parallel()
	h := openStill(t, Options{Search: true})
	for i := range 1200 {
		write(t, h, fileOf(delivered("a", i), time.Now()))
	}
	upkeep(t, h)
	_, err := h.writer.db.conn.ExecContext(t.Context(), "UPDATE item_text_data SET block = x'00112233' WHERE id > 10")
	must(t, err)
	for n := 0; ; n++ {
		if _, err := h.Search(t.Context(), Search{Name: "file-777"}); err == nil && n > 0 {
			break
		}
		if n > 5 {
			t.Fatal("the index stays damaged")
		}
		_ = h.writer.work(t.Context(), []any{fileOf(delivered("b", n), time.Now())})
		upkeep(t, h)
	}
	f, err := h.Search(t.Context(), Search{Name: "file-777"})
	must(t, err)
	if len(f.Items) != 1 || h.Note() != "" {
		t.Errorf("%d items, note %q", len(f.Items), h.Note())
	}
	sound(t, h)
}

// TestRemoved: a history whose file was removed goes on in a new one with the next thing written.
func TestRemoved(t *testing.T) {
	t.Parallel()
	h := openStill(t, Options{})
	write(t, h, fileOf(delivered("a", 1), time.Now()))
	for _, suffix := range sqliteSuffixes {
		os.Remove(h.path + suffix)
	}
	must(t, h.writer.work(t.Context(), []any{fileOf(delivered("a", 2), time.Now())}))
	if items := all(t, h); len(items) != 1 || items[0].Name != "file-2.pdf" {
		t.Errorf("%+v", items)
	}
	if _, err := os.Stat(h.path); err != nil {
		t.Error(err)
	}
}

// TestWriteFails: while the disk is full nothing waits and nothing is lost, one line is logged, and
// all is written when there is room again.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	for _, at := range []step{stepBegin, stepCommit} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var full atomic.Bool
				var log bytes.Buffer
				h, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "h"), Log: zerolog.New(zerolog.SyncWriter(&log)), step: func(s step) error {
					if s == at && full.Load() {
						return syscall.ENOSPC
					}
					return nil
				}})
				must(t, err)
				time.Sleep(time.Minute)
				full.Store(true)
				for i := range 3000 {
					h.Observe(delivered("a", i))
				}
				time.Sleep(20 * time.Minute)
				if !errors.Is(h.Err(), syscall.ENOSPC) {
					t.Errorf("error: %v", h.Err())
				}
				full.Store(false)
				time.Sleep(20 * time.Minute)
				if n := len(all(t, h)); n != 3000 || h.Err() != nil || h.Dropped() != 0 {
					t.Errorf("%d files, error %v", n, h.Err())
				}
				must(t, h.Close())
				if n := strings.Count(log.String(), "\n"); n != 2 {
					t.Errorf("%d lines: %s", n, log.String())
				}
			})
		})
	}
}

// TestFull: SQLite's own answer to a full disk is one, too.
func TestFull(t *testing.T) {
	t.Parallel()
	h := openStill(t, Options{Search: true})
	_, err := h.writer.db.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 60")
	must(t, err)
	n := 0
	for ; n < 10_000; n++ {
		if err = h.writer.work(context.Background(), []any{fileOf(delivered("a", n), time.Now())}); err != nil {
			break
		}
	}
	if err == nil || isDamage(err) || h.Err() == nil {
		t.Fatalf("error: %v", err)
	}
	if got := len(all(t, h)); got != n {
		t.Errorf("%d files of %d", got, n)
	}
	if h.writer.db != nil {
		_, err = h.writer.db.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 100000")
		must(t, err)
	}
	must(t, h.writer.work(context.Background(), []any{fileOf(delivered("a", n), time.Now())}))
	if got := len(all(t, h)); got != n+1 || h.Err() != nil {
		t.Errorf("%d files of %d, error %v", got, n+1, h.Err())
	}
	sound(t, h)
}

// TestNoFolder: a history that can't be made is no reason to do without mail. It is made as soon as
// it can be.
func TestNoFolder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "later")
		h, err := Open(t.Context(), Options{Path: filepath.Join(folder, "h")})
		must(t, err)
		h.Observe(delivered("a", 1))
		time.Sleep(time.Hour)
		if h.Err() == nil {
			t.Error("no error")
		}
		if _, err := h.Search(t.Context(), Search{}); err == nil {
			t.Error("found something nowhere")
		}
		must(t, os.Mkdir(folder, 0o700))
		time.Sleep(time.Hour)
		if n := len(all(t, h)); n != 1 || h.Err() != nil {
			t.Errorf("%d files, error %v", n, h.Err())
		}
		must(t, h.Close())
	})
}
