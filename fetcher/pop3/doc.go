// Package pop3 is a client of the Post Office Protocol, version 3 (RFC 1939),
// with CAPA and response codes (RFC 2449, RFC 3206), STLS (RFC 2595) and AUTH
// (RFC 5034). It copes with the faults of servers in use, and with servers that
// mean harm. It knows no mail format.
//
// A [Dialer] connects, secures the connection and reads the greeting. The
// [Client] it returns is one session:
//
//	c, err := (&pop3.Dialer{Addr: "mx.example.org:995"}).Dial(ctx)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	if err := c.Apop("hans", password); err != nil {
//		return err
//	}
//	return c.RetrEach(slices.Values([]int{1, 2}), 1, save)
//
// # Commands
//
//   - CAPA: [Client.Capa] (RFC 2449 section 5)
//   - STLS: [Dialer] with [StartTLS] (RFC 2595 section 4)
//   - USER and PASS: [Client.UserPass] (RFC 1939 section 7)
//   - APOP: [Client.Apop] (RFC 1939 section 7)
//   - AUTH: [Client.Auth] (RFC 5034 section 4)
//   - STAT, LIST: [Client.Stat], [Client.List] (RFC 1939 section 5)
//   - UIDL: [Client.Uidl], [Client.UidlOf] (RFC 1939 section 7)
//   - TOP: [Client.TopEach] (RFC 1939 section 7)
//   - RETR: [Client.RetrEach] (RFC 1939 section 5)
//   - DELE, and the QUIT that makes it last: [Client.DeleQuit] (RFC 1939 sections 5 and 6)
//   - QUIT: [Client.Quit] (RFC 1939 section 6)
//
// # Errors
//
// A refusal, -ERR, is an [*Error] and leaves the client usable. Everything else
// that goes wrong on the wire leaves the session in an unknown state. The
// connection is closed then, and each later call returns that same first error:
//
//   - a [*ProtocolError] for a fault of the server;
//   - an error that wraps io.ErrUnexpectedEOF for a connection that ends;
//   - an error that wraps a net.Error for a time-out, which names the entry of
//     [Timeouts] that has passed.
//
// An argument that holds CR, LF or NUL is refused before anything is sent.
//
// # Cancelling
//
// The context given to [Dialer.Dial] governs the connection for its whole life.
// When it ends, the TCP connection is closed at once, a read or write that waits
// returns, and the error is the context's cause. A deadline could not do that:
// the next command would set another.
//
// # Messages
//
// [Client.RetrEach] streams: memory does not grow with the message, a line may
// have any length, and every byte arrives as it was sent, a bare LF as a bare LF.
// Only the stuffed dot is taken off (RFC 1939 section 3), and only where a line
// starts with two dots, since some servers forget to stuff. A message without its
// final dot never ends with io.EOF.
//
// Two faults of servers concern the final dot:
//
//   - A server that forgets to stuff a lone dot ends the message there. What
//     follows is read as the reply to the next command. When that is no reply, the
//     call fails with an error that wraps [ErrDesync] and names the message before
//     it. So a message is complete only once the next reply has come.
//   - A server that sends the final dot without a line end before it (Exchange
//     2000) sends nothing after that. If the server pauses after a dot at the end
//     of a line, the client sends NOOP; a reply shows that the message is over.
//
// # Pipelining
//
// RetrEach, TopEach and DeleQuit send commands ahead of their replies (RFC 2449
// section 6.6): at most [MaxWindow] and less than 16 KiB, for messages of 32 MiB
// together. So few bytes always fit the buffers between the two ends. A server that
// stops reading until we have read its output can therefore not make us wait for it
// in turn. [Client.Ahead] does it with single commands, and [Client.Behind] sends
// some with the login.
//
// # Limits
//
//   - status line: 8 KiB
//   - list: 1,000,000 entries and 64 MiB
//   - CAPA: 200 lines
//   - line of a list: 2 KiB are read. The rest, up to 1 MiB, is skipped; only that
//     entry is lost.
//
// The length of a message is the caller's to limit.
package pop3
