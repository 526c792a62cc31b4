package digest

// Own is the kind that contents are known by. BLAKE3 takes a seventh of the time of SHA-256 where
// the processor has AVX2 and no instructions for SHA, as many do not show them to guests, and half
// of it where it has them.
const (
	Own   = BLAKE3
	Other = SHA256 // the other kind
)
