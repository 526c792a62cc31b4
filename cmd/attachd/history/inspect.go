package history

import (
	"context"
	"errors"
	"fmt"
	"os"

	sqlite3 "modernc.org/sqlite/lib"
)

// errBlank is why there is nothing to look up: the file holds nothing. It is empty, or its making
// was ended before its tables were there.
var errBlank = errors.New("it is not begun yet")

// inspect refuses a file that is no history of this version. One that holds nothing is filled. A
// database of another program stays as it is, byte for byte, unless that program was killed amid a
// transaction: then it is rolled back, as whoever opens it next does.
func inspect(ctx context.Context, path string) error {
	err := inspectWith(ctx, path, "mode=ro")
	if code(err) == sqlite3.SQLITE_READONLY_ROLLBACK {
		err = inspectWith(ctx, path, "mode=rw")
	}
	if errors.Is(err, errBlank) {
		return nil
	}
	return err
}

func inspectWith(ctx context.Context, path, mode string) error {
	reading, err := openReading(path, mode)
	if err != nil {
		return err
	}
	defer reading.db.Close()
	return reading.check(ctx)
}

// ledgerID is the application ID of a state.
const ledgerID = 0x61746364

// check refuses what is no history of this version.
func (r *reading) check(ctx context.Context) error {
	var id, version, things int
	if err := r.db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := r.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case id == ledgerID:
		return errState
	case id == 0:
		if err := r.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&things); err != nil {
			return err
		}
		if things == 0 {
			return errBlank
		}
		fallthrough
	case id != applicationID:
		return fmt.Errorf("it is of another program: %w", errUnfit)
	case version != schemaVersion:
		return fmt.Errorf("it has version %d, and this program has version %d: %w", version, schemaVersion, errUnfit)
	}
	return nil
}

// filled reports whether a file is there and has something in it.
func filled(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}
