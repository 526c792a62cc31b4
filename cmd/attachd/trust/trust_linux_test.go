package trust_test

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/attachd/attachd/cmd/attachd/trust"
)

// asBare has the test binary hide the system's authorities from itself and verify certificates. Its
// value says whether Load comes first.
const asBare = "TRUST_TEST_BARE"

func TestMain(m *testing.M) {
	if first := os.Getenv(asBare); first != "" {
		verifyBare(first == "load")
		return
	}
	os.Exit(m.Run())
}

// verifyBare runs in a mount namespace of its own.
func verifyBare(first bool) {
	for _, folder := range []string{"/etc/ssl", "/etc/pki"} {
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		if err := syscall.Mount("none", folder, "tmpfs", 0, ""); err != nil {
			fmt.Println("mount:", err)
			return
		}
	}
	if first {
		trust.Load()
		trust.Load()
	}
	verified, all := 0, 0
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			fmt.Println("parse:", err)
			return
		}
		all++
		if _, err := cert.Verify(x509.VerifyOptions{CurrentTime: cert.NotBefore.AddDate(0, 0, 1), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
			verified++
		}
	}
	switch verified {
	case 0:
		fmt.Println("none verified")
	case all:
		fmt.Println("all verified")
	default:
		fmt.Printf("%d of %d verified\n", verified, all)
	}
}

// TestBareSystem verifies the authorities of the web where the system has none, as in an empty
// container, and shows that nothing but Load makes that work.
func TestBareSystem(t *testing.T) {
	for first, want := range map[string]string{"load": "all verified", "nothing": "none verified"} {
		if got := bare(t, first); got != want {
			t.Errorf("%s first: %s, want %s", first, got, want)
		}
	}
}

func bare(t *testing.T, first string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{asBare + "=" + first}
	id := []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	gid := []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: id, GidMappings: gid}
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil && len(out) == 0 || strings.HasPrefix(text, "mount:") {
		t.Skipf("no namespace of its own for a process here: %v %s", err, text)
	}
	return text
}
