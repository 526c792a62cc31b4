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
// No connection is kept from one poll to the next. A POP3 session sees the mailbox as it was at the
// login, and locks it (RFC 1939 sections 4 and 8): whoever keeps it open polls nothing, and keeps
// others out. What lasts is the TLS session, in memory: the next handshake resumes it if the
// settings would verify it as well. It is not written to disk. A ticket there would be a secret,
// like a password that nobody gave leave to store, and TLS 1.3 saves no round trip by it.
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
