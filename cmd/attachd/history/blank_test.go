package history

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// killedWriting leaves at path what a process leaves that is killed amid a transaction in which it
// made these changes: the files as they are then, without the locks.
func killedWriting(t *testing.T, path, journal string, statements ...string) {
	t.Helper()
	working := filepath.Join(t.TempDir(), "working")
	if old, err := os.ReadFile(path); err == nil {
		must(t, os.WriteFile(working, old, 0o600))
	}
	// A small cache has pages written before the transaction ends.
	db, err := sql.Open("sqlite", dsn(working, "mode=rwc", "_pragma=auto_vacuum(incremental)", "_pragma=journal_mode("+journal+")", "_pragma=cache_size(1)"))
	must(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range append([]string{"BEGIN IMMEDIATE"}, statements...) {
		_, err := db.ExecContext(t.Context(), s)
		must(t, err)
	}
	for _, suffix := range sqliteSuffixes {
		if suffix == "-shm" {
			continue // no process has it any more
		}
		left, err := os.ReadFile(working + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		must(t, err)
		must(t, os.WriteFile(path+suffix, left, 0o600))
	}
}

// much is a change that is larger than the cache.
const much = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 5000) INSERT INTO session SELECT randomblob(32), randomblob(32), i FROM n"

// TestBlank: a history that holds nothing, as when the process that made it was killed, is filled
// in its place. Nobody is told of another program, and nothing is set aside.
func TestBlank(t *testing.T) {
	t.Parallel()
	all := fmt.Sprintf("%s PRAGMA application_id = %d; PRAGMA user_version = %d", schema, applicationID, schemaVersion)
	for name, leave := range map[string]func(t *testing.T, path string){
		"empty": func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o600)) },
		"header": func(t *testing.T, path string) {
			execIn(t, path, "PRAGMA auto_vacuum = incremental", "PRAGMA journal_mode = wal")
		},
		"log":     func(t *testing.T, path string) { killedWriting(t, path, "wal", all, much) },
		"journal": func(t *testing.T, path string) { killedWriting(t, path, "truncate", all, much) },
		"tables removed": func(t *testing.T, path string) {
			execIn(t, path, "CREATE TABLE x (y)", "DROP TABLE x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "state.history")
			leave(t, path)
			if r, err := OpenReader(t.Context(), path); !errors.Is(err, fs.ErrNotExist) && name != "journal" {
				t.Errorf("reader %v, error %v: want that there is none yet", r, err)
			}
			var log bytes.Buffer
			h := openStill(t, Options{Path: path, Search: true, Log: zerolog.New(&log)})
			write(t, h, fileOf(delivered("a", 1), time.Now()))
			if items, err := h.Search(t.Context(), Search{Name: "file-1"}); err != nil || len(items.Items) != 1 {
				t.Errorf("%+v, error %v", items, err)
			}
			if h.Note() != "" || h.Err() != nil || log.Len() > 0 {
				t.Errorf("note %q, error %v, log %s", h.Note(), h.Err(), log.String())
			}
			if aside, _ := filepath.Glob(path + ".aside*"); len(aside) > 0 {
				t.Errorf("set aside: %q", aside)
			}
			sound(t, h)
		})
	}
}

// TestHotJournal: where there is no log (network file systems), a process that is killed amid a
// transaction leaves a journal. The next one rolls it back and goes on with what was there.
func TestHotJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.history")
	h := openStill(t, Options{Path: path})
	write(t, h, fileOf(delivered("a", 1), time.Now()))
	closeStill(t, h)
	killedWriting(t, path, "truncate", "DELETE FROM item", much)
	if !filled(path + "-journal") {
		t.Fatal("no journal is left: the test shows nothing")
	}
	if _, err := OpenReader(t.Context(), path); err == nil {
		t.Error("looked into half a transaction")
	}
	h = openStill(t, Options{Path: path})
	if items := all(t, h); len(items) != 1 || h.Note() != "" || h.Err() != nil {
		t.Errorf("%+v, note %q, error %v", items, h.Note(), h.Err())
	}
	sound(t, h)
}

// TestNotBlank: a database with tables or the mark of another program is not filled.
func TestNotBlank(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"a table": "CREATE TABLE x (y)",
		"a view":  "CREATE VIEW x AS SELECT 1",
		"a mark":  "PRAGMA application_id = 7",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "state.history")
			execIn(t, path, statement)
			before, err := os.ReadFile(path)
			must(t, err)
			h := openStill(t, Options{Path: path})
			if h.Note() == "" {
				t.Error("no note")
			}
			if aside, err := os.ReadFile(asideName(path, 1)); err != nil || !bytes.Equal(aside, before) {
				t.Errorf("the file was not set aside as it was: %v", err)
			}
		})
	}
}
