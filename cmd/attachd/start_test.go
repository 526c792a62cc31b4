package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/attachd/attachd/cmd/attachd/app"
)

// asVerifier has the test binary run a command and then verify a certificate of the web.
const asVerifier = "ATTACHD_TEST_AS_VERIFIER"

func verify() {
	run([]string{"version"}, strings.NewReader(""), io.Discard, os.Stderr, app.Hooks{})
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err == nil {
			_, err = cert.Verify(x509.VerifyOptions{CurrentTime: cert.NotBefore.AddDate(0, 0, 1), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		}
		fmt.Println("verified:", err)
		return
	}
}

// TestFallback has each command verify servers where the system knows no authorities.
func TestFallback(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{asVerifier + "=1", "SSL_CERT_FILE=/missing", "SSL_CERT_DIR=/missing"}
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "verified: <nil>" {
		t.Errorf("%v: %s", err, got)
	}
}

// Each command waits for the inits of all packages. What a table or a pattern takes there, it takes
// of every start, also of those that never use it: make it when it is asked for.
const (
	maxInitBytes = 60 << 10 // of one package of this module
	maxInits     = 200 << 10
)

// TestInits bounds what the packages of this module allocate before main begins. It shows how much
// of the start they take, and does not vary as the time does.
func TestInits(t *testing.T) {
	cmd := program(t, "version")
	cmd.Env = append(cmd.Env, "GODEBUG=inittrace=1")
	var trace strings.Builder
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	all, packages := 0, 0
	for _, found := range initLine.FindAllStringSubmatch(trace.String(), -1) {
		name := found[1]
		if name == "golang.org/x/crypto/x509roots/fallback" {
			t.Error("the program's own authorities are read at each start: use package trust")
		}
		if !strings.HasPrefix(name, "github.com/attachd/attachd/") {
			continue
		}
		size, err := strconv.Atoi(found[2])
		if err != nil {
			t.Fatal(err)
		}
		packages++
		if all += size; size > maxInitBytes {
			t.Errorf("the init of %s takes %d bytes, want at most %d", name, size, maxInitBytes)
		}
	}
	if packages == 0 {
		t.Fatalf("no init of a package of this module:\n%s", trace.String())
	}
	if all > maxInits {
		t.Errorf("the inits take %d bytes, want at most %d", all, maxInits)
	}
	t.Logf("%d packages, %d bytes", packages, all)
}

var initLine = regexp.MustCompile(`(?m)^init (\S+) @.* clock, (\d+) bytes, \d+ allocs$`)
