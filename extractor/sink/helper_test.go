package sink

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/attachd/attachd/extractor/digest"
)

// attached is a file for a message made by mail.
type attached struct {
	name string
	body []byte
}

// mail builds a message with these attachments.
func mail(files ...attached) []byte {
	var b bytes.Buffer
	b.WriteString("From: a@example.org\r\nSubject: files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=-b\"\r\n\r\n--=-b\r\nContent-Type: text/plain\r\n\r\nHello\r\n")
	for _, f := range files {
		fmt.Fprintf(&b, "--=-b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", f.name)
		text := base64.StdEncoding.EncodeToString(f.body)
		for len(text) > 76 {
			b.WriteString(text[:76] + "\r\n")
			text = text[76:]
		}
		b.WriteString(text + "\r\n")
	}
	b.WriteString("--=-b--\r\n")
	return b.Bytes()
}

func open1(t testing.TB, dir string, o Options) *Directory {
	t.Helper()
	if o.Digest == 0 {
		o.Digest = digest.Own
	}
	d, err := Open(dir, o)
	check(t, err)
	t.Cleanup(func() { check(t, d.Close()) })
	return d
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stage(t testing.TB, d *Directory, files ...attached) []*Staged {
	t.Helper()
	_, staged, err := d.Stage(t.Context(), bytes.NewReader(mail(files...)), Plan{})
	check(t, err)
	if len(staged) != len(files) {
		t.Fatalf("%d attachments were staged, want %d", len(staged), len(files))
	}
	return staged
}

func deliver(t testing.TB, d *Directory, group []*Staged) {
	t.Helper()
	check(t, d.Sync(t.Context(), group))
	check(t, d.Publish(t.Context(), group))
}

// names lists a folder's files, without the staging folder's own.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	var all []string
	for _, e := range entries {
		if e.Name() != folderIDFile && e.Name() != defaultStaging {
			all = append(all, e.Name())
		}
	}
	return all
}

func paths(group []*Staged) []string {
	var all []string
	for _, s := range group {
		all = append(all, s.Path)
	}
	return all
}

// operations records the file operations and may fail them.
type operations struct {
	mu    sync.Mutex
	steps []string
	fail  func(s Step, name string) error
}

func (o *operations) Before(s Step, name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps = append(o.steps, string(s)+" "+name)
	if o.fail != nil {
		return o.fail(s, name)
	}
	return nil
}

func tryDelivery(ctx context.Context, d *Directory, files ...attached) ([]*Staged, error) {
	_, group, err := d.Stage(ctx, bytes.NewReader(mail(files...)), Plan{})
	if err != nil {
		return nil, err
	}
	if err := d.Sync(ctx, group); err != nil {
		return group, err
	}
	return group, d.Publish(ctx, group)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("index out of range") }

// hookFunc is a Hook.
type hookFunc func(Step, string) error

func (f hookFunc) Before(s Step, name string) error { return f(s, name) }
