//go:build !linux

package sqlite

// sharesMemory reports whether WAL works in a folder. Elsewhere than on Linux
// network file systems are not recognised: keep the ledger on a local disk.
func sharesMemory(string) bool { return true }
