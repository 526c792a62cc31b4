package console

import (
	"strings"
	"testing"
	"time"
)

// TestProgress: the line is drawn over itself, gives way to what else is written, fits the terminal
// and goes at the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	now, width := time.Unix(1, 0), 200
	p := &Progress{w: &out, width: func() int { return width }, now: func() time.Time { return now }}
	want := func(text string) {
		t.Helper()
		if out.String() != text {
			t.Errorf("got %q, want %q", out.String(), text)
		}
		out.Reset()
	}
	p.Expect(4, 4<<20)
	want("")
	now = now.Add(2 * time.Second)
	p.Message(1<<20, 3)
	want("\r1/4 messages, 3 attachments, 1.0 MiB of 4.0 MiB (25%), 512.0 KiB/s, 6s left\x1b[K")
	now = now.Add(drawEvery / 2)
	p.Message(1<<20, 0)
	want("") // too soon
	if _, err := p.Write([]byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	want("\r\x1b[Ka line\n")
	now, width = now.Add(drawEvery), 20
	p.Message(4<<20, 1) // longer than listed
	want("\r3/4 messages, 4 att\x1b[K")
	width = 0
	now = now.Add(drawEvery)
	p.Message(1, 0)
	want("\r\x1b[K")
	p.Done()
	want("\r\x1b[K")
	p.Message(1, 0)
	p.Done()
	want("")
}

// TestNoProgress: what is no terminal gets lines only.
func TestNoProgress(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := NewProgress(&out)
	p.Expect(1, 1)
	p.Message(1, 1)
	if _, err := p.Write([]byte("a line\n")); err != nil || out.String() != "a line\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	p.Done()
	if out.String() != "a line\n" {
		t.Errorf("%q", out.String())
	}
}
