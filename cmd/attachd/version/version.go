// Package version tells which attachd this is.
//
// The Go toolchain records the version of what it builds: `go install ...@v1.2.3` the version that
// was asked for, and a build in a checkout (with -buildvcs) its tag. Between two tags that is a
// pseudo-version, such as v1.2.4-0.20261129070000-0123456789ab, with +dirty after it if files were
// changed.
//
// Where there is no checkout, as in a container's build or in a package made of a source archive,
// the builder names the version:
//
//	go build -ldflags '-X github.com/attachd/attachd/cmd/attachd/version.number=v1.2.3' ./cmd/attachd
//
// A build with neither says "(devel)".
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// These are set by the linker (-X). They go before what the toolchain recorded.
var number, revision string

// unknown is the number of a build that nobody gave one.
const unknown = "(devel)"

// Number returns the version with its v, such as v1.2.3, or "(devel)" where it is not known.
func Number() string {
	recorded := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		recorded = info.Main.Version
	}
	return cmp.Or(number, recorded, unknown)
}

// Revision returns the commit, 40 hex digits, or "" where it is not known.
func Revision() string {
	recorded := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				recorded = s.Value
			}
		}
	}
	return cmp.Or(revision, recorded)
}

// Full returns the version, the first twelve digits of the commit where it is known, the version of
// Go and the platform: "v1.2.3 0123456789ab go1.26.0 linux/amd64".
func Full() string {
	commit := ""
	if r := Revision(); len(r) >= 12 {
		commit = " " + r[:12]
	}
	return fmt.Sprintf("%s%s %s %s/%s", Number(), commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
