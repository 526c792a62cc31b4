package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is what the Go toolchain recorded about the build: the module's
// version, and the commit where it was built from a checkout.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "attachd (unknown version)"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	commit := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			commit = " " + s.Value[:12]
		}
	}
	return fmt.Sprintf("attachd %s%s %s %s/%s", v, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
