//go:build linux && !386 && !arm

package check

import (
	"os/user"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// asUser calls fn with the permissions that another user has to files, and reports whether it
// could. The kernel then decides, and it knows of access lists and of what a network file system
// allows. The permissions are those of one thread, which ends after fn; fn must not start a
// goroutine.
func asUser(uid, gid uint32, fn func()) bool {
	groups := []uint32{gid}
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		ids, _ := u.GroupIds() // without them less is allowed, and more is reported
		for _, id := range ids {
			if n, err := strconv.ParseUint(id, 10, 32); err == nil {
				groups = append(groups, uint32(n))
			}
		}
		if n, err := strconv.ParseUint(u.Gid, 10, 32); err == nil {
			gid = uint32(n)
		}
	}
	done := make(chan bool)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		// Not the function of package unix, which changes all threads.
		_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0)
		if errno != 0 || unix.Setfsgid(int(gid)) != nil || unix.Setfsuid(int(uid)) != nil {
			done <- false
			return
		}
		if now, err := unix.SetfsuidRetUid(-1); err != nil || now != int(uid) { // setting an invalid one asks
			done <- false
			return
		}
		fn()
		done <- true
	}()
	return <-done
}
