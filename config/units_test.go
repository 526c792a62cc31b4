package config

import (
	"math"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "2w": 336 * time.Hour,
		"1w1d1h1m1s1ms": 193*time.Hour + time.Minute + time.Second + time.Millisecond, "15250w": 15250 * 7 * 24 * time.Hour,
		"9223372036s854ms": math.MaxInt64 - 775807,
	} {
		if got, err := ParseDuration(s); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "5", "m", "-5m", "+5m", "1.5h", "5 m", "5m ", "5M", "5min", "30m1h", "5m5m", "5m5", "9223372036s855ms",
		"15251w", "99999999999999999999s", "１m", "1h-5m", "5µs",
	} {
		if got, err := ParseDuration(s); err == nil {
			t.Errorf("%q: got %s, want an error", s, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Size{
		"0": 0, "1024": 1024, "25MiB": 25 << 20, "10MB": 10e6, "1 GiB": 1 << 30, "3kB": 3000, "3KB": 3000, "3KiB": 3072, "7B": 7,
		"8388607TiB": 8388607 << 40, "9223372036854775807": math.MaxInt64,
	} {
		got, err := ParseSize(s)
		if err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", s, got, err, want)
		}
		if again, err := ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%q is written as %q, which is read as %d, %v", s, got, again, err)
		}
	}
	for _, s := range []string{"", "B", "-1", "+1", "1.5GiB", "25M", "25mib", "1  GiB", "1GiB ", "8388608TiB", "9223372036854775808", "99999999999999999999"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("%q: got %d, want an error", s, got)
		}
	}
}

// FuzzDuration: no panic, nothing negative, and time.Duration's own text of the result is the same
// duration.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"5m", "1h30m", "30d", "2w", "0", "9223372036s855ms", "5m5m", "１m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		if d < 0 {
			t.Errorf("%q: negative: %s", s, d)
		}
		if again, err := time.ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%q: %s is read as %s, %v", s, d, again, err)
		}
	})
}

// FuzzSize: no panic, nothing negative, and what String writes is read as the same size.
func FuzzSize(f *testing.F) {
	for _, s := range []string{"25MiB", "10MB", "1 GiB", "0", "9223372036854775807", "8388608TiB", "25M"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSize(s)
		if err != nil {
			return
		}
		if n < 0 {
			t.Errorf("%q: negative: %d", s, n)
		}
		if again, err := ParseSize(n.String()); err != nil || again != n {
			t.Errorf("%q: %s is read as %d, %v", s, n, again, err)
		}
	})
}

// TestFormatDuration: what is written is read back as the same, and reads as people write it.
func TestFormatDuration(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0", "1ms", "999ms", "1s", "90s", "5m", "1h", "1h30m", "24h", "36h", "47h59m59s999ms", "2d", "2d1ms", "30d", "400d",
	} {
		d, err := ParseDuration(text)
		try(t, err)
		want := text
		if text == "90s" {
			want = "1m30s"
		}
		if got := FormatDuration(d); got != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
	for _, d := range []time.Duration{-1, 1, time.Millisecond - 1} {
		if got := FormatDuration(d); got != "0" {
			t.Errorf("%d: got %s", d, got)
		}
	}
	for d := time.Millisecond; d > 0; d *= 7 {
		again, err := ParseDuration(FormatDuration(d))
		if err != nil || again != d.Truncate(time.Millisecond) {
			t.Errorf("%s is read back as %s: %v", d, again, err)
		}
	}
}
