package sqlite

import "golang.org/x/sys/unix"

// SharesMemory reports whether WAL works in a folder. Its index is memory shared
// between processes, which network file systems and those of FUSE do not share
// between machines (nor Docker Desktop's between host and container).
func SharesMemory(folder string) bool {
	var st unix.Statfs_t
	if unix.Statfs(folder, &st) != nil {
		return true
	}
	const (
		smb2 = 0xfe534d42
		ceph = 0x00c36400
		gpfs = 0x47504653
		lust = 0x0bd00bd0
	)
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, smb2, unix.FUSE_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.NCP_SUPER_MAGIC, ceph, gpfs, lust:
		return false
	}
	return true
}
