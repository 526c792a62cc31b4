// Package sink writes the attachments of messages into a folder. Each stands there whole, durable
// and once, whatever happens in between.
//
// # The steps
//
//  1. [Directory.Stage] takes a message apart and writes each attachment to a staging file, in a
//     hidden folder below the target. It hashes the bytes as they pass, if somebody asks for a
//     digest, chooses the final names and reserves them.
//  2. [Directory.Sync] returns nil once the files are durable under their staging names.
//  3. The caller records the ID and the final name of each file in a ledger.
//  4. [Directory.Publish] renames the files to their final names, overwrites nothing, and makes the
//     new names durable.
//
// After a crash the caller publishes again what its ledger holds as staged. A staging file that is
// gone was published before the crash. [Directory.Sweep] then removes the staging files that the
// ledger never came to know.
//
// Each file arrives with a single rename. A consumer of the folder that ignores names with a
// leading dot never sees half a file.
//
// # Names
//
// A file gets the name that [extractor.SafeName] made of the sender's. If that is taken, it becomes
// name-2.ext, name-3.ext and so on. It is cut to what the file system takes, 255 bytes as a rule.
// Names are compared byte by byte. A file system that does not tell case apart decides for itself
// when the file is renamed. If another process takes a reserved name before Publish, the file gets
// the next free one, and the other's file stays as it is.
//
// A [Plan] may put files into folders below, which are made as needed. It may also ask for a
// sidecar beside each attachment, which is published first, and for the message itself.
//
// The pieces of a message/partial (RFC 2046 section 5.2.2) wait in the hidden folder
// [PartialFolder]: at most 1,000 of 512 MiB together. When the last one comes, the message is put
// together and staged, and Publish removes the pieces. They stay after a crash at that moment,
// until [Directory.RemovePieces].
//
// # Permissions
//
// Files get [Options].FileMode and the group. Folders that are made here get DirMode and the group:
// whatever the umask is, and at once or before anything is in them. After a crash the next run
// finishes them. A folder with setgid hands its group on to the files that are put into it, as if
// they were made there, and to folders. Hidden folders are for this user alone. Folders that others
// made stay as they are.
//
// A group that is asked for and can't be given is a [*GroupError], of Open already.
//
// # Guarantees and limits
//
// All file operations are relative to the folder ([os.Root]): no name leads out of it, nor does a
// symbolic link that somebody planted there. The staging folder and the folders below the target
// must not be symbolic links. The target itself may be a link of this user or of root, and so may
// the folders above it, whose owners are trusted.
//
// An error of fsync is final: for its file, and for the whole Directory if it concerns a folder.
// The kernel may have dropped the data, and would report success the second time. Discard the files
// and open the Directory anew.
//
// Each staging folder has an ID that is part of its files' IDs. If a file is missing from another
// staging folder than its own, the error is [ErrOtherFolder], and the file does not count as
// published: a disk is not mounted, or somebody has removed the folder.
//
// Publish never overwrites a file, by the best means that there is:
//
//   - renameat2 with RENAME_NOREPLACE, on Linux;
//   - a link to the final name, after which the staging name is removed. After a crash in between,
//     the second link of the staging file tells that it was published;
//   - a look whether the name is free, and a rename, on file systems without hard links. A file of
//     that very name that another process makes in between is lost.
//
// With [Options].MinFree, a file that would fill the disk further is given up while it is written,
// with a [*RoomError].
//
// A file takes a few blocks of 128 KiB of memory while it is written, however long it is. If more
// than eight files of one message are open at once, the others take 8 KiB.
//
// Written files are fsynced in the background in batches, of 64 files or 4 MiB, and at the latest
// when Sync asks for them. Each file that waits for its fsync holds a descriptor. Stage waits when
// there are 128.
//
// On Linux a small file takes these system calls: a look whether its name is free, openat, write,
// sync_file_range, fsync, close and renameat2. A group takes one fsync of each folder that got
// files, and two of the staging folder.
package sink
