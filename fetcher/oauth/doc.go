// Package oauth gets OAuth 2.0 access tokens (RFC 6749) and logs in to mail servers with
// them.
//
// A [Source] returns an access token whenever a poll needs one. It gets the token in one
// of these ways:
//
//   - [NewCommandSource]: from the output of a command
//   - [NewClientCredentialsSource]: as the client itself (RFC 6749 section 4.4)
//   - [NewServiceAccountSource]: for a request that a key signs (RFC 7523 section 2.1)
//   - [NewStoredSource]: for the refresh token of an earlier sign-in (RFC 6749 section 6)
//
// A person signs in once, in one of two ways:
//
//   - [Client.SignInWithCode]: in a browser that comes back to a loopback address, with PKCE
//     (RFC 8252, RFC 7636)
//   - [Client.SignInWithDevice]: with a short code that is typed in elsewhere (RFC 8628)
//
// [NewXOAuth2] and [NewOAuthBearer] (RFC 7628) present a token to a mail server.
//
// # What is kept
//
// A [Store] is one account's file, mode 0600 in a folder of mode 0700. A new file replaces
// it by rename, after an fsync.
//
// Some servers rotate refresh tokens: each use of one returns the next, and the second use
// of one counts as theft and revokes them all. So that no refresh token is lost or used
// twice:
//
//   - A lock beside the file keeps two processes from refreshing one token at a time.
//   - The room for the new file is taken before the server is asked.
//   - The answer is waited for, up to 4 seconds, even when the program is told to stop.
//   - What could not be written is kept in memory and written later.
//
// # What is never shown
//
// No error and no value of this package prints a token, a client secret or a code, even if
// a server repeats it in its complaint. Redirects of a token endpoint are not followed, as
// they would carry the secrets elsewhere.
package oauth
