package fetcher

import "github.com/attachd/attachd/fetcher/session"

// ending says in a line of the log what kind of failure ended a poll. What a poll met at first is looked at alone, and not
// what became of a second attempt at once.
func ending(err error) string {
	for err != nil {
		if _, ok := err.(*session.LoginError); ok {
			return "login failed"
		}
		wrapped, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = wrapped.Unwrap()
	}
	return "poll ended early"
}

// worksAgain reports whether an account failed until now, before it was given other settings too.
func (l *loop) worksAgain() (failures int, again bool) {
	failures = l.failures + l.failedBefore
	l.failures, l.failedBefore, l.lastFailure = 0, 0, ""
	return failures, failures > 0
}
