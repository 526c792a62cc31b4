// Package send puts a notice into words and hands it to one receiver: by mail, to ntfy, to a
// webhook, or by one of the services of shoutrrr.
//
// # Guarantees
//
//   - [Target.Send] ends within [Timeout], or as soon as its context does.
//   - Secrets are read when a notice is sent, so they can be changed while attachd runs. They are
//     in no notice and in no error.
//   - What strangers said stands in a notice as they said it, except what would be obeyed instead
//     of read: control and bidirectional characters are escapes, and chats get it as code, so that
//     no markup, link or mention of it works.
//   - TLS certificates are verified. Without TLS, mail goes to this machine only, or without a
//     password.
//
// # The JSON of a webhook
//
// A generic webhook gets a POST with this JSON. Keys may be added to it; those of this version keep
// their meaning.
//
//	version     1
//	id          the same when a notice is sent again, as its answer was lost
//	at          when it was made, as all times in RFC 3339
//	machine     the name of the machine that attachd runs on
//	title       one line
//	text        the whole notice as plain text
//	needs_you   whether a person has to do something
//	dropped     how many notices could not be delivered before this one
//	page        URL of attachd's page, "" if none is known
//	test        true for what attachd notify test sends
//	cases       a list, the most important first; more of them may exist than it has
//	cases_more  how many are left out
//
// Each case has:
//
//	event          begin, more, remind, end, or over: it began and ended, and neither was told before
//	key            the same in all notices of a case
//	class          the kind of failure, the same in all versions
//	heading        the kind of failure in words
//	needs_you      whether a person has to do something
//	host           "host:port", "" where no server is concerned
//	accounts       at most ten names
//	accounts_more  how many accounts are left out
//	said           whole texts of errors, at most five
//	meaning, todo  what it means and what to do
//	since          when the first failure was
//	ended          null while it lasts
//	next           when attachd tries again, null if it does not
package send
