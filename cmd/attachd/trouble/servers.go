package trouble

// The classes of a server that answers, and not as it should.
const (
	MailboxInUse    Class = "mailbox_in_use"
	Throttled       Class = "throttled"
	ServerPassing   Class = "server_fault"
	ServerLasting   Class = "server_fault_lasting"
	RequestRefused  Class = "request_refused"
	UIDLMissing     Class = "uidl_missing"
	GreetingTimeout Class = "greeting_timeout"
	ReplyTimeout    Class = "reply_timeout"
	TransferTimeout Class = "transfer_timeout"
	SessionTimeout  Class = "session_timeout"
	ConnectionLost  Class = "connection_lost"
	OutOfStep       Class = "out_of_step"
	EndlessReply    Class = "endless_reply"
	MessagesFailed  Class = "messages_failed"
	Unfetchable     Class = "messages_unfetchable"
	QuarantineFull  Class = "quarantine_full"
	MessageUnread   Class = "message_unreadable"
	MessagesNotKept Class = "messages_not_kept"
	UIDLsChanged    Class = "uidls_changed"
	AccountRenamed  Class = "account_renamed"
	MemoryShort     Class = "memory_short"
	Stopped         Class = "stopped"
	Internal        Class = "internal"
	Other           Class = "other"
)

var servers = map[Class]row{
	MailboxInUse: {"in_use", "login", Advice{
		Server, "Mailbox is in use", "mailbox in use",
		"Another session has the mailbox: another program, or one that broke off and has not ended on the server yet.",
		"Nothing, unless it lasts: attachd tries again within five minutes. If another program reads this mailbox all the time, one of the two has to stop.",
	}},
	Throttled: {"throttled", "login", Advice{
		Server, "Server asks for fewer requests", "asked to wait",
		"The server limits how often, or how much, this mailbox may be read.",
		"Nothing: attachd waits as long as the server wants. If it happens often, raise interval of the account in {config}.",
	}},
	ServerPassing: {"server", "", Advice{
		Itself, "Server has a fault", "fault of the server",
		"The server says that it has a passing fault of its own.",
		byItself,
	}},
	ServerLasting: {"server", "", Advice{
		Person, "Server has a lasting fault", "fault of the server",
		"The server says that it has a fault of its own, and that it will not go by itself.",
		"Tell whoever runs the mail server, with the words above. attachd tries once an hour.",
	}},
	RequestRefused: {"server", "", Advice{
		Itself, "Server refuses a request", "request refused",
		"The server logged attachd in, and then refused what every mail program asks.",
		byItself + " If it does, tell whoever runs the mail server, with the words above.",
	}},
	UIDLMissing: {"protocol", "list", Advice{
		Person, "Server can't tell messages apart", "no UIDL",
		"The server has no UIDL for its messages, so attachd can't tell new ones from those it has delivered.",
		"With after: delete and no delete_after in {config} attachd can do without. The mail stays on the server in the meantime.",
	}},
	GreetingTimeout: {"timeout", "connect", Advice{
		Itself, "Server does not greet", "does not greet",
		"The connection stands, and the server says nothing: it is overloaded, or something else listens there.",
		byItself + " A longer timeouts.greeting may help with a slow server.",
	}},
	ReplyTimeout: {"timeout", "", Advice{
		Itself, "Server stops answering", "stops answering",
		"The server took a command and gave no answer in time.",
		byItself + " A longer timeouts.reply may help with a large mailbox.",
	}},
	TransferTimeout: {"timeout", "", Advice{
		Itself, "Transfer stalls", "transfer stalls",
		"A message or a list stopped coming in the middle.",
		"Nothing, unless it lasts: what came is kept, and attachd goes on with the rest at the next poll. timeouts.idle says how long a pause may be.",
	}},
	SessionTimeout: {"timeout", "", Advice{
		Itself, "Poll took too long", "poll took too long",
		"The session with the server reached timeouts.session. What was fetched until then is kept.",
		"Nothing, unless it lasts: the next poll goes on with the rest. max_messages makes polls shorter, a longer timeouts.session gives them more time.",
	}},
	ConnectionLost: {"connect", "", Advice{
		Itself, "Connection broke", "connection broke",
		"The connection to the server broke in the middle. What was delivered until then is kept.",
		byItself,
	}},
	OutOfStep: {"protocol", "", Advice{
		Itself, "Server answers out of turn", "answers out of turn",
		"The server's answers do not belong to what attachd asked, so they can't be trusted.",
		byItself + " If it does, tell whoever runs the mail server: attachd run --once with log.level: trace shows the dialogue.",
	}},
	EndlessReply: {"protocol", "", Advice{
		Itself, "Server's answer does not end", "answer without end",
		"A line or a list of the server is longer than any can be.",
		byItself + " If it does, tell whoever runs the mail server.",
	}},
	MessagesFailed: {"messages", "messages", Advice{
		Itself, "Some messages could not be fetched", "messages left",
		"The poll went well, and some messages could not be fetched, or not be stored. All others were delivered.",
		"Nothing, unless it lasts: each is tried again, less and less often. attachd state check lists them with their reasons.",
	}},
	Unfetchable: {"messages", "messages", Advice{
		Person, "Messages can't be fetched", "messages can't be fetched",
		"The server lists messages in a way in which they can't be told apart, or can't be asked for. All others were delivered.",
		"Look at them in the mailbox with another program and move or delete them there. attachd state check says more.",
	}},
	QuarantineFull: {"messages", "messages", Advice{
		Person, "Quarantine is full", "quarantine full",
		"Messages that could not be read right stay on the server, as the quarantine has no room for a copy.",
		"Decide about those in quarantine (attachd quarantine list), or raise quarantine.max_bytes in {config}.",
	}},
	MessageUnread: {"messages", "messages", Advice{
		Person, "Message in quarantine", "message in quarantine",
		"A message could not be taken apart, or not with certainty. It is kept whole.",
		"Look at it, then retry or drop it: attachd quarantine list. A limit that it breaks can be raised under limits in {config}.",
	}},
	MessagesNotKept: {"messages", "messages", Advice{
		Itself, "Messages could not be kept", "messages not kept",
		"Messages came and could not be written, each for a reason that the log has. They stay on the server.",
		byItself,
	}},
	UIDLsChanged: {"mailbox", "list", Advice{
		Person, "Mailbox was moved or rebuilt", "mailbox was moved",
		"Nearly all messages have new identifiers, though attachd delivered many of them before. To go on would deliver them twice.",
		"To go on with the new ones alone: attachd state rebuild {account}. To deliver all of it again: uidl_change: fetch in {config}. The mail stays on the server until then.",
	}},
	AccountRenamed: {"mailbox", "list", Advice{
		Person, "Account has a new name", "account was renamed",
		"Another account had this mailbox before. To go on would deliver its mail twice.",
		"To go on where the old one ended: attachd state rename OLD {account}. To deliver all of it again: uidl_change: fetch in {config}.",
	}},
	MemoryShort: {"storage", "list", Advice{
		Itself, "List waits for memory", "waits for memory",
		"The mailbox has so many messages that its list needs memory that other accounts use just now.",
		"Nothing, unless it lasts: it is read once they are done.",
	}},
	Stopped: {"stopped", "", Advice{
		Itself, "Poll was stopped", "stopped",
		"attachd ended, or the account was changed, while the poll ran. What was delivered until then is kept.",
		"Nothing: the next poll goes on.",
	}},
	Internal: {"other", "state", Advice{
		Person, "Mistake in attachd", "mistake in attachd",
		"attachd refused a step of its own, as it would have delivered twice or deleted too early. Nothing is lost.",
		"Please report it with the text above. attachd state check tells whether the state is sound.",
	}},
	Other: {"other", "", Advice{
		Itself, "Poll failed", "failing",
		"The poll ended early, for the reason above. What was delivered until then is kept.",
		byItself + " attachd check --online {account} tries it at once.",
	}},
}
