// Package extract writes the attachments of message files, Maildirs and mbox files, as `attachd
// extract` does: through the same extractor and sink as a poll, but without a server and without a
// state. It therefore does not know what an earlier run has written, and gives a file of a known
// name the next free one.
//
// Attachments are staged, made durable in groups and then given their names, so that a consumer of
// the folder sees whole files only. A message that breaks the extractor's limits or finds no room
// on the disk, and a source that can't be read, is reported and does not stop the rest.
package extract
