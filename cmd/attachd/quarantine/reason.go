package quarantine

import (
	"regexp"
	"strings"
	"sync"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Advice says to people what the reason of a message in quarantine means, and what to do.
type Advice struct{ Meaning, Todo string }

// What to do, where several reasons have it in common.
const (
	look      = "Download the message and look at it."
	ifHonest  = look + " If it is what you expect, raise limits.KEY in the configuration and retry it; if it is not, drop it."
	sendAgain = "The files that could be read are delivered. " + look + " If nothing is missing, drop this copy; if something is, ask the sender for it again."
	mendPath  = "Change path in the configuration, so that no file gets such a name, and retry it."
	oddName   = "The file system does not take the name that one of the files would get."
)

// reason is a kind of reason: how it is told by its text, and what is said of it.
type reason struct {
	text *regexp.Regexp
	Advice
}

// limit is the reason of a message beyond a limit, which a key of the section limits sets.
func limit(text, key, meaning string) reason {
	return reason{regexp.MustCompile("^message " + text), Advice{meaning, strings.ReplaceAll(ifHonest, "KEY", key)}}
}

// reasons are tried in this order. The ledger keeps a reason as its text, see package ledger. They
// are compiled when the first one is asked for, as few commands need them.
var reasons = sync.OnceValue(func() []reason {
	return []reason{
		limit("has more than [0-9]+ header bytes?$", "header_size", "Its header is far longer than that of honest mail."),
		limit("has more than [0-9]+ header fields?$", "header_fields", "Its header has far more fields than that of honest mail."),
		limit("is nested more than [0-9]+ deep$", "depth", "It has messages within messages, more of them than honest mail has."),
		limit("has more than [0-9]+ parts?$", "parts", "It is made of far more parts than honest mail is."),
		limit("has more than [0-9]+ attachments?$", "attachments", "It would become very many files."),
		limit("has attachments of more than [0-9]+ bytes$", "total_size", "Its files together would take very much of the disk."),
		limit("has more than [0-9]+ containers within each other$", "containers", "Files are packed within files, more often than honest mail does it."),
		limit("unpacks to more than [0-9]+ times its size$", "expansion", "It would become far more than came. Honest mail seldom does that; a “zip bomb” does."),
		{regexp.MustCompile(`^message has more than [0-9]+ boundary bytes?$`), Advice{
			"What separates its parts is longer than mail allows, so that they can't be told apart.",
			look + " No setting helps; if you need its files, ask the sender for them again, and drop it.",
		}},
		{regexp.MustCompile(`^piece of a message is not kept: `), Advice{
			"It is one piece of a larger message, and too many pieces wait for others already.",
			"See in the folder .partial of the account what waits there, remove what nobody waits for, and retry it.",
		}},
		{regexp.MustCompile(`^piece [0-9]+.* which waits for the others`), Advice{
			"It is one piece of a larger message, and the other pieces have not come.",
			"Nothing, if they may still come: it is joined with them then. If they never will, drop it.",
		}},
		{regexp.MustCompile(`^read message: panic: `), Advice{
			"attachd made a mistake in reading it. Other mail is not affected.",
			"Please report it, with the message if you may show it. After an update, retry it; its files can be taken out of the download by hand meanwhile.",
		}},
		{regexp.MustCompile(`^[0-9]+ octets came of the `), Advice{
			"The server announced a longer message and sent a part of it, each time it was asked.",
			"Look at the message on the server with another program. If it is whole there, have it fetched again with attachd state forget; if it is not, ask the sender for it again, and drop it.",
		}},
		{regexp.MustCompile(`^message alone does not fit on the disk: `), Advice{
			"With nothing else under way, its files found no room on the disk.",
			"Make room on the disk, or lower min_free, and retry it.",
		}},
		{regexp.MustCompile(`file name too long`), Advice{oddName + " The name, or the path to it, is too long.", mendPath}},
		{regexp.MustCompile(`not a directory|file exists|is a directory|is no folder`), Advice{
			"Where one of its files would go, there is a file in the place of a folder, or a folder in the place of a file.",
			"Move what is in the way elsewhere, or change path in the configuration, and retry it.",
		}},
		{regexp.MustCompile(`invalid argument|invalid or incomplete multibyte`), Advice{oddName, mendPath}},
		{regexp.MustCompile(`too many levels of symbolic links`), Advice{
			"On the way to where one of its files would go, symbolic links lead round in a circle.",
			"Mend the links, and retry it.",
		}},
		{regexp.MustCompile(`no number is free for `), Advice{
			"So many files of that name are there already that no number is left for another one.",
			"Move some of them elsewhere, or change path in the configuration, and retry it.",
		}},
	}
})

// doubtful finds the kind of the first problem in the reason of a message that could not be read
// right, as in "part 2: missing-padding: …".
var doubtful = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:part [0-9.]+: )?([a-z0-9]+(?:-[a-z0-9]+)+)(?:$|[:;])`)
})

// Advise says what it means that the message is in quarantine, and what to do. Where the reason is
// of no known kind, it says so much as holds for all of them.
func Advise(m *ledger.Message) Advice {
	text, _ := ledger.IsWithoutCopy(m.Reason)
	if found := doubtful().FindStringSubmatch(text); found != nil {
		if kind := extractor.ProblemKind(found[1]); kind.Lossy() {
			return doubt(m, kind)
		}
	}
	for _, known := range reasons() {
		if known.text.MatchString(text) {
			return known.Advice
		}
	}
	if m.State != ledger.Quarantined {
		return doubt(m, "")
	}
	return Advice{
		"Its files could not be stored, each time that attachd tried.",
		"Mend what the error names, and retry it.",
	}
}

// doubt is the advice where something of a message could not be read right.
func doubt(m *ledger.Message, kind extractor.ProblemKind) Advice {
	meaning := "Something of it could not be read right"
	if kind != "" {
		meaning += ": " + extractor.Problem{Kind: kind}.Words()
	}
	a := Advice{meaning + ".", sendAgain}
	if m.State == ledger.Quarantined {
		a.Todo = look + " Retry it to have the files that can be read."
	}
	return a
}
