// Package demo shows what attachd does, with nothing configured: [Run] polls a mail server of its
// own twice, by the code that `attachd run --once` runs.
//
// [Serve] runs the daemon with its page, on mailboxes that get mail all the time and accounts that
// fail.
//
// [NewServer] is that server: a POP3S server on loopback that holds a few telling messages. Among
// them are a picture as a mail client sends it, an invoice with German file names in two encodings,
// an inline picture beside a logo without a name, a forwarded message with an attachment of its
// own, a second file of a name that is taken, and a message without any attachment.
package demo
