// Package words puts times, sizes and numbers into words, the same on the page, in the terminal, in
// notices and in systemd's status line: "42 s ago", "1.4 MB", "1,204 messages", "two accounts".
//
// # Limits
//
// What it returns is rounded for people, and nothing should be computed with it. Sizes are decimal,
// as disks and mail programs count them. [Visible] alone takes a stranger's text; all others take
// words of attachd's own.
package words

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/foreign"
)

// Ago is how long ago something was: "now" up to ten seconds, "42 s ago", "3 min ago", "5 h ago",
// "12 days ago", "4 months ago", "3 years ago". What lies ahead, as after a clock was put back, is
// "now" as well.
func Ago(d time.Duration) string {
	if d < aMoment {
		return "now"
	}
	return For(d) + " ago"
}

// In is how long it takes until something happens: "now" below ten seconds, "in 8 min".
func In(d time.Duration) string {
	if d < aMoment {
		return "now"
	}
	return "in " + For(d)
}

// When is [Ago] for what was before now, and [In] for what comes. The zero time is an unknown one.
func When(at, now time.Time) string {
	if at.IsZero() {
		return "at an unknown time"
	}
	if at.After(now) {
		return In(at.Sub(now))
	}
	return Ago(now.Sub(at))
}

// aMoment is what people call now.
const aMoment = 10 * time.Second

// For is a length of time with one unit: "42 s" below 90 s, "3 min" below 90 min, "5 h" below 36 h,
// "12 days" below 60 days, "4 months" below two years, "3 years". Less than nothing is "0 s".
func For(d time.Duration) string {
	const day, month = 24 * time.Hour, 730 * time.Hour
	switch {
	case d < 90*time.Second:
		return strconv.Itoa(int(max(d, 0)/time.Second)) + " s"
	case d < 90*time.Minute:
		return rounded(d, time.Minute) + " min"
	case d < 36*time.Hour:
		return rounded(d, time.Hour) + " h"
	case d < 60*day:
		return rounded(d, day) + " days"
	case d < 24*month:
		return rounded(d, month) + " months"
	}
	return rounded(d, 12*month) + " years"
}

// rounded is the nearest whole number of a unit.
func rounded(d, unit time.Duration) string {
	return Number(int64(math.Round(float64(d) / float64(unit))))
}

// Took is how long something took that may have been short: "12 ms", "0.8 s", "14 s", "3 min".
func Took(d time.Duration) string {
	switch {
	case d < 0:
		return "0 ms"
	case d < 100*time.Millisecond:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 9950*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return For(d.Round(time.Second))
}

// Stamp is a time in full, in its own zone: "Fri 27 Nov 2026, 14:29:03 +01:00".
func Stamp(t time.Time) string { return t.Format("Mon 2 Jan 2006, 15:04:05 -07:00") }

// Clock is a time as a reader of today's news wants it: "14:29" on the same day as now, "27 Nov,
// 14:29" in the same year, "27 Nov 2025, 14:29" else. Both are taken in the zone of now.
func Clock(t, now time.Time) string {
	t = t.In(now.Location())
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04")
	case t.Year() == now.Year():
		return t.Format("2 Jan, 15:04")
	}
	return t.Format("2 Jan 2006, 15:04")
}

// Size is a number of bytes with three digits or so, in powers of 1,000: "0 B", "812 B", "11.4 kB",
// "184 kB", "1.2 GB". A negative size is unknown: "?".
func Size(n int64) string {
	if n < 0 {
		return "?"
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, units := float64(n)/1000, "kMGTPE"
	for math.Round(value) >= 1000 && len(units) > 1 { // or it would be "1000 kB"
		value, units = value/1000, units[1:]
	}
	if math.Round(value*10) >= 1000 {
		return strconv.FormatFloat(value, 'f', 0, 64) + " " + units[:1] + "B"
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[:1] + "B"
}

// Number is a number with a comma between the thousands: "1,204".
func Number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign, digits := cutSign(digits)
	var out strings.Builder
	out.WriteString(sign)
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(digit)
	}
	return out.String()
}

func cutSign(digits string) (sign, rest string) {
	if rest, ok := strings.CutPrefix(digits, "-"); ok {
		return "-", rest
	}
	return "", digits
}

// Count is a number in digits with its noun: "1 file", "1,204 files", "0 messages".
func Count(n int, noun string) string { return Number(int64(n)) + " " + Plural(n, noun) }

// Plural is a noun in the form that goes with n: "file", "files", "entry", "entries", "mailbox",
// "mailboxes".
func Plural(n int, noun string) string {
	if n == 1 || noun == "" {
		return noun
	}
	last := noun[len(noun)-1]
	switch {
	case last == 'y' && len(noun) > 1 && !strings.ContainsRune("aeiou", rune(noun[len(noun)-2])):
		return noun[:len(noun)-1] + "ies"
	case last == 's', last == 'x', strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	}
	return noun + "s"
}

var small = [...]string{
	"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
}

// Cardinal is a number in words up to twelve, "no" for 0, and in digits above.
func Cardinal(n int) string {
	if n >= 0 && n < len(small) {
		return small[n]
	}
	return Number(int64(n))
}

// Many is [Cardinal] with its noun: "two accounts", "no message", "1,204 files".
func Many(n int, noun string) string { return Cardinal(n) + " " + Plural(max(n, 1), noun) }

// Sentence begins a text with a capital, unless it begins with the name of this program.
func Sentence(s string) string {
	if strings.HasPrefix(s, "attachd") {
		return s
	}
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// List joins names as in a sentence: "a", "a and b", "a, b and c". Of more than most it names the
// first and counts the others: "a, b and 3 others". Most is at least 1.
func List(names []string, most int) string {
	most = max(most, 1)
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return names[0]
	case n > most:
		rest := n - most
		return strings.Join(names[:most], ", ") + " and " + Count(rest, "other")
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// Visible is a stranger's text for one line: what would be obeyed instead of read, such as controls
// and bidirectional marks, is written as an escape: "\u202e". See package foreign.
func Visible(s string) string { return foreign.Text(s) }

// VisibleLines is [Visible] for a text of several lines: line feeds and tabs stay.
func VisibleLines(s string) string { return foreign.Lines(s) }
