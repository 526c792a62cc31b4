package trouble

import (
	"context"
	"errors"
	"strings"

	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/pop3"
)

// Of sorts the failure of a poll. addr is the "host:port" of the account's server. A nil error is
// no trouble: its class is "".
//
// Where an error joins several, such as those of two attempts, the first one that is known decides.
func Of(addr string, err error) Trouble {
	if err == nil {
		return Trouble{Host: addr}
	}
	if account, ok := errors.AsType[*fetcher.AccountError](err); ok && error(account) == err {
		err = account.Err // whoever shows it names the account
	}
	t := Trouble{Host: addr, Class: classify(err), Text: foreign.Error(err)}
	if t.Step = table()[t.Class].step; t.Step == "" {
		t.Step = stepOf(err)
	}
	switch t.Step {
	case "state", "output", "schedule", "config": // whatever the server is
		t.Host = ""
	}
	return t
}

// sorters each know a part of all errors, and return "" for the rest. The first that knows an error
// decides. Their order is from what names a cause to what names a symptom.
var sorters = []func(error) Class{
	stoppedClass, stateClass, deliveryClass, identityClass, secretClass, oauthClass, refusalClass, tlsClass, protocolClass, proxyClass,
	timeoutClass, networkClass, messageClass, diskClass,
}

func classify(err error) Class {
	for _, sort := range sorters {
		if c := sort(err); c != "" {
			return c
		}
	}
	return Other
}

// stoppedClass knows the end of attachd, and that of an account's settings.
func stoppedClass(err error) Class {
	if errors.Is(err, context.Canceled) {
		return Stopped
	}
	return ""
}

// steps are the beginnings of the errors of a session, which name its steps.
var steps = []struct{ begins, step string }{
	{"log in to ", "login"},
	{"ask the capabilities", "login"},
	{"read the headers", "list"},
	{"list ", "list"},
	{"ask the size", "list"},
	{"compare the listing", "list"},
	{"look at ", "list"},
	{"hold a list", "list"},
	{"retrieve ", "retrieve"},
	{"keep message", "retrieve"},
	{"delete messages", "delete"},
	{"confirm ", "delete"},
	{"end the session", "delete"},
	{"open output", "output"},
	{"sync ", "output"},
	{"publish ", "output"},
	{"record ", "state"},
	{"read the record", "state"},
	{"read what is known", "state"},
}

// stepOf says in which step of a poll an error came up, "connect" if nothing tells.
func stepOf(err error) string {
	if reply, ok := errors.AsType[*pop3.Error](err); ok {
		switch reply.Cmd {
		case "USER", "PASS", "APOP", "AUTH":
			return "login"
		case "STLS":
			return "tls"
		case "STAT", "UIDL", "LIST", "TOP":
			return "list"
		case "RETR":
			return "retrieve"
		case "DELE", "QUIT":
			return "delete"
		}
	}
	text := err.Error()
	for _, s := range steps {
		if strings.HasPrefix(text, s.begins) {
			return s.step
		}
	}
	if strings.Contains(text, "TLS handshake: ") {
		return "tls"
	}
	if mailbox.OutOfStep(err) {
		return "list"
	}
	return "connect"
}
