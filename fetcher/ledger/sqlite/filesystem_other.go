//go:build !linux

package sqlite

// SharesMemory reports whether WAL works in a folder. Elsewhere than on Linux
// network file systems are not recognised: keep the ledger on a local disk.
func SharesMemory(string) bool { return true }
