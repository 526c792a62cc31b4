// Package trust has certificates verified where the system knows no authorities, as in an empty
// container: by those that Mozilla trusts, which the program carries.
//
// Reading them takes longer than anything else that happens before main: a fifth of that time. So
// they are read only where the system has none. Package golang.org/x/crypto/x509roots/fallback,
// imported for its effect, would read them at each start.
//
// [Load] goes before the first certificate is verified. It holds for all of the process: the mail
// servers, the authorization servers, and whoever is told or pinged.
package trust

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Load has crypto/x509 use the program's own authorities if the system has none. It may be called
// more than once.
func Load() { load() }

var load = sync.OnceFunc(func() {
	if !systemKnows() {
		x509.SetFallbackRoots(roots())
	}
})

// files are where crypto/x509 looks for the authorities of a Linux system. It reads the first that
// can be read, and certificates of folders beside it.
var files = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// systemKnows reports whether crypto/x509 is sure to find authorities on this system. In doubt it
// is false: crypto/x509 then looks itself before it falls back.
func systemKnows() bool {
	if strings.Contains(os.Getenv("GODEBUG"), "x509usefallbackroots") {
		return false // SetFallbackRoots knows what it means
	}
	switch runtime.GOOS {
	case "darwin", "windows": // the system verifies
		return true
	case "linux":
		if chosen := os.Getenv("SSL_CERT_FILE"); chosen != "" { // crypto/x509 reads it in place of the others
			return holdCertificates([]string{chosen})
		}
		return holdCertificates(files)
	}
	return false
}

// holdCertificates reports whether the first file that can be read begins with a certificate.
func holdCertificates(files []string) bool {
	for _, name := range files {
		if start, err := readStart(name); err == nil {
			return beginsWithCertificate(start)
		}
	}
	return false
}

// maxStart is how much of a file is looked at. Some begin with a page of comments.
const maxStart = 16 << 10

func readStart(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxStart))
}

// beginsWithCertificate reports whether the first PEM block is a certificate that crypto/x509
// takes.
func beginsWithCertificate(text []byte) bool {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
		return false
	}
	_, err := x509.ParseCertificate(block.Bytes)
	return err == nil
}

// roots returns the program's own authorities, with what Mozilla limits them to.
func roots() *x509.CertPool {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			panic(err) // of the program itself, and proven by a test
		}
		if root.Constraint == nil {
			pool.AddCert(cert)
		} else {
			pool.AddCertWithConstraint(cert, root.Constraint)
		}
	}
	return pool
}
