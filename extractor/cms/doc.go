// Package cms gets out of a message of the Cryptographic Message Syntax (RFC 5652,
// before that PKCS #7) what is signed in it: the content of an opaque S/MIME
// message, application/pkcs7-mime (RFC 8551), and of a signed document such as an
// invoice.xml.p7m.
//
// A [Decoder] is written to in blocks of any size and writes the content on as it
// comes. DER and BER are read alike: definite and indefinite lengths, octet strings
// in pieces, and pieces of pieces. CompressedData (RFC 3274) is inflated.
//
// # Limits and guarantees
//
// The signature is not judged, and nothing is decrypted: of an EnvelopedData nothing
// comes out, and it is not Complete. Memory is constant but for a window of 32 KiB where
// something is inflated. Elements may be nested 50 deep. A message that is broken
// gives what stands before the fault and is not Complete. How much inflating may
// come to is for the writer to bound.
package cms
