package config

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written as 25MiB, 10MB or, bare, 1024.
type Size int64

// sizeUnits has the larger units first.
var sizeUnits = [...]struct {
	name  string
	bytes uint64
}{
	{"TiB", 1 << 40},
	{"TB", 1e12},
	{"GiB", 1 << 30},
	{"GB", 1e9},
	{"MiB", 1 << 20},
	{"MB", 1e6},
	{"KiB", 1 << 10},
	{"kB", 1e3},
	{"KB", 1e3},
	{"B", 1},
}

// ParseSize reads a size: a whole number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB).
// Without a unit it is bytes. Negative numbers, fractions and sizes beyond int64 are errors.
func ParseSize(s string) (Size, error) {
	digits, unit := splitNumber(s)
	if digits == "" {
		return 0, fmt.Errorf("must be a size such as 25MiB, not %s", quote(s))
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is too large", quote(s))
	}
	unit = strings.TrimPrefix(unit, " ")
	if strings.HasPrefix(unit, ".") || strings.HasPrefix(unit, ",") {
		return 0, fmt.Errorf("must be a whole number in some unit, such as 1536KiB, not %s", quote(s))
	}
	factor := uint64(1)
	if unit != "" {
		if factor = sizeUnit(unit); factor == 0 {
			return 0, fmt.Errorf("%s has no known unit: use B, kB, MB, GB, TB, KiB, MiB, GiB or TiB", quote(s))
		}
	}
	hi, lo := bits.Mul64(n, factor)
	if hi != 0 || lo > math.MaxInt64 {
		return 0, fmt.Errorf("%s is too large", quote(s))
	}
	return Size(lo), nil
}

func sizeUnit(name string) uint64 {
	for _, u := range sizeUnits {
		if u.name == name {
			return u.bytes
		}
	}
	return 0
}

// String writes s in the largest unit that divides it. [ParseSize] reads it back.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if u.bytes > 1 && s > 0 && uint64(s)%u.bytes == 0 {
			return strconv.FormatUint(uint64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

var errNoDuration = errors.New("must be a duration such as 90s, 5m, 1h30m or 30d")

// ParseDuration reads a duration such as 1h30m: whole numbers, each with a unit, the larger unit
// first. The units are w, d, h, m, s and ms; a day has 24 hours. A lone 0 needs no unit. Negative
// numbers, fractions and overflow are errors.
func ParseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	if s == "" {
		return 0, errNoDuration
	}
	var total time.Duration
	last := time.Duration(math.MaxInt64)
	for rest := s; rest != ""; {
		digits, tail := splitNumber(rest)
		if digits == "" {
			return 0, fmt.Errorf("%w, not %s", errNoDuration, quote(s))
		}
		name := tail
		if i := strings.IndexAny(tail, "0123456789"); i >= 0 {
			name = tail[:i]
		}
		if name == "" {
			return 0, fmt.Errorf("%s needs a unit, such as %ss or %sm", quote(s), clip(digits), clip(digits))
		}
		unit := durationUnit(name)
		if unit == 0 || unit >= last {
			return 0, fmt.Errorf("%w, not %s", errNoDuration, quote(s))
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > int64((math.MaxInt64-total)/unit) {
			return 0, fmt.Errorf("%s is too long", quote(s))
		}
		total += time.Duration(n) * unit
		last, rest = unit, tail[len(name):]
	}
	return total, nil
}

// FormatDuration writes a duration as the file has it: 5m, 1h30m, 30d. Days are for two of them or
// more. It drops what is less than a millisecond. [ParseDuration] reads it back.
func FormatDuration(d time.Duration) string {
	if d < time.Millisecond {
		return "0"
	}
	var b strings.Builder
	for _, name := range [...]string{"d", "h", "m", "s", "ms"} {
		unit := durationUnit(name)
		if name == "d" && d < 2*unit {
			continue
		}
		if n := d / unit; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + name)
			d -= n * unit
		}
	}
	return b.String()
}

func durationUnit(name string) time.Duration {
	switch name {
	case "w":
		return 7 * 24 * time.Hour
	case "d":
		return 24 * time.Hour
	case "h":
		return time.Hour
	case "m":
		return time.Minute
	case "s":
		return time.Second
	case "ms":
		return time.Millisecond
	}
	return 0
}

// splitNumber splits s behind its leading decimal digits.
func splitNumber(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}
