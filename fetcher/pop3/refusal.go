package pop3

import "errors"

// Unexplained reports whether the refusal has no response code. A server that
// does not know a command refuses it like that, as a rule.
func (e *Error) Unexplained() bool { return e.Code == "" }

// Trouble reports whether a response code says that something is wrong with the
// session, the login or the server (RFC 2449 section 8.1, RFC 3206 sections 4
// and 5): such a refusal says nothing about what was asked.
func (e *Error) Trouble() bool {
	switch e.Code {
	case "IN-USE", "LOGIN-DELAY", "AUTH", "SYS/TEMP", "SYS/PERM":
		return true
	}
	return false
}

// Passing reports whether the response code is SYS/TEMP: a fault of the server
// that goes by itself (RFC 3206 section 4).
func (e *Error) Passing() bool { return e.Code == "SYS/TEMP" }

// Lasting reports whether the response code is SYS/PERM: a fault of the server
// that somebody has to mend (RFC 3206 section 4).
func (e *Error) Lasting() bool { return e.Code == "SYS/PERM" }

// OutOfStep reports whether something other than a reply stood where one must,
// see [ErrDesync].
func (e *ProtocolError) OutOfStep() bool { return errors.Is(e.Err, ErrDesync) }

// EndlessLine reports whether a line exceeded its limit, see [ErrLineTooLong].
func (e *ProtocolError) EndlessLine() bool { return errors.Is(e.Err, ErrLineTooLong) }

// EndlessList reports whether a list exceeded its limit, see [ErrListTooLong].
func (e *ProtocolError) EndlessList() bool { return errors.Is(e.Err, ErrListTooLong) }
