// Package apptest has what tests of the whole program share: mail servers with a configuration for
// each, mailboxes of numbered notes, and a poll within the test.
package apptest
