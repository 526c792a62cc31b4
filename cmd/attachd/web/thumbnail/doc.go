// Package thumbnail makes small pictures of the pictures that mail brings, within bounds that no
// sender can move.
//
// # What is shown
//
// JPEG, PNG, GIF (its first frame) and WebP, told by their first bytes. Everything else gets no
// thumbnail, above all no PDF, SVG or HTML: what renders those is too large to be trusted with mail
// of strangers.
//
// # Bounds
//
//   - A file has at most 25 MB, and its picture at most 40 megapixels. Its header is read first,
//     and nothing is decoded that would take more than 160 MB of memory.
//   - Two pictures are decoded at a time, and one at a time of those that take much memory.
//   - Who asks gets an answer within two seconds. A picture that takes longer is finished all the
//     same, and is there for who asks next.
//   - The thumbnails made last are kept in memory, 16 MB of them, by the digests of their files.
//
// A [Maker] may be used from many goroutines.
package thumbnail
