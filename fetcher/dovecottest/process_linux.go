package dovecottest

import "syscall"

// endWithParent makes the kernel end the process when the test process dies
// without stopping it: by a panic, a time-out of go test, or a kill.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
