//go:build race

package fetcher

// slowdown divides what tests do in numbers under the race detector, which makes a
// connection ten times as slow.
const slowdown = 20
