package trouble

// The classes of what no poll fails with, and a person should know all the same.
const (
	Quarantine     Class = "quarantine"
	ConfigFaulty   Class = "config_faulty"
	DiskLow        Class = "disk_low"
	InodesLow      Class = "inodes_low"
	DiskUnknown    Class = "disk_unknown"
	PollsLate      Class = "polls_late"
	NoMail         Class = "no_mail"
	HistoryNew     Class = "history_new"
	HistoryFailing Class = "history_failing"
	SchedulerStuck Class = "scheduler_stuck"
	NoticesFail    Class = "notices_fail"
	PageFails      Class = "page_fails"
	SocketFails    Class = "socket_fails"
	NotRunning     Class = "not_running"
)

var observed = map[Class]row{
	Quarantine: {"messages", "messages", Advice{
		Person, "Message in quarantine", "in quarantine",
		"A message could not be taken apart, or not with certainty. It is kept whole, and waits for a decision.",
		"If you expect such mail, raise the limit that it breaks and retry it; if it looks like an attack, drop it: attachd quarantine list.",
	}},
	ConfigFaulty: {"config", "config", Advice{
		Person, "Newer configuration is faulty", "configuration faulty",
		"{config} was changed and has mistakes, so what was in force before still is.",
		"Correct the file: attachd check names every mistake. attachd reads it again as soon as it is saved.",
	}},
	DiskLow: {"storage", "output", Advice{
		Person, "Disk is getting full", "disk getting full",
		"There is little room left where attachd writes. Once less than min_free is left, nothing more is fetched.",
		"Make room on the disk of {output}.",
	}},
	InodesLow: {"storage", "output", Advice{
		Person, "Disk takes hardly any more files", "inodes run out",
		"The file system has hardly any inodes left: each file takes one, however small. Once none is left to spare, nothing more is fetched.",
		"Remove files from the disk of {output}, or pack them together. How many inodes there are is set when a file system is made (mkfs -N, nr_inodes= of tmpfs).",
	}},
	DiskUnknown: {"storage", "output", Advice{
		Person, "Disk can't be looked at", "disk unknown",
		"attachd can't tell how much room there is in {output}.",
		"See whether the folder is there and attachd's user may enter it.",
	}},
	PollsLate: {"config", "schedule", Advice{
		Person, "Polls come late", "polls late",
		"Accounts wait for each other for longer than their interval.",
		"Raise max_concurrent or max_per_host, or the interval, in {config}.",
	}},
	NoMail: {"messages", "messages", Advice{
		Person, "No mail for longer than expected", "no mail",
		"The account is polled without a failure, and nothing has come for longer than its mail_within says.",
		"See whether mail still goes to this mailbox: a forwarding may have ended, a rule may move it, or a sender stopped. A longer mail_within in {config} asks for less.",
	}},
	HistoryNew: {"other", "history", Advice{
		Itself, "History was made anew", "history made anew",
		"The file with the history could not be used and was set aside. What was delivered is not touched, and the page shows no senders of earlier files.",
		"Nothing. The old file can be removed.",
	}},
	HistoryFailing: {"other", "history", Advice{
		Person, "History can't be written", "history not written",
		"Mail is fetched and delivered as ever, and page, attachd log and notices know less of it.",
		"See whether there is room beside {state} and attachd's user may write there.",
	}},
	SchedulerStuck: {"other", "schedule", Advice{
		Person, "Schedule is not kept", "schedule not kept",
		"The part of attachd that begins polls has not run in time: this machine is overloaded, was asleep, or attachd has a mistake.",
		"Restart attachd if it lasts (systemd's watchdog does it by itself), and please report it with the log.",
	}},
	NoticesFail: {"other", "notify", Advice{
		Person, "Notices can't be sent", "notices not sent",
		"Whoever is to be told of trouble was not told.",
		"attachd notify test tries every target of notify in {config} and says what is wrong.",
	}},
	PageFails: {"config", "page", Advice{
		Person, "Page can't be opened", "page not open",
		"Mail is fetched and delivered as ever, but nobody can see the page.",
		"Another program may have the address, or the token or the certificate can't be read: see http in {config}. attachd tries again by itself.",
	}},
	SocketFails: {"config", "page", Advice{
		Person, "Commands can't reach attachd", "no socket",
		"Mail is fetched and delivered as ever, but attachd status, reload and healthcheck don't find this daemon.",
		"See what lies at the path with .sock beside {state}, and whether attachd's user may write there. attachd tries again by itself.",
	}},
	NotRunning: {"other", "schedule", Advice{
		Person, "attachd is not running", "not running",
		"No attachd works on this state at the moment, so nothing is fetched.",
		"Start it: systemctl start attachd, or attachd run --config {config}.",
	}},
}
