package fetcher

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/pop3"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	refused := &LoginError{Addr: "mx:995", Mechanism: "APOP", Err: &pop3.Error{Cmd: "APOP", Text: "-ERR permission denied"}}
	inUse := &LoginError{Addr: "mx:995", Mechanism: "APOP", Err: &pop3.Error{Cmd: "APOP", Code: "IN-USE", Text: "-ERR [IN-USE] busy"}}
	login := func(code, text string) error {
		return &LoginError{Addr: "mx:995", Mechanism: "USER/PASS", Err: &pop3.Error{Cmd: "PASS", Code: code, Text: text}}
	}
	delay := login("LOGIN-DELAY", "-ERR [LOGIN-DELAY] wait")
	exceeded := fmt.Errorf("list the UIDLs: %w", &pop3.Error{Cmd: "UIDL", Text: "-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server."})
	broken := login("SYS/TEMP", "-ERR [SYS/TEMP] password server down")
	off := login("SYS/PERM", "-ERR [SYS/PERM] account is off")
	tests := []struct {
		name     string
		err      error
		failures int
		interval time.Duration
		want     time.Duration // before jitter
	}{
		{"the first failure is asked again soon", errors.New("reset"), 1, 5 * time.Minute, 30 * time.Second},
		{"waits double", errors.New("reset"), 3, 5 * time.Minute, 2 * time.Minute},
		{"but not beyond an hour", errors.New("reset"), 12, 5 * time.Minute, time.Hour},
		{"nor for ever", errors.New("reset"), 1_000_000, 5 * time.Minute, time.Hour},
		{"a refused login is slow from the start", refused, 1, 5 * time.Minute, 5 * time.Minute},
		{"and slower", refused, 3, 5 * time.Minute, 20 * time.Minute},
		{"and slow from the fourth on", login("AUTH", "-ERR [AUTH] no"), 4, 5 * time.Minute, time.Hour},
		{"and never stops", refused, 1000, 5 * time.Minute, time.Hour},
		{"a busy maildrop is no refused login", inUse, 1, time.Hour, time.Minute},
		{"and is free again soon", inUse, 50, time.Hour, 5 * time.Minute},
		{"another process is the same", fmt.Errorf("lock account: %w", ErrLocked), 1, time.Hour, time.Minute},
		{"after a sign-in it goes on soon", fmt.Errorf("get a token: %w", &oauth.SignInError{Account: "lab", Err: oauth.ErrNoSignIn}), 50, time.Hour, 5 * time.Minute},
		{"a mailbox in use by the words", login("", "-ERR Unable to lock maildrop: Mailbox is locked by another POP3 session"), 1, time.Hour, time.Minute},
		{"a locked account is not a mailbox in use", login("", "-ERR account locked out"), 1, time.Hour, 5 * time.Minute},
		{"a login delay is at least the interval", delay, 1, 10 * time.Minute, 10 * time.Minute},
		{"however long that is", delay, 3, 6 * time.Hour, 6 * time.Hour},
		{"and not short", delay, 1, time.Second, 5 * time.Minute},
		{"throttling by the words, wherever it is said, for as long as they say", exceeded, 1, time.Minute, 16 * time.Minute},
		{"that go on", exceeded, 3, time.Minute, 20 * time.Minute},
		{"a time that is named", login("", "-ERR Connect interval too short. Please wait 900 seconds"), 1, time.Minute, 16 * time.Minute},
		{"however long that is, within reason", login("AUTH", "-ERR [AUTH] blocked for 10 hours"), 1, time.Minute, 65 * time.Minute},
		{"a login system that is down is up again soon", broken, 1, time.Hour, 30 * time.Second},
		{"what needs a person takes long", off, 1, time.Minute, time.Hour},
		{"throttling that looks like a wrong password slows", login("", "-ERR Logon failure: unknown user name or bad password."), 2, time.Minute, 10 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			low, high := test.want*3/4, test.want*5/4
			seen := map[time.Duration]bool{}
			for range 100 {
				got := backoff(test.err, test.failures, test.interval)
				if got < low || got > high {
					t.Fatalf("wait %v, want within a quarter of %v", got, test.want)
				}
				seen[got] = true
			}
			if len(seen) < 50 {
				t.Errorf("%d different waits of 100: accounts that failed together would come back together", len(seen))
			}
		})
	}
}
