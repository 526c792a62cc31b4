package provider

import (
	"slices"
	"time"
)

// table holds every provider. A domain stands in one row only.
var table = slices.Concat(worldwide, german, italian, french, others, withoutPOP)

// pops is the usual server: TLS on port 995.
func pops(host string) Server { return Server{Host: host, Port: 995} }

// stls is a server that changes to TLS on port 110.
func stls(host string) Server { return Server{Host: host, Port: 110, StartTLS: true} }

const ispdb = "ISPDB "

var worldwide = []Provider{
	{
		ID: "gmail", Name: "Gmail", Domains: []string{"gmail.com", "googlemail.com"},
		Server: pops("pop.gmail.com"), Secret: AppPassword, OAuth: OAuth{Provider: "google", Grant: "authorization_code"},
		Interval: 10 * time.Minute,
		Steps: []string{
			"In Gmail: Settings > Forwarding and POP/IMAP > POP download: enable POP, for all mail or for mail that arrives from now on.",
			"In your Google account: Security > 2-Step Verification on; then make an app password at https://myaccount.google.com/apppasswords.",
		},
		Note: "Gmail lists about 250 messages a session and shows each only until a program has fetched it; attachd comes again for the rest.",
		Page: "gmail.md", Source: ispdb + "googlemail.com; interval: frappe/frappe #20675",
	},
	{
		// Passwords ended in 2025; the domain is told by its MX.
		ID: "workspace", Name: "Google Workspace", MX: []string{"aspmx.l.google.com", "smtp.google.com", "googlemail.com"},
		Server: pops("pop.gmail.com"), Secret: SignIn, OAuth: OAuth{Provider: "google", Grant: "authorization_code"},
		Interval: 10 * time.Minute,
		Steps: []string{
			"Have an administrator allow POP for the mailbox: Admin console > Apps > Google Workspace > Gmail > End User Access.",
			"In Gmail: Settings > Forwarding and POP/IMAP > POP download: enable POP.",
			"Make an OAuth client of the type Desktop app in the Google Cloud console, or a service account for the whole domain (deploy/oauth.md).",
		},
		Page: "gmail.md", Source: ispdb + "googlemail.com; support.google.com/a/answer/14114704",
	},
	{
		ID: "microsoft365", Name: "Microsoft 365", Domains: []string{"office365.com"}, MX: []string{"mail.protection.outlook.com", "mx.microsoft"},
		Server: pops("outlook.office365.com"), Secret: SignIn, OAuth: OAuth{Provider: "microsoft", Grant: "device_code"},
		Steps: []string{
			"Have an administrator register an application in Entra with the permission POP.AccessAsUser.All (you sign in once) or POP.AccessAsApp (nobody does).",
			"Have POP switched on for the mailbox: Microsoft 365 admin center > Users > Mail > Manage email apps > POP.",
		},
		Page: "microsoft365.md", Source: ispdb + "office365.com; Microsoft: Authenticate an IMAP, POP or SMTP connection using OAuth",
	},
	{
		ID: "outlook", Name: "Outlook.com", Domains: []string{
			"outlook.com", "hotmail.com", "live.com", "msn.com", "passport.com", "outlook.de", "hotmail.de", "live.de", "outlook.fr", "hotmail.fr", "live.fr",
			"outlook.it", "hotmail.it", "live.it", "hotmail.es", "outlook.es", "hotmail.co.uk", "live.co.uk", "live.nl", "live.at", "outlook.at", "hotmail.ch",
		},
		MX: []string{"olc.protection.outlook.com"}, Server: pops("outlook.office365.com"),
		Secret: SignIn, OAuth: OAuth{Provider: "microsoft", Grant: "device_code", Tenant: "consumers"}, Interval: 5 * time.Minute,
		Steps: []string{
			"In Outlook.com: Settings > Mail > Forwarding and IMAP: let devices and apps use POP.",
			"Register an application at https://entra.microsoft.com for personal accounts, with public client flows and the permission POP.AccessAsUser.All.",
		},
		Note: "Outlook.com takes no password from programs since September 2024.",
		Page: "outlook.md", Source: ispdb + "outlook.com, hotmail.com",
	},
	{
		ID: "yahoo", Name: "Yahoo", Domains: []string{
			"yahoo.com", "yahoo.de", "yahoo.it", "yahoo.fr", "yahoo.es", "yahoo.se", "yahoo.co.in", "yahoo.co.uk", "yahoo.co.nz", "yahoo.com.au", "yahoo.com.ar",
			"yahoo.com.br", "yahoo.com.mx", "ymail.com", "myyahoo.com", "rocketmail.com", "cox.net",
		},
		MX: []string{"am0.yahoodns.net"}, Server: pops("pop.mail.yahoo.com"), Secret: AppPassword,
		Steps: []string{"In your Yahoo account: Security > Generate app password."},
		Page:  "yahoo.md", Source: ispdb + "yahoo.com",
	},
	{
		ID: "aol", Name: "AOL", Domains: []string{
			"aol.com", "aim.com", "netscape.net", "netscape.com", "compuserve.com", "cs.com", "wmconnect.com", "aol.de", "aol.it", "aol.fr", "aol.es", "aol.se",
			"aol.co.uk", "aol.co.nz", "aol.com.au", "aol.com.ar", "aol.com.br", "aol.com.mx",
		},
		MX: []string{"gm0.yahoodns.net"}, Server: pops("pop.aol.com"), Secret: AppPassword,
		Steps: []string{"In your AOL account: Account security > Generate app password."},
		Page:  "yahoo.md", Source: ispdb + "aol.com",
	},
	{
		ID: "zoho", Name: "Zoho", Domains: []string{"zoho.com", "zohomail.com"}, Server: pops("pop.zoho.com"), Secret: Password,
		Steps: zohoSteps, Page: "zoho.md", Source: ispdb + "zoho.com; zoho.com/mail/help/pop-access.html",
	},
	{
		ID: "zoho-domain", Name: "Zoho for a domain of your own", MX: []string{"mx.zoho.com", "mx2.zoho.com", "mx3.zoho.com"},
		Server: pops("poppro.zoho.com"), Secret: Password, Steps: zohoSteps, Page: "zoho.md", Source: "zoho.com/mail/help/pop-access.html",
	},
	{
		ID: "zoho-eu", Name: "Zoho (European data center)", Domains: []string{"zoho.eu", "zohomail.eu"}, Server: pops("pop.zoho.eu"), Secret: Password,
		Steps: zohoSteps, Page: "zoho.md", Source: "zoho.com/mail/help/pop-access.html",
	},
	{
		ID: "zoho-eu-domain", Name: "Zoho for a domain of your own (European data center)", MX: []string{"mx.zoho.eu", "mx2.zoho.eu", "mx3.zoho.eu"},
		Server: pops("poppro.zoho.eu"), Secret: Password, Steps: zohoSteps, Page: "zoho.md", Source: "zoho.com/mail/help/pop-access.html",
	},
	{
		ID: "fastmail", Name: "Fastmail", Domains: []string{"fastmail.com", "fastmail.fm", "messagingengine.com"}, MX: []string{"messagingengine.com"},
		Server: pops("pop.fastmail.com"), Secret: AppPassword,
		Steps: []string{"In Fastmail: Settings > Privacy & Security > Manage app passwords: make one with access to POP."}, Source: ispdb + "messagingengine.com",
	},
}

var zohoSteps = []string{
	"In Zoho Mail: Settings > Mail Accounts > POP Access: switch it on, for all mail or for mail that arrives from now on. Free plans may not have it.",
	"With two-factor authentication on: make an application-specific password at https://accounts.zoho.com.",
}

var others = []Provider{
	{
		ID: "netease-163", Name: "NetEase 163", Domains: []string{"163.com"}, Server: pops("pop.163.com"), Secret: AppPassword,
		Steps: neteaseSteps, Note: neteaseNote, Page: "china.md", Source: "Gaoyifan/zmail #115, jstedfast/MailKit #1320",
	},
	{
		ID: "netease-126", Name: "NetEase 126", Domains: []string{"126.com"}, Server: pops("pop.126.com"), Secret: AppPassword,
		Steps: neteaseSteps, Note: neteaseNote, Page: "china.md", Source: "NetEase's help on third-party clients",
	},
	{
		ID: "qq", Name: "QQ Mail", Domains: []string{"qq.com", "foxmail.com"}, Server: pops("pop.qq.com"), Secret: AppPassword,
		Steps: []string{"In QQ Mail: Settings > Account (设置 > 账户): start the POP3/SMTP service and make an authorization code (授权码). Programs log in with that code."},
		Page:  "china.md", Source: "QQ Mail's help; passwords ended on 2022-11-01",
	},
	{
		ID: "exmail", Name: "Tencent Exmail", Domains: []string{"exmail.qq.com"}, MX: []string{"mxbiz1.qq.com", "mxbiz2.qq.com"}, Server: pops("pop.exmail.qq.com"),
		Secret: AppPassword, Steps: []string{"In Exmail: Settings > Client (设置 > 收发信设置): start POP, and make a code for clients if the company asks for one."},
		Page: "china.md", Source: "Tencent Exmail's help",
	},
	{
		ID: "yandex", Name: "Yandex", Domains: []string{"yandex.ru", "yandex.com", "yandex.net", "yandex.by", "yandex.kz", "yandex.ua", "ya.ru", "narod.ru"},
		MX: []string{"mx.yandex.ru", "mx.yandex.net"}, Server: pops("pop.yandex.com"), Secret: AppPassword,
		Steps: []string{"In Yandex Mail: Settings > Email clients: allow POP3, and make an app password."}, Source: ispdb + "yandex.ru",
	},
	{
		ID: "mailru", Name: "Mail.ru", Domains: []string{"mail.ru", "bk.ru", "list.ru", "inbox.ru", "internet.ru"}, MX: []string{"emx.mail.ru"},
		Server: pops("pop.mail.ru"), Secret: AppPassword,
		Steps: []string{"In Mail.ru: Settings > Security > Passwords for external applications: make one."}, Source: "Mail.ru's help on mail programs",
	},
	{
		ID: "bluewin", Name: "Bluewin", Domains: []string{"bluewin.ch", "bluemail.ch"}, Server: pops("pop3s.bluewin.ch"), Secret: Password,
		Source: ispdb + "bluewin.ch",
	},
	{
		ID: "comcast", Name: "Comcast Xfinity", Domains: []string{"comcast.net"}, Server: pops("mail.comcast.net"), Secret: Password,
		Steps: []string{"In Xfinity Connect: Settings > Security: allow access by third-party programs."}, Source: ispdb + "comcast.net",
	},
	{
		ID: "att", Name: "AT&T", Domains: []string{
			"att.net", "ameritech.net", "bellsouth.net", "currently.com", "flash.net", "nvbell.net", "pacbell.net", "prodigy.net", "sbcglobal.net", "snet.net",
			"swbell.net", "wans.net",
		},
		Server: pops("inbound.att.net"), Secret: AppPassword, Steps: []string{"In your AT&T profile: make a secure mail key. Programs log in with that key."}, Source: ispdb + "att.net",
	},
}

var (
	neteaseSteps = []string{"In the mailbox: Settings > POP3/SMTP/IMAP (设置): start the POP3/SMTP service and make an authorization code (授权码). Programs log in with that code."}
	neteaseNote  = "NetEase may refuse to send more than some messages a session (Download exceed); attachd fetches the rest later."
)

var withoutPOP = []Provider{
	{
		ID: "icloud", Name: "iCloud", Domains: []string{"icloud.com", "me.com", "mac.com"}, MX: []string{"mail.icloud.com"},
		NoPOP:  "iCloud has no POP3, only IMAP. Have it forward the mail to a mailbox that has: iCloud Mail > Settings > Mail Forwarding.",
		Source: "support.apple.com/102525: iCloud Mail does not support POP",
	},
	{
		ID: "proton", Name: "Proton Mail", Domains: []string{"proton.me", "protonmail.com", "protonmail.ch", "pm.me"}, MX: []string{"protonmail.ch"},
		NoPOP:  "Proton Mail is encrypted and has no POP3; Proton Mail Bridge, too, has only IMAP. Have it forward the mail to a mailbox with POP3.",
		Source: "proton.me/support/protonmail-bridge-clients: IMAP and SMTP",
	},
	{
		ID: "tuta", Name: "Tuta", Domains: []string{"tuta.com", "tutanota.com", "tutanota.de", "tutamail.com", "tuta.io"}, MX: []string{"mail.tutanota.de"},
		NoPOP:  "Tuta is encrypted and has neither POP3 nor IMAP.",
		Source: "tuta.com/faq",
	},
}
