// Package edit changes configuration files the way a person would: it adds an account to the list,
// or switches one off, and leaves everything else of the text alone: comments, order, indentation,
// quotes, line ends and blank lines.
//
// # How
//
// The parser of YAML says where things stand; the change is then made in the text. After that both
// texts are parsed and compared: the new one must say what the old one said, plus what was asked.
// If it does not, the change is refused with its place ([PlaceError]), and a person has to make
// it. What a change does beyond its place, by an anchor for instance, is for the caller to see, who
// refuses it by [RefuseAccount].
//
// # Guarantees of writing
//
// [Write] replaces a file by one rename, keeps its mode and owner, and follows a link to the file
// that it names. A new file never takes the place of one that is there. If one file of several
// can't be written, the new ones before it are removed again. A file that somebody else changed in
// the meantime is not overwritten. Whoever takes the [Lock] before reading loses no change of
// others who do; an editor takes none, and can save between the last look and the rename.
//
// # Limits
//
// These are refused: a list of accounts in brackets that is not empty, an account or a list that
// is an alias, and a file whose keys stand in braces. Extended attributes and further hard links
// of a file are not kept.
package edit
