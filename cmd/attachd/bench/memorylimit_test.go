package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// memoryGroups are where Linux keeps the control groups for memory, of version 1 and 2, each with
// the name of its limit. Control groups count the page cache as well: the pages of the program's
// file and of the files that it writes.
var memoryGroups = []struct{ dir, limit string }{
	{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
	{"/sys/fs/cgroup", "memory.max"},
}

// newMemoryGroup makes a control group whose processes have so much memory together. Nobody but
// root can.
func newMemoryGroup(limit int64) (dir string, err error) {
	for _, group := range memoryGroups {
		dir, failed := os.MkdirTemp(group.dir, "attachd-bench-")
		if failed == nil {
			if failed = os.WriteFile(filepath.Join(dir, group.limit), []byte(strconv.FormatInt(limit, 10)), 0o600); failed == nil {
				return dir, nil
			}
			failed = errors.Join(failed, os.Remove(dir))
		}
		err = errors.Join(err, failed)
	}
	return "", fmt.Errorf("limit memory to %d bytes: %w", limit, err)
}

// inGroup starts a command in a control group. Its program is copied there, so that the pages of
// the copy count in the group.
func inGroup(group string, args []string) []string {
	const script = `echo $$ >"$1/cgroup.procs" && shift && cp "$1" program && shift && exec ./program "$@"`
	return slices.Concat([]string{"sh", "-c", script, "sh", group}, args)
}
