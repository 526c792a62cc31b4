package words_test

import (
	"math"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/words"
)

// TestAgo goes over each border between two units, from both sides.
func TestAgo(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, test := range []struct {
		d       time.Duration
		ago, in string
	}{
		{-time.Hour, "now", "now"},
		{0, "now", "now"},
		{10*time.Second - 1, "now", "now"},
		{10 * time.Second, "10 s ago", "in 10 s"},
		{42 * time.Second, "42 s ago", "in 42 s"},
		{90*time.Second - 1, "89 s ago", "in 89 s"},
		{90 * time.Second, "2 min ago", "in 2 min"},
		{3 * time.Minute, "3 min ago", "in 3 min"},
		{89 * time.Minute, "89 min ago", "in 89 min"},
		{90 * time.Minute, "2 h ago", "in 2 h"},
		{5 * time.Hour, "5 h ago", "in 5 h"},
		{35 * time.Hour, "35 h ago", "in 35 h"},
		{36 * time.Hour, "2 days ago", "in 2 days"},
		{12 * day, "12 days ago", "in 12 days"},
		{59 * day, "59 days ago", "in 59 days"},
		{60 * day, "2 months ago", "in 2 months"},
		{122 * day, "4 months ago", "in 4 months"},
		{3 * 365 * day, "3 years ago", "in 3 years"},
		{math.MaxInt64, "292 years ago", "in 292 years"},
	} {
		if got := words.Ago(test.d); got != test.ago {
			t.Errorf("Ago(%v) = %q, want %q", test.d, got, test.ago)
		}
		if got := words.In(test.d); got != test.in {
			t.Errorf("In(%v) = %q, want %q", test.d, got, test.in)
		}
	}
	now := time.Date(2026, 11, 27, 14, 32, 8, 0, time.UTC)
	if got := words.When(time.Time{}, now); got != "at an unknown time" {
		t.Errorf("zero: %s", got)
	}
	if got := words.When(now.Add(8*time.Minute), now) + ", " + words.When(now.Add(-time.Hour), now); got != "in 8 min, 60 min ago" {
		t.Errorf("When: %q", got)
	}
}

func TestTook(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-1: "0 ms", 0: "0 ms", 12 * time.Millisecond: "12 ms", 99 * time.Millisecond: "99 ms", 840 * time.Millisecond: "0.8 s",
		9949 * time.Millisecond: "9.9 s", 9950 * time.Millisecond: "10 s", 14 * time.Second: "14 s", 3 * time.Minute: "3 min",
	} {
		if got := words.Took(d); got != want {
			t.Errorf("Took(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		-1: "?", 0: "0 B", 812: "812 B", 999: "999 B", 1000: "1.0 kB", 11402: "11.4 kB", 96544: "96.5 kB", 99949: "99.9 kB", 99950: "100 kB",
		184213: "184 kB", 999499: "999 kB", 999500: "1.0 MB", 1400000: "1.4 MB", 2834120: "2.8 MB", 41700000000: "41.7 GB",
		4200000000000: "4.2 TB", math.MaxInt64: "9.2 EB",
	} {
		if got := words.Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ got, want string }{
		{words.Number(0), "0"},
		{words.Number(999), "999"},
		{words.Number(1204), "1,204"},
		{words.Number(-1204567), "-1,204,567"},
		{words.Number(math.MinInt64), "-9,223,372,036,854,775,808"},
		{words.Count(0, "message"), "0 messages"},
		{words.Count(1, "file"), "1 file"},
		{words.Count(18322, "file"), "18,322 files"},
		{words.Plural(2, "entry"), "entries"},
		{words.Plural(2, "day"), "days"},
		{words.Plural(2, "mailbox"), "mailboxes"},
		{words.Plural(2, ""), ""},
		{words.Cardinal(2), "two"},
		{words.Cardinal(12), "twelve"},
		{words.Cardinal(13), "13"},
		{words.Cardinal(3000), "3,000"},
		{words.Cardinal(-1), "-1"},
		{words.Many(0, "file"), "no file"},
		{words.Many(1, "message"), "one message"},
		{words.Many(12, "account"), "twelve accounts"},
		{words.Many(1204, "file"), "1,204 files"},
		{words.Sentence("two things"), "Two things"},
		{words.Sentence("attachd runs"), "attachd runs"},
		{words.Sentence(""), ""},
		{words.Sentence("Übel"), "Übel"},
		{words.List(nil, 3), ""},
		{words.List([]string{"a"}, 3), "a"},
		{words.List([]string{"a", "b"}, 3), "a and b"},
		{words.List([]string{"a", "b", "c"}, 3), "a, b and c"},
		{words.List([]string{"a", "b", "c", "d", "e"}, 2), "a, b and 3 others"},
		{words.List([]string{"a", "b"}, 0), "a and 1 other"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 11, 27, 14, 32, 8, 0, zone)
	if got := words.Stamp(now); got != "Fri 27 Nov 2026, 14:32:08 +01:00" {
		t.Errorf("Stamp: %q", got)
	}
	for at, want := range map[time.Time]string{
		now.Add(-time.Hour).UTC():      "13:32",
		now.Add(-24 * time.Hour).UTC(): "26 Nov, 14:32",
		now.AddDate(-1, 0, 0).UTC():    "27 Nov 2025, 14:32",
	} {
		if got := words.Clock(at, now); got != want {
			t.Errorf("Clock(%v) = %q, want %q", at, got, want)
		}
	}
}

// TestVisible: what a stranger wrote can't steer a terminal or turn the reading.
func TestVisible(t *testing.T) {
	t.Parallel()
	if got := words.Visible("März\u202egpj.exe\x1b[2J\nx"); got != `März\u202egpj.exe\x1b[2J\nx` {
		t.Errorf("Visible: %q", got)
	}
	if got := words.VisibleLines("a\n\tb\x1b"); got != "a\n\tb\\x1b" {
		t.Errorf("VisibleLines: %q", got)
	}
}
