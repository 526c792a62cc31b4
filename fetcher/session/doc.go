// Package session opens a session with an account's mail store, in these steps:
//
//  1. it gets the password or the access token;
//  2. it dials, through a proxy if the account has one;
//  3. it verifies TLS;
//  4. it logs in;
//  5. it returns the store as a [mailbox.Mailbox].
//
// Only this package knows which protocol a store speaks. So far that is POP3.
//
// # Round trips
//
// From the greeting to the listing it takes one round trip at a server that is known to take
// commands with the login, and two at one that announces PIPELINING before it: the capabilities
// come first. A server that announces it only after the login (Gmail) takes four, with USER and
// PASS one by one. AUTH is never sent together with other commands.
//
// # What it guarantees
//
//   - A login is sent only over verified TLS, unless the account's settings allow otherwise.
//   - One mechanism is chosen before anything is sent, and no other is tried. An attacker could
//     forge the refusal of APOP to be sent the password by PASS. Two failed logins also lock an
//     account sooner than one.
//   - No error and no log holds a secret.
//   - An error about TLS says what the server sent and what can be done.
package session
