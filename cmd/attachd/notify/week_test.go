package notify_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestWeek: over a week, a receiver is told exactly what the rules say.
func TestWeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a", "eva@mx.a", "token@mx.b", "quiet@mx.c")
		w.config.Accounts[3].MailWithin = 3 * 24 * time.Hour
		w.notAfter["token"] = w.begun.Add(at(4, 16, 0) + 14*24*time.Hour)
		w.outages = []outage{
			{span{at(1, 10, 0), at(1, 10, 5)}, "hans", down},
			{span{at(1, 12, 0), at(1, 14, 0)}, "hans", down},
			{span{at(1, 12, 0), at(1, 14, 0)}, "eva", down},
			{span{at(2, 9, 0), at(3, 15, 0)}, "token", revoked},
			{span{at(5, 2, 0), at(5, 3, 0)}, "hans", down},
			{span{at(5, 3, 0), at(5, 4, 0)}, "hans", refused},
			{span{at(6, 8, 0), at(6, 10, 0)}, "hans", down},
			{span{at(6, 9, 0), at(6, 20, 0)}, "eva", refused},
		}
		w.down = []span{{at(6, 7, 0), at(6, 12, 0)}}
		w.start()
		defer w.end()

		w.until(at(1, 12, 0)) // a server was down for five minutes
		w.wants()
		w.until(at(2, 0, 0)) // and for two hours
		w.wants("1 12:31 ops: begin connection_refused 2", "1 14:05 ops: end connection_refused 2")

		w.until(at(4, 0, 0)) // a sign-in was revoked for 30 hours
		w.wants("2 09:04 ops: begin sign_in_ended 1", "3 09:05 ops: remind sign_in_ended 1", "3 15:04 ops: end sign_in_ended 1")

		w.until(at(4, 8, 0)) // no mail for three days
		w.wants("4 00:01 ops: begin no_mail 1")
		w.set(func() { w.quarantine["eva"] = 1 })
		w.until(at(4, 8, 10))
		w.set(func() { w.quarantine["eva"] = 3 })
		w.until(at(4, 8, 20))
		w.set(func() { w.quarantine["hans"] = 1 })
		w.until(at(4, 10, 0))
		w.wants("4 08:01 ops: begin quarantine 1", "4 08:32 ops: more quarantine 2")
		w.set(func() { w.free = 1 << 20 })
		w.until(at(4, 10, 30))
		w.set(func() { w.free, w.quarantine = 1<<40, map[string]int{} })
		w.until(at(4, 15, 0))
		w.wants("4 10:01 ops: begin disk_low 0", "4 10:31 ops: end quarantine 2, end disk_low 0")
		w.until(at(5, 0, 0)) // a certificate ends within two weeks
		w.wants("4 16:01 ops: begin certificate_ending 1")

		w.until(at(5, 6, 0)) // one trouble under two names
		w.wants("5 00:02 ops: remind no_mail 1", "5 02:31 ops: begin connection_refused 1", "5 03:01 ops: begin login_refused 1", "5 04:01 ops: end login_refused 1")

		w.until(at(6, 7, 0)) // the certificate is renewed
		w.set(func() { w.notAfter["token"] = w.begun.Add(at(365, 0, 0)) })
		w.wants("5 16:02 ops: remind certificate_ending 1", "6 00:02 ops: remind no_mail 1")
		w.until(at(7, 0, 0)) // the receiver was down: one trouble began and ended meanwhile
		w.wants("6 12:07 ops: begin login_refused 1, end certificate_ending 1, over connection_refused 1", "6 20:05 ops: end login_refused 1")

		w.until(at(8, 0, 0))
		w.wants("7 00:02 ops: remind no_mail 1")
	})
}
