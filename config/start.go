package config

import (
	"fmt"
	"time"
)

// Start says which mail an account fetches that was on the server before its first poll. The zero
// value is all of it. It is comparable.
type Start struct {
	// Now says that nothing of it is fetched.
	Now bool
	// Within says that what is younger at the first poll is fetched; 0 for no such limit.
	Within time.Duration
}

// The words of start.
const (
	startAll = "all"
	startNow = "now"
)

func (s *Start) parse(text string) error {
	switch text {
	case startAll:
		*s = Start{}
		return nil
	case startNow:
		*s = Start{Now: true}
		return nil
	}
	d, err := ParseDuration(text)
	if err != nil || d == 0 {
		return fmt.Errorf("must be all, now, or the age of the oldest mail to fetch such as 30d, not %s", quote(text))
	}
	*s = Start{Within: d}
	return nil
}

// ParseStart reads all, now or an age.
func ParseStart(text string) (s Start, err error) {
	err = s.parse(text)
	return s, err
}

// String returns s as the file has it.
func (s Start) String() string {
	switch {
	case s.Now:
		return startNow
	case s.Within > 0:
		return FormatDuration(s.Within)
	}
	return startAll
}

// minMailWithin is less than any two mails that are expected are apart.
const minMailWithin = time.Hour

// mailWithin checks how long an account may be without mail.
func (l *loader) mailWithin(v *value[time.Duration]) time.Duration {
	if v.ok() && v.v > 0 {
		l.atLeast(v, minMailWithin)
	}
	return v.or(0)
}
