// Package cms takes the signed content out of a message of the Cryptographic Message
// Syntax (CMS, RFC 5652; PKCS #7 before that). Such a message is an opaque S/MIME message,
// application/pkcs7-mime (RFC 8551 section 3.5.2), or a signed document such as an
// invoice.xml.p7m.
//
// A message is written to a [Decoder] in blocks of any size, and the decoder writes the
// content on as it comes. It reads DER and BER alike (X.690): definite and indefinite
// lengths, octet strings in pieces, and pieces of pieces. It inflates CompressedData (RFC
// 3274).
//
// # Limits and guarantees
//
// The signature is not judged. Nothing is decrypted: an EnvelopedData has no content for
// the writer, and is not Complete. Memory is constant: some bytes, and a window of 32 KiB
// to inflate. Elements may be nested 50 deep. A broken message gives the content before the
// fault, and is not Complete. The writer must bound how much inflating comes to.
package cms
