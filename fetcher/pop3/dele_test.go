package pop3_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestDeletionsEndInTime: DELE leave half of the session's time for the answer to QUIT, however
// slow they are. At least one is sent, and those that are answered count.
func TestDeletionsEndInTime(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		session, each time.Duration
		least, most   int
	}{
		"slow":      {2 * time.Second, 20 * time.Millisecond, 2, 75}, // 100 in all of the time
		"very slow": {2 * time.Second, 1200 * time.Millisecond, 1, 1},
		"fast":      {time.Minute, 0, 300, 300},
	} {
		for _, window := range []int{1, pop3.MaxWindow} {
			t.Run(fmt.Sprintf("%s, window %d", name, window), func(t *testing.T) {
				t.Parallel()
				s := start(t, func(s *pop3test.Server) {
					s.Mailboxes["u"] = nil
					for n := range 300 {
						s.Mailboxes["u"] = append(s.Mailboxes["u"], pop3test.Message{UIDL: fmt.Sprint(n), Raw: []byte("text\r\n")})
					}
					s.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
						if cmd == "DELE" {
							time.Sleep(tt.each)
						}
						return false
					}
				})
				d := dialer(s, pop3.Implicit)
				d.Timeouts.Session = tt.session
				c, err := d.Dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if err := c.UserPass("u", "secret"); err != nil {
					t.Fatal(err)
				}
				numbers := make([]int, 300)
				for i := range numbers {
					numbers[i] = i + 1
				}
				deleted := 0
				if err := c.DeleQuit(slices.Values(numbers), window, func(int, error) { deleted++ }); err != nil {
					t.Fatal(err)
				}
				if left := len(s.Mailbox("u")); deleted < tt.least || deleted > tt.most || left != 300-deleted {
					t.Errorf("%d deleted, want %d to %d; %d left", deleted, tt.least, tt.most, left)
				}
			})
		}
	}
}

// TestUntil: a wait ends before the session's time is over if the caller says so, and the session's
// own time can be had again.
func TestUntil(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *pop3test.Server) {
		s.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "RETR" {
				c.Hang()
			}
			return cmd == "RETR"
		}
	})
	c := dial(t, s, pop3.Implicit)
	if err := c.UserPass("u", "secret"); err != nil {
		t.Fatal(err)
	}
	c.Until(time.Now().Add(-time.Second))
	c.Until(time.Time{})
	if _, _, err := c.Stat(); err != nil {
		t.Fatalf("with the session's own time: %v", err)
	}
	c.Until(c.Ends().Add(time.Hour))
	c.Until(time.Now().Add(100 * time.Millisecond))
	_, err := readMessage(c, 1)
	limited, ok := err.(interface{ Unwrap() error })
	if err == nil || !ok {
		t.Fatalf("error %v", err)
	}
	if by, ok := limited.Unwrap().(interface{ Limit() string }); !ok || by.Limit() != "session" {
		t.Errorf("error %v, want one of timeouts.session", err)
	}
}
