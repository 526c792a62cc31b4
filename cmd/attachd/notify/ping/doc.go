// Package ping tells a dead-man's switch, such as healthchecks.io, that polls go well. Such a
// service raises the alarm when pings fail to come, so it also notices a machine that is down.
//
// # What is sent
//
// The URL of an account is called at each of its polls: URL/start when it begins, URL when it went
// well, URL/fail when it did not. The last one is a POST with a few words on what failed.
//
// The URL for all accounts is called about attachd itself: URL/start when it starts. From then on,
// once a minute while the scheduler runs on time: URL when nothing needs a person, URL/fail when
// something does, with the sentence of the status. When the scheduler stands still, nothing is
// sent, and the service notices.
//
// The words go behind the path of the URL, and a query stays where it is.
//
// # Guarantees
//
//   - [Pinger.Observe] takes no time: it sends nothing itself.
//   - At most eight calls run at once, and one for each URL. Each ends within ten seconds.
//   - What waits is one ping for each account: a newer result replaces an older one, and a start
//     waits only where no result does. A ping that fails is tried again four times within four
//     minutes, unless a newer one replaces it.
//   - A URL is a secret: no error and no log has it.
package ping
