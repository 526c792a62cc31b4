//go:build !linux

package dovecottest

import "syscall"

// endWithParent does nothing: only Linux can tell a process of its parent's death.
func endWithParent(*syscall.SysProcAttr) {}
