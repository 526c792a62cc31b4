// Package manpage writes attachd's man pages and the completions of shells, for packages.
//
// attachd(1) and a page for each command come from the commands themselves and from attachd.txt
// beside it; attachd.yaml(5) comes from package config/manual and from yaml.txt. The pages have no
// date unless the caller gives one, and nothing of the machine: the same commands make the same
// bytes.
//
// The program does not link this package: a build with the tag manual does.
//
// The texts are plain: paragraphs, lists whose entries begin with "- ", terms with ":   " before
// their explanation in the next line, and indented lines, which stay as they are. cobra's own
// generator of man pages takes texts for Markdown, which the help of the commands is not: it would
// lose what is between < and >, and every * and _.
package manpage
