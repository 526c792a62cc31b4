// Package tnef unpacks winmail.dat: the Transport Neutral Encapsulation Format ([MS-OXTNEF]).
// Outlook and Exchange send a message's properties and attachments in it, as one part of
// type application/ms-tnef.
//
// # Use
//
// A stream is written to a [Decoder] in blocks of any size. The decoder opens a writer for
// each attachment when its content begins. The stream may describe the attachment behind
// the content: the [File] is complete when its writer is closed.
//
//	d := tnef.NewDecoder(tnef.Options{}, func(f *tnef.File) (io.WriteCloser, error) { … })
//	_, err := io.Copy(d, r)
//	if closed := d.Close(); err == nil {
//		err = closed
//	}
//
// # What comes out
//
//   - A file comes out byte for byte.
//   - An OLE object comes out as the compound file that it is.
//   - An attached message comes out as one file, a TNEF stream, since its text and properties
//     are nowhere else. Its attachments come out as well, while that file is still open.
//   - The RTF text of a message comes out if [Options] ask for it. Its other texts stay in
//     the stream.
//
// Names are the sender's and may be anything: a path, a reserved word, empty.
//
// # What is broken
//
// Damage is no error. These are reported, and everything else is kept: wrong checksums,
// streams that are cut off, lengths beyond the end, bytes behind the end, and properties of
// unknown types. [Decoder.Damaged] tells whether there was any, so that the caller can keep
// the original as well.
//
// # Guarantees
//
// Memory does not grow with the stream: contents pass through, and texts are gathered up to
// 4 KiB each. Every byte is looked at once per message around it. The blocks in which the
// stream comes never change what comes out.
//
// [MS-OXTNEF]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxtnef
package tnef
