// Package smtptest is a small SMTP server for tests. It speaks TLS from the start, after STARTTLS,
// or not at all. It takes a login by PLAIN, keeps what it receives, and can be told to misbehave.
package smtptest
