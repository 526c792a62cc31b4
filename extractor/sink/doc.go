// Package sink writes the attachments of messages into a folder so that each
// stands there whole, durable and once, whatever happens in between.
//
// # The steps
//
// An attachment is written to a staging file in a hidden folder below the
// target ([Directory.Stage]), hashed as it is written; [Directory.Sync] returns when its
// bytes and its name in the staging folder are durable; the caller then records
// its ID and final name in a ledger; [Directory.Publish] renames it there without
// overwriting anything and makes the new name durable. After a crash the caller
// publishes again what its ledger holds as staged: a staging file that is gone
// was published before the crash. [Directory.Sweep] removes staging files that the ledger
// does not know. A consumer of the folder that ignores names with a leading dot never
// sees half a file, and each file arrives with a single rename.
//
// # Names
//
// A file gets the name that [extractor.SafeName] made of the sender's if that is free in
// the folder, else name-2.ext, name-3.ext and so on, cut to what the file system takes
// (255 bytes). Names are compared byte by byte; a file system that does not tell
// case apart decides for itself when the file is renamed. A name is chosen when the
// message is staged, and taken from then on within this Directory. Should another
// process have taken it by the time of Publish, the next free one is used, and the
// file that is there stays as it is.
//
// A [Plan] may put files into folders below, which are made as needed, beside each
// attachment a sidecar, which is published first, and with them the message itself. The pieces of a
// message/partial wait in the hidden folder .partial, at most 1,000 of 512 MiB together, and are removed when the message that was joined
// from them is published; after a crash right then they stay ([Directory.RemovePieces]).
//
// # Guarantees and limits
//
// All file operations are relative to the folder ([os.Root]): no name and no
// symbolic link planted in the folder leads out of it. The staging folder and
// folders below the target must be folders and not symbolic links. The target itself may be one of this user's or root's; so may the
// folders above it, whose owners are trusted.
//
// An error of fsync is final for its file, and for the Directory if it concerns a
// folder: the kernel may have dropped the data and would report success the
// second time. Discard the files and open the Directory anew.
//
// Each staging folder has an ID of its own that is part of its files' IDs. A file
// that is missing from a staging folder it was not staged in is an
// [ErrOtherFolder] and not one that was published: the disk is not mounted, or somebody has
// removed the folder, and the file was not necessarily delivered.
//
// Publish uses renameat2 with RENAME_NOREPLACE on Linux. Elsewhere, and on file systems that lack it,
// it links the file to its final name and removes the staging name; after a crash in between, the
// staging file's second link tells that it was published. Where there are no hard
// links either, it looks whether the name is free and renames, so that another
// process that makes a file of that very name in between loses it.
//
// With [Options].MinFree, a file that would fill the disk further is given up with a [*RoomError] while it is being written.
//
// A file's memory is a few blocks of 128 KiB while it is being written, however long it is; of 8 KiB, where more than eight files of a message are.
// Each file that waits for its fsync holds a descriptor; Stage waits when there are 80.
package sink
