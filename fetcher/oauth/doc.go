// Package oauth gets OAuth 2.0 access tokens and logs in with them.
//
// A [Source] gives the token of one account whenever a poll needs it: the output of a command
// ([NewCommandSource]), a client's own token ([NewClientCredentialsSource], RFC 6749 section 4.4), one that a key signs
// for ([NewServiceAccountSource], RFC 7523), or one that is refreshed from what a person once signed in for ([NewStoredSource], RFC 6749 section 6). The sign-in itself is
// [Client.SignInWithCode], a browser that comes back to a loopback address with PKCE (RFC 8252, RFC 7636), or
// [Client.SignInWithDevice], a short code to type in elsewhere (RFC 8628). [NewXOAuth2] and [NewOAuthBearer] (RFC
// 7628) are the two ways to present a token to a mail server.
//
// # What is kept
//
// A [Store] is one account's file, mode 0600 in a folder of mode 0700. It is replaced by rename after an fsync, and a
// lock beside it keeps two processes from refreshing one token at the same time: servers that rotate refresh tokens
// take the second use of one for a theft and revoke them all. The place of the new file is made sure of before the
// server is asked, the answer is waited for even when the program is told to stop, and what could not be written is
// kept in memory and written later. So a rotated refresh token is not lost.
//
// # What is never shown
//
// No error and no value of this package prints a token, a client secret or a code, also when a server repeats it in
// its complaint. Redirects of a token endpoint are not followed, as they would carry the secrets elsewhere.
package oauth
