package ledger

import "strings"

// MaxText bounds, in bytes, what the sender of a message can make a ledger keep in each field.
// MaxName bounds each name of an attachment: a message may have thousands.
const (
	MaxText = 1024
	MaxName = 255
)

// ClipText cuts a field of a mail to MaxText bytes, between two characters.
func ClipText(s string) string { return clip(s, MaxText) }

// ClipName cuts the name of an attachment, or its media type, to MaxName bytes, between two
// characters.
func ClipName(s string) string { return clip(s, MaxName) }

func clip(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
