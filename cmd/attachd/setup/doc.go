// Package setup is what `attachd init` and `attachd account add` do: it asks for an account, finds
// its server, tries the login, and makes the files that a daemon then reads.
//
// # Guarantees
//
// Nothing is written before the last question is answered and the login has worked (or somebody
// said to go on without). What is written then is written whole, or not at all: see package
// config/edit. No file that is there is overwritten.
//
// A password is sent only to a server with a valid certificate. The server's name comes from the
// table of package provider, or lies in the domain of the address, or a person gave or confirmed
// it. The password is sent by one mechanism, never by a second one after a refusal. It is not
// shown, and not held in a file before the end.
//
// What servers and records of the DNS say is escaped before it is shown.
package setup
