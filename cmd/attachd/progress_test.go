package main

import (
	"strings"
	"testing"
	"time"
)

// TestProgress: the line is drawn over itself, gives way to what else is written, fits the terminal and goes at the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	now, width := time.Unix(1, 0), 200
	p := &progress{w: &out, width: func() int { return width }, now: func() time.Time { return now }}
	want := func(text string) {
		t.Helper()
		if out.String() != text {
			t.Errorf("got %q, want %q", out.String(), text)
		}
		out.Reset()
	}
	p.expect(4, 4<<20)
	want("")
	now = now.Add(2 * time.Second)
	p.message(1<<20, 3)
	want("\r1/4 messages, 3 attachments, 1.0 MiB of 4.0 MiB (25%), 512.0 KiB/s, 6s left\x1b[K")
	now = now.Add(drawEvery / 2)
	p.message(1<<20, 0)
	want("") // too soon
	if _, err := p.Write([]byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	want("\r\x1b[Ka line\n")
	now, width = now.Add(drawEvery), 20
	p.message(4<<20, 1) // longer than listed
	want("\r3/4 messages, 4 att\x1b[K")
	width = 0
	now = now.Add(drawEvery)
	p.message(1, 0)
	want("\r\x1b[K")
	p.done()
	want("\r\x1b[K")
	p.message(1, 0)
	p.done()
	want("")
}

// TestNoProgress: what is no terminal gets lines only.
func TestNoProgress(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(&out)
	p.expect(1, 1)
	p.message(1, 1)
	if _, err := p.Write([]byte("a line\n")); err != nil || out.String() != "a line\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	p.done()
	if out.String() != "a line\n" {
		t.Errorf("%q", out.String())
	}
}
