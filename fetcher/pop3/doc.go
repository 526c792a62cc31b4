// Package pop3 is a client of the Post Office Protocol, version 3 (RFC 1939),
// with CAPA and response codes (RFC 2449, RFC 3206), STLS (RFC 2595) and AUTH
// (RFC 5034). It is made for servers as they are, and for those that mean harm.
//
// A [Dialer] connects, secures the connection and reads the greeting; the
// [Client] it returns has one method per command:
//
//	c, err := (&pop3.Dialer{Addr: "mx.example.org:995"}).Dial(ctx)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	if err := c.Apop("hans", password); err != nil {
//		return err
//	}
//	body, err := c.Retr(1)
//
// # Errors
//
// A refusal, -ERR, is an [*Error] and leaves the client usable. Everything else
// that goes wrong on the wire leaves it in an unknown state: the connection is
// closed and each later call returns that same first error. Among these are the
// faults of the server, a [*ProtocolError]; a connection that ends, an error
// that wraps io.ErrUnexpectedEOF; and a time-out, which wraps the net.Error.
// An argument that holds CR, LF or NUL is refused before anything is sent.
//
// # Cancelling
//
// The context given to [Dialer.Dial] or [NewClient] governs the connection for
// its whole life. When it ends, the connection under TLS is closed at once, a
// read or write that waits returns, and the error is the context's cause. A
// deadline could not do that: the next command would set another.
//
// # Messages
//
// [Client.Retr] and [Client.RetrEach] stream: memory does not grow with the
// message, a line may have any length, and every byte arrives as it was sent, a
// bare LF as a bare LF. Only the dot that the server stuffed in is taken off, and
// only where the line starts with two, since some servers forget to stuff.
// A message without its final dot never ends with io.EOF.
//
// A server that forgets to stuff a lone dot ends the message there, and what
// follows is read as the reply to the next command. When that is no reply, the
// call fails with an error that wraps [ErrDesync] and names the message before
// it: take a message for complete only once the next reply has come.
//
// A server that sends the final dot without a line end before it (Exchange 2000)
// sends nothing after that, as far as it is concerned. Behind a pause that begins with
// a dot at the end of a line, NOOP is sent, and its reply shows the message to be over.
//
// # Pipelining
//
// RetrEach and DeleQuit send commands ahead of their replies (RFC 2449 section
// 6.6), never more than 512 and never 4 KiB. So few bytes always fit the buffers
// between the two ends: a server that does not read while it waits for us to
// read can't make us wait for it in turn. [Client.Ahead] does it with single commands.
//
// # Limits
//
// A status line has at most 8 KiB, a list 1,000,000
// entries of 64 MiB together, CAPA 200. Of a line of a list 2 KiB are read, and the rest, up to 1 MiB, is skipped: what it says of
// its message is lost, and of no other. The length of a message is the caller's to limit.
package pop3
