package pop3test

import "time"

// Features are what the server offers, and CAPA announces (RFC 2449 section 6). The zero value
// is a server with USER/PASS, PLAIN, LOGIN, TOP and UIDL, and without APOP and pipelining.
type Features struct {
	// APOP allows APOP (RFC 1939 section 7): the greeting of each session holds a new timestamp.
	APOP bool
	// NoUserPass refuses USER, AUTH PLAIN and AUTH LOGIN.
	NoUserPass bool
	// Pipelining announces PIPELINING (RFC 2449 section 6.6). Commands that are sent ahead of the
	// replies are understood either way.
	Pipelining bool
	// Capabilities are further lines of the answer to CAPA.
	Capabilities []string
}

// Quirks are where a server departs from the RFCs, or uses the freedom that they give, by
// command. The zero value is a server without any. What a test needs only once is a job for
// [Server.Hook].
type Quirks struct {
	// Greeting, if set, is the first line in place of "+OK ready". Its line end may be left out;
	// "<APOP>" stands for a timestamp. The server honours that timestamp if Features.APOP is set.
	Greeting string
	// Capa, if set, returns the lines of the answer to CAPA, without the status line and the final
	// dot. If it returns nil, CAPA is refused as an unknown command.
	Capa func(loggedIn bool) []string

	Auth AuthQuirks
	List ListQuirks
	Retr RetrQuirks
	Dele DeleQuirks

	// Throttle refuses sessions that come too often.
	Throttle Throttle
	// MaxSession, if positive, is the time after which every session is cut.
	MaxSession time.Duration
	// MaxUnknown, if positive, is the number of unknown commands before the login that end the
	// session.
	MaxUnknown int
}

// AuthQuirks are those of USER/PASS, APOP and AUTH.
type AuthQuirks struct {
	// Continuation, if set, replaces the "+ " of a challenge without content (RFC 5034 section 4).
	// Exchange sends a bare "+".
	Continuation string
	// Refusal, if set, answers every login, such as "-ERR permission denied".
	Refusal string
}

// ListQuirks are those of STAT, LIST and UIDL: how a session sees its maildrop.
type ListQuirks struct {
	// Oldest, if positive, is the number of messages that a session shows. The newest are hidden.
	Oldest int
	// FromZero numbers the messages from 0 in every command, as netius did.
	FromZero bool
	// Octets, if set, returns the size of a message as STAT, LIST and RETR state it.
	Octets func(raw []byte) int64
	// Size, if set, formats a size for LIST.
	Size func(octets int64) string
}

// RetrQuirks are those of RETR.
type RetrQuirks struct {
	// Unstuffed sends lines that start with a dot as they are, without the second dot that RFC
	// 1939 section 3 asks for. It holds for TOP as well.
	Unstuffed bool
	// DeletesAtOnce deletes a message as soon as it is sent.
	DeletesAtOnce bool
	// ConsumesAtQuit hides messages that were retrieved in a session that ended with QUIT from
	// later sessions, as Gmail does. They stay in the mailbox.
	ConsumesAtQuit bool
	// Limit, if positive, is the number of messages that a session may retrieve; LimitAnswer
	// answers every further RETR.
	Limit       int
	LimitAnswer string
}

// DeleQuirks are those of DELE.
type DeleQuirks struct {
	// Renumbers gives the messages behind a deleted one lower numbers at once, as some old servers
	// did and no server should (RFC 1939 section 5). RSET does not bring the message back then.
	Renumbers bool
	// Ignored confirms deletions, and QUIT, and deletes nothing.
	Ignored bool
}

// Throttle refuses sessions of a user who logs in too often. The zero value refuses none.
type Throttle struct {
	// Logins are allowed within Window.
	Logins int
	Window time.Duration
	// Command is the verb that Answer refuses then, or "" for the login itself.
	Command, Answer string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}
