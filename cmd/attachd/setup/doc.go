// Package setup is what `attachd init` and `attachd account add` do: it asks for an account, finds
// its server, tries the login, and makes the files that a daemon then reads.
//
// # Guarantees
//
// Nothing is written before the last question is answered and the login has worked (or somebody
// said to go on without). What is written then is written whole, or not at all: see package
// config/edit. No file that is there is overwritten: a secret that is left of an earlier account is
// used if it is the same, and stays otherwise. Changes at the same time are made one after the
// other, each to what the one before it left. Switching an account changes that account alone, or
// is refused.
//
// A password is sent only to a server with a valid certificate. The server's name comes from the
// table of package provider, or lies in the domain of the address, or a person gave or confirmed
// it. The password is sent by one mechanism, never by a second one after a refusal. It is not
// shown, and not held in a file before the end.
//
// What servers and records of the DNS say is escaped before it is shown.
package setup
