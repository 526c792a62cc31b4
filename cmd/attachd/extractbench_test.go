package main

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// BenchmarkExtract extracts an attachment of 100 MB from a message file, durably and
// hashed, beside ripMIME, which does neither, and beside ripMIME with its file
// made durable behind it.
func BenchmarkExtract(b *testing.B) {
	content := make([]byte, 100<<20)
	rand.NewChaCha8([32]byte{1}).Read(content)
	var mail bytes.Buffer
	mail.WriteString("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/octet-stream; name=big.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for rest := content; len(rest) > 0; {
		n := min(57, len(rest))
		mail.WriteString(base64.StdEncoding.EncodeToString(rest[:n]) + "\r\n")
		rest = rest[n:]
	}
	mail.WriteString("--b--\r\n")
	file := filepath.Join(b.TempDir(), "big.eml")
	if err := os.WriteFile(file, mail.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	with := func(name string, command func(dir string) *exec.Cmd) *runner {
		return &runner{
			name: name,
			run: func(dir string) error {
				out, err := command(dir).CombinedOutput()
				if err != nil {
					b.Logf("%s: %s", name, out)
				}
				return err
			},
			check: func(dir string) error {
				got, err := os.ReadFile(filepath.Join(dir, "big.bin"))
				if err == nil && !bytes.Equal(got, content) {
					b.Errorf("%s: %d bytes that differ", name, len(got))
				}
				return err
			},
		}
	}
	attachd := with("attachd", func(dir string) *exec.Cmd { return program(b, "extract", "-o", dir, file) })
	ripmime, err := exec.LookPath("ripmime")
	if err != nil {
		b.Skip("ripmime is not installed")
	}
	peer := with("ripmime", func(dir string) *exec.Cmd { return exec.Command(ripmime, "-i", file, "-d", dir) })
	synced := with("ripmime and sync", func(dir string) *exec.Cmd {
		return exec.Command("sh", "-c", `"$0" -i "$1" -d "$2" && sync "$2/big.bin" "$2"`, ripmime, file, dir)
	})
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		times := measure(b, attachd, peer, synced)
		report(b, times, "x-ripmime", attachd, peer)
		report(b, times, "x-ripmime-synced", attachd, synced)
	}
}
