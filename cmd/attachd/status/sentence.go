package status

import (
	"strings"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// most is how many names, or cases, a sentence holds.
const most = 3

// sentence says how things stand, and then names what needs somebody and what is fine. loaded says
// that there is a configuration.
func sentence(s *Snapshot, loaded bool) (first, rest string) {
	on := len(s.Accounts) - s.Count[Off]
	switch n := len(s.NeedsYou); {
	case n > 0:
		first = words.Sentence(words.Many(n, "thing")) + " need you."
		if n == 1 {
			first = "One thing needs you."
		}
	case !loaded:
		return "attachd is starting.", ""
	case on == 0 && len(s.Handled) == 0 && len(s.Accounts) > 0:
		return "Every account is switched off.", "attachd runs, and polls nothing."
	case on == 0 && len(s.Handled) == 0:
		return "No account yet.", "attachd runs, and watches " + words.Visible(s.Machine.Config.Path) + ". An account that stands there is polled at once; nothing has to be restarted."
	case len(s.Handled) > 0:
		first = "Nothing needs you."
	case s.Count[New] == on:
		return "attachd has begun.", words.Sentence(words.Many(on, "account")) + " " + choose(on, "waits", "wait") + " for the first poll."
	case s.Count[New] > 0:
		first = "Everything is fine so far."
	default:
		first = "Everything is fine."
	}
	var parts []string
	if named := phrases(s.NeedsYou); named != "" {
		parts = append(parts, words.Sentence(named)+".")
	}
	if named := phrases(s.Handled); named != "" {
		parts = append(parts, "attachd handles by itself: "+named+".")
	}
	return first, strings.Join(append(parts, fine(s, on)), " ")
}

// fine says how many accounts are on time, and how many wait for their first poll.
func fine(s *Snapshot, on int) string {
	well := s.Count[Fine] + s.Count[Polling]
	all := well == on
	switch {
	case on == 0:
		return ""
	case all && on == 1:
		return "The account is on time."
	case all && on == 2:
		return "Both accounts are on time."
	case all:
		return "All " + words.Count(on, "account") + " are on time."
	}
	waiting := "."
	if n := s.Count[New]; n > 0 {
		waiting = "; " + words.Number(int64(n)) + " " + choose(n, "waits", "wait") + " for the first poll."
	}
	if well == 0 {
		return words.Sentence(words.Many(0, "account")) + " is on time" + waiting
	}
	text := words.Number(int64(well)) + " of " + words.Count(on, "account") + " " + choose(well, "is", "are") + " on time" + waiting
	if len(s.NeedsYou) > 0 {
		return "The rest is fine: " + text
	}
	return words.Sentence(text)
}

// phrases names the first cases within a sentence.
func phrases(list []Case) string {
	var named []string
	for i := range list[:min(len(list), most)] {
		named = append(named, list[i].phrase())
	}
	if more := len(list) - len(named); more > 0 {
		named = append(named, words.Cardinal(more)+" more")
	}
	return words.List(named, most+1)
}

// phrase is the case within a sentence: "login refused (orders)".
func (c *Case) phrase() string {
	if c.Class == trouble.Quarantine {
		return words.Many(c.Messages, "message") + " in quarantine"
	}
	heading := lower(c.Heading)
	switch n := len(c.Accounts); {
	case n > 0 && n <= 2:
		return heading + " (" + words.Visible(words.List(c.Accounts, 2)) + ")"
	case n > 0 && c.Host != "":
		return heading + " (" + words.Count(n, "account") + " on " + c.Host + ")"
	case n > 0:
		return heading + " (" + words.Count(n, "account") + ")"
	}
	return heading
}

// lower begins a heading with a small letter, unless its first word is written in capitals.
func lower(heading string) string {
	if len(heading) > 1 && heading[0] >= 'A' && heading[0] <= 'Z' && (heading[1] < 'A' || heading[1] > 'Z') {
		return string(heading[0]-'A'+'a') + heading[1:]
	}
	return heading
}

func choose(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
