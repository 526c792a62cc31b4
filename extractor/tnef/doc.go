// Package tnef unpacks winmail.dat: the Transport Neutral Encapsulation Format in
// which Outlook and Exchange send a message's properties and attachments as one
// part, application/ms-tnef ([MS-OXTNEF]).
//
// # Use
//
// A [Decoder] is written to, in blocks of any size, and opens a writer for each
// attachment when its content begins. What the stream says of the attachment may
// come behind the content; the [File] is complete when its writer is closed.
//
//	d := tnef.NewDecoder(tnef.Options{}, func(f *tnef.File) (io.WriteCloser, error) { … })
//	_, err := io.Copy(d, r)
//	if closed := d.Close(); err == nil {
//		err = closed
//	}
//
// # What comes out
//
// Files by value come out byte for byte, and so do OLE objects, as the compound
// file that they are. An attached message is itself a TNEF stream: it comes out as
// one file, since its text and properties stand nowhere else, and what is attached
// to it comes out too, while that file is still open. The texts of the message are
// left in the stream, but for the RTF body where [Options] ask for it.
//
// The names are the sender's and may be anything: a path, a reserved word, empty.
//
// # What is broken
//
// Damage is no error. Wrong checksums, streams that are cut off, lengths beyond the
// end, bytes behind the end and properties of unknown types are reported, and all
// that can be had is kept. Damaged tells whether there was any, so that the
// caller can keep the original as well.
//
// # Guarantees
//
// Memory does not grow with the stream: contents pass through, and texts are
// gathered up to 4 KiB each. Every byte is looked at once per message it is
// nested in. How the stream is cut into blocks never changes what comes out.
//
// [MS-OXTNEF]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxtnef
package tnef
