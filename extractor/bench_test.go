package extractor

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	message "github.com/emersion/go-message"
)

// bigMail is a message with one base64 attachment of so many bytes.
func bigMail(size int) []byte {
	var b bytes.Buffer
	b.WriteString("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_boundary\"\r\n\r\n--=_boundary\r\nContent-Type: application/octet-stream; name=big.bin\r\nContent-Disposition: attachment; filename=big.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	content := make([]byte, 57)
	for i := range content {
		content[i] = byte(i * 37)
	}
	line := base64.StdEncoding.EncodeToString(content) + "\r\n"
	for range size / 57 {
		b.WriteString(line)
	}
	b.WriteString("--=_boundary--\r\n")
	return b.Bytes()
}

// BenchmarkBigAttachment extracts 100 MB to a file, beside go-message and ripMIME
// (where it is installed) doing the same, and a plain copy of the decoded bytes.
func BenchmarkBigAttachment(b *testing.B) {
	mail := bigMail(100 << 20)
	dir := b.TempDir()
	var ours, goMessage, ripmime, plain time.Duration
	program, _ := exec.LookPath("ripmime")
	file := filepath.Join(dir, "mail")
	if err := os.WriteFile(file, mail, 0o600); err != nil {
		b.Fatal(err)
	}
	create := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	for b.Loop() {
		start := time.Now()
		r, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Extract(r, Options{}, func(*Attachment) (io.WriteCloser, error) { return create("ours"), nil }); err != nil {
			b.Fatal(err)
		}
		r.Close()
		ours += time.Since(start)

		if program != "" {
			start = time.Now()
			if out, err := exec.Command(program, "-i", file, "-d", dir).CombinedOutput(); err != nil {
				b.Fatalf("ripmime: %v: %s", err, out)
			}
			ripmime += time.Since(start)
		}

		start = time.Now()
		e, err := message.Read(bytes.NewReader(mail))
		if err != nil {
			b.Fatal(err)
		}
		part, err := e.MultipartReader().NextPart()
		if err != nil {
			b.Fatal(err)
		}
		f := create("gomessage")
		if _, err := io.Copy(f, part.Body); err != nil && !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		f.Close()
		goMessage += time.Since(start)

		start = time.Now()
		in, err := os.Open(filepath.Join(dir, "ours"))
		if err != nil {
			b.Fatal(err)
		}
		f = create("copy")
		if _, err := io.Copy(struct{ io.Writer }{f}, struct{ io.Reader }{in}); err != nil {
			b.Fatal(err)
		}
		f.Close()
		in.Close()
		plain += time.Since(start)
	}
	b.SetBytes(100 << 20)
	b.ReportMetric(float64(ours)/float64(goMessage), "x-go-message")
	b.ReportMetric(float64(ours)/float64(plain), "x-copy")
	if program != "" {
		b.ReportMetric(float64(ours)/float64(ripmime), "x-ripmime")
	}
}

// BenchmarkSmallMails extracts mails of about 5 KB from memory.
func BenchmarkSmallMails(b *testing.B) {
	mail := bigMail(3400)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Extract(bytes.NewReader(mail), Options{}, func(*Attachment) (io.WriteCloser, error) { return discard{}, nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// usualMail is a mail as most come: with a trace, a text and an attachment of 4 KB.
func usualMail() []byte {
	return []byte("Return-Path: <hans@example.org>\r\nReceived: from mail.example.org (mail.example.org [192.0.2.1])\r\n\tby mx.example.net with ESMTPS id 4Gx\r\n" +
		"\tfor <lab@example.net>; Mon, 23 Nov 2026 10:00:00 +0100\r\nFrom: Hans Meier <hans@example.org>\r\nTo: lab@example.net\r\n" +
		"Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nSubject: Report of November\r\nMessage-ID: <20261123.1@example.org>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"=_b1\"\r\n\r\n--=_b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlease find the report attached.\r\n\r\n" +
		"--=_b1\r\nContent-Type: application/octet-stream; name=\"report.bin\"\r\nContent-Disposition: attachment; filename=\"report.bin\"\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 70) + "--=_b1--\r\n")
}

// BenchmarkUsualMails extracts usual mails from memory.
func BenchmarkUsualMails(b *testing.B) {
	mail := usualMail()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Extract(bytes.NewReader(mail), Options{}, func(*Attachment) (io.WriteCloser, error) { return discard{}, nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQuotedPrintable decodes text, beside a plain copy.
func BenchmarkQuotedPrintable(b *testing.B) {
	text := []byte(strings.Repeat("F=C3=BCr den Fall, dass es eine Frage gibt, =\r\nist die Antwort nicht weit.\r\n", 10_000))
	mail := append([]byte("Content-Type: text/plain; name=x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"), text...)
	b.SetBytes(int64(len(mail)))
	for b.Loop() {
		if _, err := Extract(bytes.NewReader(mail), Options{}, func(*Attachment) (io.WriteCloser, error) { return discard{}, nil }); err != nil {
			b.Fatal(err)
		}
	}
}
