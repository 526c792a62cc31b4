// Package extractor takes a message apart: a stream in, its attachments out,
// each as a stream of the very bytes that the sender attached.
//
// # Structure
//
// [Extract] reads the message once, front to back, in blocks. It has a parser of its own
// over a stack of open multiparts (RFC 2046 section 5.1). It reads what RFC 2046 describes,
// and these departures from it:
//
//   - lines that end in LF or CR, all of them or some;
//   - boundaries that are missing, wrong, not closed, not quoted, indented, used twice, or
//     the beginning of one another;
//   - headers with broken lines, with no blank line behind them, or with a byte order mark
//     or an mbox postmark before them;
//   - multiparts that are base64 as a whole.
//
// Such a repair is recorded as a [Problem]. No message is an error for being broken.
// What comes out never depends on the pieces in which the message arrives. The reader must
// say by an error that a message was cut off on the way: a missing closing boundary proves
// nothing.
//
// # What an attachment is
//
// A leaf is a part that is no multipart. Every leaf has one of four fates:
//
//   - It is an attachment.
//   - It is the message's own text (owntext.go): a text of one of six types, without a name,
//     not marked as an attachment, where a mail's text stands; or a nameless picture that
//     the HTML shows.
//   - A rule of the caller leaves it out: [Filter], [Inline], or DropNoise in [Options].
//   - It is a problem on record.
//
// Nothing is dropped for any other reason.
//
// The content counts more than the header. A part that begins like a PDF is a file, even if
// its header says text/plain. A body that contradicts its declared encoding is decoded as
// it is written (transferencoding.go).
//
// An attached message (message/rfc822) is an attachment, and is taken apart as well. The
// messages attached to it are not saved a second time, unless NestedMessages in [Options]
// asks for it. The same holds for a multipart that has a name or is marked as an attachment.
//
// # Containers
//
// A container is taken apart while it is being written:
//
//   - winmail.dat, which its signature tells under any name (package tnef);
//   - opaque S/MIME and signed documents (package cms);
//   - BinHex (package binhex);
//   - plain text with uuencoded, yEnc (package yenc) or BinHex files in it;
//   - a multipart/appledouble, whose data fork is the attachment (RFC 1740).
//
// A container is left out when everything in it came out: [Attachment].LeftOut says so,
// and is final once the writer is closed. A damaged, encrypted or empty one is kept.
// A piece of a message (message/partial, RFC 2046 section 5.2.2) is an attachment with a
// [Fragment]. A caller that has all pieces joins them and extracts the result.
//
// # Names
//
// The name is the filename parameter, or else the name parameter. It is read by RFC 2231 in
// any charset, by RFC 2047 wherever an encoded word stands, or raw. A raw name is UTF-8, or
// else guessed to be windows-1252, Shift_JIS, EUC-KR, GB18030 or Big5; one or two characters
// may be too few for a guess. A leaf without such a name takes the name at the end of its
// Content-Location, or one from its Content-Description or Content-ID. A leaf without any
// gets a name from its type or its first bytes, and an attached message one from its
// subject, once its writer is closed. Names come from [SafeName] and are safe as a path
// component.
//
// # Guarantees and limits
//
// Contents are decoded (base64, quoted-printable, uuencode) and otherwise left alone: no
// charset is converted, no line end changed. Memory does not grow with the message: a
// message is never held, and [Limits] bound what its structure may cost. A message beyond
// one of them gives a [*LimitError], so that nothing is cut silently. The first thousand
// bytes are kept of a header's text, such as an original name. Time grows with the
// message's length, times the depth of its attached messages.
//
// The field type and the charsets are those of github.com/emersion/go-message. Its body
// readers are not used: they convert text, and stop at what is broken.
package extractor
