package extractor

// words says of each kind of problem what happened, for people who know nothing of mail's
// formats.
var words = map[ProblemKind]string{
	ProblemMissingBoundary:  "the message does not say what separates its parts: that was guessed",
	ProblemUnclosed:         "the end of the parts is missing: the message may have been cut off",
	ProblemNoParts:          "the message announces parts and has none",
	ProblemWrongBoundary:    "its parts are separated otherwise than the message says: that was guessed",
	ProblemIndented:         "blanks before the separators of its parts were passed over",
	ProblemEncodedMultipart: "its parts were encoded as a whole, and were decoded",
	ProblemMediaType:        "the type can't be read: the usual one was assumed",
	ProblemHeaderLine:       "a line of the header makes no sense, and was passed over",
	ProblemNoBlankLine:      "the blank line behind the header is missing",
	ProblemEncoding:         "the encoding is not what it is said to be: it was guessed",
	ProblemEncodingToken:    "the name of the encoding was misspelt, and was mended",
	ProblemTwoEncodings:     "two encodings are given: the content told which one holds",
	ProblemEncodedField:     "the name or type was encoded in a forbidden way, and was decoded",
	ProblemMisspeltField:    "the name of a header field was misspelt, and was mended",
	ProblemFileInText:       "it is declared as the text of the message, and is a file by its content",
	ProblemUntypedText:      "a part without a readable type was taken for the text of the message",
	ProblemResourceFork:     "the part of a Macintosh file that is of use on a Macintosh only was left out",
	ProblemIllegalBase64:    "something within the base64 is none, and was passed over",
	ProblemMissingPadding:   "the base64 is incomplete at its end: the file may have been cut off",
	ProblemTrailingText:     "text behind the file was passed over",
	ProblemTrailingBase64:   "more base64 stands behind the text that follows the file: it is in no file",
	ProblemBadEscape:        "a character is not encoded right, and was kept as it is",
	ProblemCharset:          "the characters of the name are in an unknown charset, or don't fit theirs",
	ProblemRaw8Bit:          "the name does not say its charset: that was guessed",
	ProblemNameGap:          "a piece of the name is missing",
	ProblemNameCleaned:      "the name was changed to be safe as a file name",
	ProblemNoName:           "it came without a name: one was made up",
	ProblemUUEncode:         "the uuencoded file is damaged or incomplete",
	ProblemYEnc:             "the yEnc file is damaged or incomplete",
	ProblemBinHex:           "the BinHex file is damaged or incomplete",
	ProblemTNEF:             "the winmail.dat is damaged: it was kept as well",
	ProblemSMIME:            "the signed content did not come out whole: its container was kept as well",
	ProblemClipped:          "a text was too long, and was cut",
}

// Words returns the problem in a clause for people, with what was found behind a colon. What
// was found may be foreign text.
func (p Problem) Words() string {
	s := words[p.Kind]
	if s == "" {
		s = string(p.Kind)
	}
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	return s
}
