package trouble

import "strings"

// Subject is what a failure is about, for texts that name it. Empty fields get general words. All
// texts must be safe to print.
type Subject struct {
	Account string // "ACCOUNT" in commands without it
	Host    string // "host:port"
	// Secret says where the password or token comes from: "password_file /etc/attachd/orders".
	Secret string
	Output string // the folder of the account's files
	State  string // the state file
	Config string // the configuration file
}

// AdviceFor returns what the class says to people about a subject. A class that is not in the table
// gets the texts of [Other].
func (c Class) AdviceFor(s Subject) Advice {
	r, ok := table()[c]
	if !ok {
		r = table()[Other]
	}
	fill := strings.NewReplacer(
		"{account}", or(s.Account, "ACCOUNT"),
		"{host}", or(s.Host, "the server"),
		"{secret}", or(s.Secret, "the place that the configuration names"),
		"{output}", or(s.Output, "the account's folder"),
		"{state}", or(s.State, "the state file"),
		"{config}", or(s.Config, "the configuration file"),
	)
	a := r.advice
	a.Heading, a.Short, a.Meaning, a.Todo = fill.Replace(a.Heading), fill.Replace(a.Short), fill.Replace(a.Meaning), fill.Replace(a.Todo)
	return a
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
