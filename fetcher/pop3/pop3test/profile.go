package pop3test

import "slices"

// Profile is a provider, or a server program, as its users meet it.
type Profile struct {
	// Name is for the command line, such as "exchange-online".
	Name string
	// Quirk is what is odd about it, in a sentence.
	Quirk string
	// Login is the way to log in: "apop", "pass", "plain" or, with an access token,
	// "xoauth2".
	Login string

	uidl     func(n int, raw []byte) string // of the n-th message, from 1
	features Features
	quirks   Quirks
}

// Profiles returns all profiles, by name. Their limits and delays are those that users report; a
// test may change them in the server.
func Profiles() []Profile { return slices.Clone(profiles) }

// ProfileNamed returns the profile of a name.
func ProfileNamed(name string) (p Profile, ok bool) {
	i := slices.IndexFunc(profiles, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return p, false
	}
	return profiles[i], true
}

// NewServer returns a server in the manner of the profile, not started yet, with one user whose
// mailbox holds the messages raws. secret is the password, or the access token if Login is
// "xoauth2".
func (p Profile) NewServer(user, secret string, raws ...[]byte) *Server {
	s := NewServer()
	s.Features, s.Quirks = p.features, p.quirks
	if p.Login == "xoauth2" {
		s.NoUserPass, s.Tokens = true, map[string]string{user: secret}
	} else {
		s.Users = map[string]string{user: secret}
	}
	var messages []Message
	for i, raw := range raws {
		messages = append(messages, Message{UIDL: p.uidl(i+1, raw), Raw: raw})
	}
	s.Mailboxes = map[string][]Message{user: messages}
	return s
}
