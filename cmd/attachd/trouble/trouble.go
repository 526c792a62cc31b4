package trouble

// Class is a kind of failure. Failures of one class have the same meaning and the same remedy.
type Class string

// Owner says who is to mend a failure.
type Owner int

// The owners.
const (
	// Itself: attachd tries again, and there is nothing to do unless it lasts.
	Itself Owner = iota
	// Server: the server asked to be left alone for a while, or another session has the mailbox.
	Server
	// Person: nothing helps but somebody.
	Person
)

// Trouble is one failure, sorted.
type Trouble struct {
	Host  string // "host:port", or "" where no server is concerned
	Step  string // connect, tls, login, list, retrieve, delete, state, output
	Class Class
	Text  string // the whole error, safe to print
}

// Advice is what a class says to people.
type Advice struct {
	Owner   Owner
	Heading string // "Login refused"
	Short   string // for a row, at most four words: "login refused"
	Meaning string // what it means, one or two sentences
	Todo    string // what to do, or what attachd does by itself
}
