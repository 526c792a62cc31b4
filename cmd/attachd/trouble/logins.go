package trouble

// The classes of a login, and of the secrets that it needs.
const (
	LoginRefused      Class = "login_refused"
	LoginNotPermitted Class = "login_not_permitted"
	LoginAppPassword  Class = "login_app_password"
	LoginPOPDisabled  Class = "login_pop_disabled"
	LoginLocked       Class = "login_locked"
	LoginMethod       Class = "login_method"
	LoginUnavailable  Class = "login_unavailable"
	TokenRefused      Class = "token_refused"
	SignInEnded       Class = "sign_in_ended"
	SignInMissing     Class = "sign_in_missing"
	TokenServer       Class = "token_server"
	TokenSettings     Class = "token_settings"
	SecretUnreadable  Class = "secret_unreadable"
	SecretCommand     Class = "secret_command"
)

var logins = map[Class]row{
	LoginRefused: {"auth", "login", Advice{
		Person, "Login refused", "login refused",
		"The server does not take the name and the password of this account.",
		"Put the right password into {secret}: attachd notices and logs in at once. attachd check --online {account} tries it. Until then attachd tries less and less often, so that the mailbox is not locked, and the mail stays on the server.",
	}},
	LoginNotPermitted: {"auth", "login", Advice{
		Person, "Login not permitted", "login not permitted",
		"The server answers permission denied: the password is wrong, or this user may not read the mailbox over POP3, or not from this address.",
		"See whether the password in {secret} is right and whether the provider's settings allow POP3 for this mailbox; attachd check --online {account} tries it. The mail stays on the server.",
	}},
	LoginAppPassword: {"auth", "login", Advice{
		Person, "An app password is needed", "needs app password",
		"The server takes no ordinary password from programs: the mailbox has a second factor or the like.",
		"Make an app password in the provider's account settings and put it into {secret}, or sign in with OAuth 2: an oauth section, then attachd oauth login {account}.",
	}},
	LoginPOPDisabled: {"auth", "login", Advice{
		Person, "POP3 is switched off", "POP3 switched off",
		"The server says that POP3 is not enabled for this mailbox.",
		"Switch on POP3 in the settings of the mailbox, or have its administrator do it. attachd tries again by itself; attachd check --online {account} tries at once.",
	}},
	LoginLocked: {"auth", "login", Advice{
		Person, "Mailbox is locked", "mailbox locked",
		"The server says that this account is blocked, suspended or expired.",
		"Ask whoever runs the mail server, or unlock the account on the provider's page. attachd tries once an hour and goes on where it ended.",
	}},
	LoginMethod: {"auth", "login", Advice{
		Person, "Way to log in not offered", "auth does not fit",
		"The server does not know the way by which this account is to log in.",
		"Set auth: auto, or another value, for the account in {config}; attachd check --online {account} shows what the server offers.",
	}},
	LoginUnavailable: {"auth", "login", Advice{
		Itself, "Login does not work just now", "login unavailable",
		"The server can't check logins at the moment. It does not say that the password is wrong.",
		"Nothing, unless it lasts: attachd tries again by itself.",
	}},
	TokenRefused: {"auth", "login", Advice{
		Person, "Access token refused", "token refused",
		"The mail server does not take the access token of this account, nor a fresh one.",
		"See whether the token is for this mailbox, with the scope that the server wants to see. Then sign in again: attachd oauth login {account}; with a token_command, run that by hand.",
	}},
	SignInEnded: {"auth", "secret", Advice{
		Person, "Sign-in ended", "sign-in ended",
		"The sign-in of this account is not valid any more. It was revoked, has expired, or the password was changed.",
		"Sign in again: attachd oauth login {account}. attachd notices and goes on.",
	}},
	SignInMissing: {"auth", "secret", Advice{
		Person, "Nobody has signed in", "needs sign-in",
		"This account logs in with OAuth 2, and nobody has signed in yet with these settings.",
		"Sign in: attachd oauth login {account}. attachd notices and goes on.",
	}},
	TokenServer: {"auth", "secret", Advice{
		Itself, "Authorization server does not answer", "no access token",
		"The server that gives access tokens can't be reached or has a fault of its own. The mail server was not asked.",
		"Nothing, unless it lasts: attachd tries again by itself.",
	}},
	TokenSettings: {"auth", "secret", Advice{
		Person, "Authorization server refuses", "no access token",
		"The server that gives access tokens refuses what the oauth section asks for.",
		"Correct client_id, client_secret, scopes or token_url of the account in {config}, as the answer says; attachd oauth status shows what there is.",
	}},
	SecretUnreadable: {"auth", "secret", Advice{
		Person, "Password can't be read", "password unreadable",
		"What holds the account's password or token is missing, empty or not readable for attachd.",
		"Put it back, and give attachd's user the right to read it: {secret}. attachd notices and goes on.",
	}},
	SecretCommand: {"auth", "secret", Advice{
		Person, "Command for the password fails", "password command fails",
		"The program that is to print the account's password or token failed or printed none.",
		"Run it by hand as attachd's user ({secret}); log.level: debug shows what it wrote. attachd tries again by itself.",
	}},
}
