// Package extractor takes a message apart: a stream in, its attachments out,
// each as a stream of the very bytes that the sender attached.
//
// # Structure
//
// [Extract] reads the message once, front to back, in blocks, with a parser of
// its own over a stack of open multiparts. It takes what RFC 2046 describes and a
// great deal of what is really sent: any line ends, boundaries that are missing,
// unclosed, unquoted, indented, reused or the beginning of one another, headers
// with broken lines, without a blank line behind them, or with a byte order mark
// or a postmark before them. Every such repair is recorded as a [Problem]; no
// message is an error for being broken.
//
// # What an attachment is
//
// Any leaf with the disposition "attachment" or with a file name, inline ones
// too; any leaf that is not text, but for the nameless images of a
// multipart/related, which belong to the text; calendars, contacts and tables
// among the texts. An attached message (message/rfc822) is an attachment and is
// taken apart as well.
//
// # Guarantees and limits
//
// Contents are decoded (base64, quoted-printable) and otherwise left alone: no
// charset is converted, no line end changed. Memory does not grow with the
// message: a message is never held, and [Limits] bound what its structure may
// cost. A message beyond one of them gives a [*LimitError], so that nothing is
// cut silently. Names come from [SafeName] and are safe as a path component.
//
// The field type and the charsets are those of github.com/emersion/go-message;
// its body readers are not used, since they convert text and stop at what is
// broken.
package extractor
