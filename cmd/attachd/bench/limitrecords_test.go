package bench

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strconv"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/attachd/attachd/extractor/digest"
)

// records are what a limit remembers of the files that it has written: whoever is stopped between
// the files and the deletions must know them again, by what is in them.
type records struct {
	db     *sql.DB
	insert *sql.Stmt
}

// drainAndRecord drains, keeps a file of each message, and records what is in it.
func (w limitWork) drainAndRecord() (err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.Dir, "records.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE record (account TEXT, uidl TEXT, size INTEGER, digest BLOB, path TEXT, PRIMARY KEY (account, uidl)) WITHOUT ROWID"); err != nil {
		return err
	}
	w.records = &records{db: db}
	if w.records.insert, err = db.Prepare("INSERT INTO record VALUES (?, ?, ?, ?, ?)"); err != nil {
		return err
	}
	return w.drain(true)
}

// add records a group of files, whose contents are durable, before they get their names.
func (r *records) add(w limitWork, first int, group []written) error {
	tx, err := r.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert := tx.Stmt(r.insert)
	for i, f := range group {
		at := first + i
		if f.sum == nil {
			f.sum = w.digest(at)
		}
		if _, err := insert.Exec(filepath.Base(w.Dir), strconv.Itoa(at), w.Sizes[at], f.sum, w.hidden(at)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// digest returns that of a file, of the bytes that were written.
func (w limitWork) digest(i int) []byte {
	sum := digest.Own.New()
	for left := w.Sizes[i]; left > 0; left -= int64(len(w.content)) {
		sum.Write(w.content[:min(left, int64(len(w.content)))])
	}
	return sum.Sum(nil)
}
