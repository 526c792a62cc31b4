//go:build !amd64

package digest

// Own is the kind that contents are known by. There is no BLAKE3 in vectors for this architecture,
// and its processors have instructions for SHA-256 (most arm64): these are three times as fast.
const (
	Own   = SHA256
	Other = BLAKE3 // the other kind
)
