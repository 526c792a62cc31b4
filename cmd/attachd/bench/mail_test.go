package bench

import (
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"

	"github.com/zeebo/blake3"
)

// A mail is a message with one attachment. Its bytes follow from its numbers.
type mail struct {
	account, number int
	size            int64 // of the attachment
}

// sum is a digest of an attachment, BLAKE3: SHA-256 would take longer than many of the runs.
type sum = [32]byte

// mailFor returns the messages of one account, whose sizes are about size, from half to one and a
// half of it, the same in every run.
func mailFor(account, messages int, size int64) []mail {
	random := rand.New(rand.NewPCG(uint64(messages), uint64(size)))
	all := make([]mail, messages)
	for i := range all {
		// Base64 with its line ends makes 78 bytes of 57.
		all[i] = mail{account, i, (size/2 + random.Int64N(size)) * 57 / 78}
	}
	return all
}

func (m mail) name() string { return fmt.Sprintf("report-%d.bin", m.number) }

// write writes the message and returns the digest of its attachment.
func (m mail) write(w io.Writer) (sum, error) {
	boundary, name := fmt.Sprintf("=_b%d", m.number), m.name()
	_, err := fmt.Fprintf(w, "From: Bench <bench@example.org>\r\nTo: u%[1]d@example.org\r\n"+
		"Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nSubject: Report %[2]d\r\n"+
		"Message-ID: <%[1]d.%[2]d@example.org>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/mixed; boundary=\"%[3]s\"\r\n\r\n--%[3]s\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\n\r\nPlease find the report attached.\r\n\r\n--%[3]s\r\n"+
		"Content-Type: application/octet-stream; name=\"%[4]s\"\r\n"+
		"Content-Disposition: attachment; filename=\"%[4]s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		m.account, m.number, boundary, name)
	if err != nil {
		return sum{}, err
	}
	digest := blake3.New()
	if err := m.writeBody(w, digest); err != nil {
		return sum{}, err
	}
	_, err = fmt.Fprintf(w, "\r\n--%s--\r\n", boundary)
	return sum(digest.Sum(nil)), err
}

func (m mail) writeBody(w io.Writer, digest hash.Hash) error {
	encoder := base64.NewEncoder(base64.StdEncoding, &lineWriter{w: w})
	if err := m.copyContent(io.MultiWriter(encoder, digest)); err != nil {
		return err
	}
	return encoder.Close()
}

// copyContent writes the attachment.
func (m mail) copyContent(w io.Writer) error {
	seed := [32]byte{byte(m.number), byte(m.number >> 8), byte(m.account), byte(m.account >> 8)}
	_, err := io.CopyN(w, rand.NewChaCha8(seed), m.size)
	return err
}

// lineWriter breaks what is written into lines of 76 characters.
type lineWriter struct {
	w   io.Writer
	len int
}

func (l *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if l.len == 76 {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return 0, err
			}
			l.len = 0
		}
		n := min(76-l.len, len(rest))
		if _, err := l.w.Write(rest[:n]); err != nil {
			return 0, err
		}
		l.len, rest = l.len+n, rest[n:]
	}
	return len(p), nil
}
