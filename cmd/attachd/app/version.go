package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version returns the name and version of the program, the commit if it was built from a checkout,
// the version of Go and the platform, as the Go toolchain recorded them: "attachd v1.2.3 go1.26
// linux/amd64".
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
