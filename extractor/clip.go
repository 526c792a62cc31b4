package extractor

// ProblemClipped is for a text of a header that was too long to be told in full.
const ProblemClipped ProblemKind = "text-clipped"

// Clip cuts a text to at most n bytes, and not within a character.
func Clip(s string, n int) string { return clipTo(s, n) }
