// Package extractor takes a message apart: a stream in, its attachments out,
// each as a stream of the very bytes that the sender attached.
//
// # Structure
//
// [Extract] reads the message once, front to back, in blocks, with a parser of
// its own over a stack of open multiparts. It takes what RFC 2046 describes and a
// great deal of what is really sent: any line ends, boundaries that are missing,
// wrong, unclosed, unquoted, indented, reused or the beginning of one another,
// headers with broken lines, without a blank line behind them, or with a byte order
// mark or a postmark before them, multiparts that are base64 as a whole. Such
// repairs are recorded as a [Problem]; no message is an error for being broken.
// What comes out never depends on the pieces in which the message arrives. That a
// message was cut off on the way is for the reader to say, by an error: a missing
// closing boundary proves nothing.
//
// # What an attachment is
//
// Every leaf has one of four fates. It is an attachment; or the message's own text
// (owntext.go: a text of one of six types, without a name, not marked as attachment,
// where a mail's text stands, or a nameless picture that the HTML shows); or left out
// by a rule of the caller ([Filter], [Inline], DropNoise; what noise is says noise.go);
// or a problem on record. Nothing is dropped for any other reason.
//
// The content has a say in it: what begins like a PDF is no text, whatever its header
// says, and a body is decoded as it is written where that contradicts its header
// (transferencoding.go). An attached message (message/rfc822) is an attachment and is
// taken apart as well, and those within it are not saved once more ([Options].NestedMessages);
// so is a multipart that is marked as an attachment or has a name.
//
// # Containers
//
// What wraps others is taken apart while it is being written: winmail.dat, by its
// signature under any name (package tnef), opaque S/MIME and signed documents (package cms), BinHex (package binhex);
// uuencoded, yEnc and BinHex files within plain text; of a multipart/appledouble the
// data fork is taken. A container of which everything came out is left out itself:
// [Attachment].LeftOut, which is final once the writer is closed. One that is damaged,
// encrypted or empty is kept, too. A piece of a message (message/partial) is an
// attachment with a [Fragment]; whoever has all of them joins them and extracts again.
//
// # Names
//
// The name is what filename says, or else name, by RFC 2231 in any charset, by RFC
// 2047 wherever it stands, or raw: UTF-8, or else guessed to be windows-1252,
// Shift_JIS, EUC-KR, GB18030 or Big5, which a name of one or two characters may be too short
// for; or the end of its Content-Location. A leaf without one gets a name from its
// type or its first bytes, an attached message from its subject, once its writer is closed. Names come from [SafeName] and are
// safe as a path component.
//
// # Guarantees and limits
//
// Contents are decoded (base64, quoted-printable, uuencode) and otherwise left alone: no
// charset is converted, no line end changed. Memory does not grow with the
// message: a message is never held, and [Limits] bound what its structure may
// cost. A message beyond one of them gives a [*LimitError], so that nothing is
// cut silently. Of a header's texts, such as an original name, the first thousand
// bytes are kept. Time grows with the message's length, times the depth of its
// attached messages.
//
// The field type and the charsets are those of github.com/emersion/go-message;
// its body readers are not used, since they convert text and stop at what is
// broken.
package extractor
