package wiring

import (
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
)

// quarantinePlan says where the copy of a message goes if something of it could not be read right.
// It is for accounts that delete messages on the server and keep them nowhere else.
func quarantinePlan(account, uidl string) func(*extractor.Message, []extractor.Problem) sink.Quarantine {
	return func(_ *extractor.Message, doubts []extractor.Problem) sink.Quarantine {
		return sink.Quarantine{
			Folder: delivery.QuarantineFolder, Name: delivery.QuarantineName(uidl, time.Now()),
			Reason: delivery.QuarantineReason(account, uidl, reasonOf(doubts)),
		}
	}
}

// shownDoubts is how many problems of one message are named.
const shownDoubts = 8

// reasonOf names what could not be read right of a message.
func reasonOf(doubts []extractor.Problem) string {
	var texts []string
	for _, p := range doubts[:min(len(doubts), shownDoubts)] {
		texts = append(texts, console.Cell(p.String()))
	}
	if len(doubts) > shownDoubts {
		texts = append(texts, "and "+console.Count(len(doubts)-shownDoubts, "other"))
	}
	return strings.Join(texts, "; ")
}

// IsDoubtful reports whether something of a message may be in no file because of the problem.
func IsDoubtful(p extractor.Problem) bool { return p.Kind.Lossy() }
