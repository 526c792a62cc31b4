package trouble

// The classes of the disk, the folders and the state.
const (
	DiskFull        Class = "disk_full"
	DiskReserved    Class = "disk_reserved"
	DiskReadOnly    Class = "disk_read_only"
	DiskFailed      Class = "disk_failed"
	OutputForbidden Class = "output_forbidden"
	OutputName      Class = "output_name"
	FileTooLarge    Class = "file_too_large"
	GroupRefused    Class = "group_refused"
	OutputDisturbed Class = "output_disturbed"
	FolderGone      Class = "folder_gone"
	OtherFolder     Class = "other_folder"
	StagedElsewhere Class = "staged_elsewhere"
	TooManyFiles    Class = "too_many_files"
	StateOlder      Class = "state_older"
	StateDamaged    Class = "state_damaged"
	StateForeign    Class = "state_foreign"
	StateNewer      Class = "state_newer"
	StateReadOnly   Class = "state_read_only"
	StateUnopenable Class = "state_unopenable"
	StateGone       Class = "state_gone"
	StateLocked     Class = "state_locked"
	StateInUse      Class = "state_in_use"
	AccountLeased   Class = "account_leased"
	AccountKnown    Class = "account_known"
)

var storage = map[Class]row{
	DiskFull: {"storage", "output", Advice{
		Itself, "Disk is full", "disk full",
		"There is no room, or no quota, left where attachd writes. The mail stays on the server.",
		"Make room on the disk of {output} and of {state}. attachd looks once a minute and goes on by itself.",
	}},
	DiskReserved: {"storage", "output", Advice{
		Itself, "No room on the disk", "no room left",
		"The next message would leave less room on the disk than min_free says. The mail stays on the server.",
		"Make room on the disk of {output}, or lower min_free in {config}. attachd looks once a minute and goes on by itself.",
	}},
	DiskReadOnly: {"storage", "output", Advice{
		Person, "Disk is read-only", "disk read-only",
		"The file system of {output} can't be written: it was mounted like that, or the kernel made it so after a fault.",
		"Mount it for writing, and look at the kernel's log (dmesg) for faults of the disk. Under systemd, ReadWritePaths= must name the folder.",
	}},
	DiskFailed: {"storage", "output", Advice{
		Person, "Disk fails", "disk fails",
		"The disk of {output} or of {state} answers with errors of its own. The mail stays on the server.",
		"Look at the kernel's log (dmesg) and at the disk. attachd goes on by itself once it works.",
	}},
	OutputForbidden: {"storage", "output", Advice{
		Person, "Folder can't be written", "may not write",
		"attachd's user may not write in {output}. The mail stays on the server.",
		"Give the folder to attachd's user (chown), and see ReadWritePaths= of the unit. attachd tries again by itself.",
	}},
	OutputName: {"storage", "output", Advice{
		Person, "File can't be placed", "file has no place",
		"A file or a link stands where attachd is to make a folder or a file, or the file system refuses the name. That message goes to quarantine after its attempts.",
		"Move away what is in the way in {output}, or change path and name templates in {config}; the text above names it.",
	}},
	FileTooLarge: {"storage", "output", Advice{
		Person, "File is too large for the disk", "file too large",
		"The file system of {output}, or a limit of the process, takes no file as large as one of a message. That message goes to quarantine after its attempts, or stays on the server if it is too large for that, too. All others are delivered.",
		"Raise the limit (LimitFSIZE= of the unit, ulimit -f), or set output to another file system: FAT takes 4 GiB. max_message_size leaves such mail on the server for good.",
	}},
	GroupRefused: {"storage", "output", Advice{
		Person, "Group can't be given", "group refused",
		"The group in {config} does not exist, or attachd may not give it to files in {output}. The mail stays on the server.",
		"Make attachd's user a member (usermod -aG GROUP attachd), and restart attachd. The packaged unit also needs PrivateUsers=no: deploy/recipes has the whole way.",
	}},
	OutputDisturbed: {"storage", "output", Advice{
		Itself, "Files vanished while written", "files vanished",
		"Another program removed the staging files or the folder of {output} while attachd wrote there. The mail stays on the server.",
		byItself + " Let other programs leave the hidden folder .staging alone.",
	}},
	FolderGone: {"storage", "output", Advice{
		Person, "Folder is gone", "folder is gone",
		"The folder that files were delivered to is not there: its disk is not mounted, or somebody removed it.",
		"Mount the disk of {output}, and the account goes on. If a new folder is to be used: attachd state accept {account}.",
	}},
	OtherFolder: {"storage", "output", Advice{
		Person, "Another folder than before", "folder is another",
		"At {output} is not the folder that files were delivered to: most likely its disk is not mounted.",
		"Mount the disk, and the account goes on. If files are to go to what is there now: attachd state accept {account}.",
	}},
	StagedElsewhere: {"storage", "output", Advice{
		Person, "Files wait for another folder", "files wait elsewhere",
		"An interrupted poll left files in a folder that is not at {output} any more: its disk is not mounted, or somebody removed it.",
		"Mount the disk, and the account goes on. If it is gone for good: attachd state forget --staged {account} has those messages fetched again.",
	}},
	TooManyFiles: {"storage", "output", Advice{
		Person, "Too many open files", "too many open files",
		"The system lets attachd open no more files or connections.",
		"Raise LimitNOFILE= of the unit (ulimit -n), or lower max_concurrent in {config}.",
	}},
	StateOlder: {"state", "state", Advice{
		Person, "State is older than the folder", "state too old",
		"The state file was lost, or an old copy of it was put back. To go on would deliver mail twice.",
		"Put the newest {state} back. If there is none: attachd state rebuild {account} records what is on the server as delivered.",
	}},
	StateDamaged: {"state", "state", Advice{
		Person, "State file is damaged", "state damaged",
		"attachd can't rely on {state} any more. The mail stays on the server.",
		"Stop attachd and put a backup back, or run attachd state rebuild, which makes a new one from the servers' lists. Look at the disk, too.",
	}},
	StateForeign: {"state", "state", Advice{
		Person, "State file is another program's", "state is foreign",
		"{state} is a database, and none of attachd's.",
		"Set state in {config} to attachd's own file.",
	}},
	StateNewer: {"state", "state", Advice{
		Person, "State file is of a newer attachd", "state is newer",
		"A later version of attachd wrote {state}, and this one can't read it.",
		"Run the later version again: attachd version says which one this is.",
	}},
	StateReadOnly: {"state", "state", Advice{
		Person, "State file can't be written", "state read-only",
		"Without writing down what was delivered, attachd fetches nothing.",
		"Let attachd's user write {state}, its folder and the files beside it; see ReadWritePaths= of the unit, too.",
	}},
	StateUnopenable: {"state", "state", Advice{
		Person, "State file can't be opened", "state unopenable",
		"{state} or its folder is missing, or attachd's user may not open it.",
		"Put the folder back and give it to attachd's user. attachd tries again by itself.",
	}},
	StateGone: {"state", "state", Advice{
		Person, "State file is gone", "state is gone",
		"{state} was removed or replaced while attachd had it open. What attachd wrote down from then on would be lost at its end, so it fetches and deletes nothing.",
		"Put the file back that was there, if it was only moved: attachd goes on by itself. Else stop attachd and put a backup back, or run attachd state rebuild, which makes a new one from the servers' lists.",
	}},
	StateLocked: {"state", "state", Advice{
		Itself, "State file is locked", "state locked",
		"Another program holds {state} for longer than a change takes, such as a backup.",
		"Nothing, unless it lasts: attachd tries again by itself.",
	}},
	StateInUse: {"in_use", "state", Advice{
		Itself, "State is being rebuilt", "state in use",
		"Another attachd process has {state} for itself, to rebuild it.",
		"Nothing: attachd goes on once that has ended.",
	}},
	AccountLeased: {"in_use", "state", Advice{
		Server, "Another attachd polls this account", "polled elsewhere",
		"A second attachd process works on this account, or a command such as attachd quarantine does.",
		"Nothing, if it was a command. If two daemons run with the same {state}, stop one.",
	}},
	AccountKnown: {"state", "state", Advice{
		Person, "Account has messages already", "account is known",
		"The state of another account was to be given to this one, which has messages of its own.",
		"attachd state check shows what is recorded of each account.",
	}},
}
