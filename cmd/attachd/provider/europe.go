package provider

import "time"

// gmxStep is how GMX and web.de, one company, are switched on.
const gmxStep = "In the mailbox, in a browser: E-Mail > Einstellungen > POP3/IMAP Abruf: allow access by POP3 and IMAP."

var german = []Provider{
	{
		ID: "gmx", Name: "GMX", Domains: []string{"gmx.net", "gmx.de", "gmx.at", "gmx.ch", "gmx.eu", "gmx.biz", "gmx.org", "gmx.info"}, MX: []string{"gmx.net"},
		Server: pops("pop.gmx.net"), Secret: Password, Interval: 15 * time.Minute,
		Steps: []string{gmxStep, "With two-factor authentication on: make an app password under Mein Account > Sicherheit."},
		Page:  "gmx-webde.md", Source: ispdb + "gmx.net; interval as web.de's, which is the same system",
	},
	{
		ID: "gmxcom", Name: "GMX.com", Domains: []string{"gmx.com", "gmx.us", "gmx.co.uk", "gmx.fr", "gmx.es"}, Server: pops("pop.gmx.com"), Secret: Password,
		Interval: 15 * time.Minute, Steps: []string{"In the mailbox, in a browser: Email > Settings > POP3 & IMAP: allow access."},
		Page: "gmx-webde.md", Source: ispdb + "gmx.com",
	},
	{
		ID: "mailcom", Name: "mail.com", Domains: []string{"mail.com", "email.com", "usa.com", "europe.com", "post.com"}, Server: pops("pop.mail.com"), Secret: Password,
		Steps: []string{"In the mailbox, in a browser: Email > Settings > POP3 & IMAP: allow access. It may need a paid account."}, Source: ispdb + "mail.com",
	},
	{
		ID: "webde", Name: "WEB.DE", Domains: []string{"web.de"}, MX: []string{"web.de"}, Server: pops("pop3.web.de"), LocalPart: true, Secret: Password,
		Interval: 15 * time.Minute,
		Steps:    []string{gmxStep, "With two-factor authentication on: make an app password under Mein Account > Sicherheit."},
		Note:     "web.de lets a free mailbox log in every 12 to 15 minutes only.",
		Page:     "gmx-webde.md", Source: ispdb + "web.de; jens-maus/yam #305: 720 seconds",
	},
	{
		ID: "tonline", Name: "T-Online", Domains: []string{"t-online.de", "magenta.de"}, Server: pops("securepop.t-online.de"), Secret: Password,
		Steps: []string{"In the Telekom e-mail center: Einstellungen > Passwort für E-Mail-Programme: make one. The password of the web site does not work here."},
		Page:  "t-online.md", Source: ispdb + "t-online.de",
	},
	{
		ID: "ionos", Name: "IONOS (1&1)", Domains: []string{"online.de", "onlinehome.de", "sofortstart.de", "sofort-start.de", "sofortsurf.de", "sofort-surf.de", "go4more.de"},
		MX: []string{"kundenserver.de", "schlund.de", "ionos.de"}, Server: pops("pop.ionos.de"), Secret: Password,
		Page: "ionos.md", Source: ispdb + "1und1.de for the domains; ionos.de/hilfe: Serverinformationen",
	},
	{
		ID: "ionos-com", Name: "IONOS (1&1), in the USA", MX: []string{"ionos.com", "perfora.net"}, Server: pops("pop.ionos.com"), Secret: Password,
		Page: "ionos.md", Source: "ionos.com/help: server information",
	},
	{
		ID: "ionos-fr", Name: "IONOS (1&1), in France", MX: []string{"ionos.fr"}, Server: pops("pop.ionos.fr"), Secret: Password,
		Page: "ionos.md", Source: "ionos.fr/assistance: serveur entrant",
	},
	{
		ID: "strato", Name: "Strato", Domains: []string{"strato.de"}, MX: []string{"rzone.de"}, Server: pops("pop3.strato.de"), Secret: Password,
		Source: ispdb + "strato.de",
	},
	{
		ID: "freenet", Name: "freenet", Domains: []string{"freenet.de"}, MX: []string{"freenet.de"}, Server: pops("mx.freenet.de"), Secret: Password,
		Steps: []string{"In the mailbox, in a browser: Einstellungen > POP3/IMAP/SMTP > Einrichtung POP3/IMAP: POP3, IMAP und SMTP aktivieren."},
		Page:  "freenet.md", Source: ispdb + "freenet.de for the switch and the host; port 995 there answers POP3",
	},
	{
		ID: "posteo", Name: "Posteo", Domains: []string{
			"posteo.de", "posteo.net", "posteo.org", "posteo.eu", "posteo.at", "posteo.ch", "posteo.be", "posteo.nl", "posteo.dk", "posteo.se", "posteo.no",
			"posteo.es", "posteo.it", "posteo.pl", "posteo.cz", "posteo.me", "posteo.us", "posteo.uk", "posteo.co.uk", "posteo.com", "posteo.li", "posteo.lu",
		},
		MX: []string{"posteo.de"}, Server: pops("posteo.de"), Secret: Password, Source: ispdb + "posteo.de",
	},
	{
		ID: "mailboxorg", Name: "mailbox.org", Domains: []string{"mailbox.org", "secure.mailbox.org"}, MX: []string{"mailbox.org"},
		Server: pops("pop3.mailbox.org"), Secret: Password,
		Steps: []string{"With two-factor authentication on: make an application password in the settings."}, Source: "kb.mailbox.org, and the SRV records of mailbox.org",
	},
	{
		ID: "hetzner", Name: "Hetzner", MX: []string{"your-server.de"}, Server: pops("mail.your-server.de"), Unconfirmed: true, Secret: Password,
		Source: ispdb + "hetzner.de, which has IMAP at this host",
	},
	{
		ID: "allinkl", Name: "All-Inkl", MX: []string{"kasserver.com"}, Server: pops(""), ServerIsMX: true, Unconfirmed: true, Secret: Password,
		Note: "Each customer has a server of its own, whose name is that of the domain's mail server.", Source: "all-inkl.com: E-Mail-Einstellungen",
	},
}

const (
	pecStep = "If two-step verification is on, make a password for mail programs (password dedicata) in the webmail."
	pecNote = "A PEC message brings the certificates of its provider along: postacert.eml, daticert.xml and smime.p7s. deploy/providers/pec.md says what becomes of them."
)

var italian = []Provider{
	{
		ID: "pec-aruba", Name: "Aruba PEC", Domains: []string{"pec.it", "arubapec.it", "pec.aruba.it", "mypec.eu", "ingpec.eu"}, MX: []string{"pec.aruba.it"},
		Server: pops("pop3s.pec.aruba.it"), Secret: Password,
		Steps: []string{"In the webmail: Impostazioni > Gestisci su client: POP3 must be on, as it is unless somebody changed it.", pecStep}, Note: pecNote,
		Page: "pec.md", Source: "guide.pec.it: parametri di configurazione; " + ispdb + "ingpec.eu",
	},
	{
		ID: "pec-legalmail", Name: "Legalmail (InfoCert PEC)", Domains: []string{"legalmail.it", "cert.legalmail.it"}, MX: []string{"cert.legalmail.it"},
		Server: pops("mbox.cert.legalmail.it"), Secret: Password,
		UserID: "User id that InfoCert gave you (such as M1234567, not the address)", Note: pecNote,
		Page: "pec.md", Source: "help.infocert.digital: configuring Legalmail",
	},
	{
		ID: "pec-namirial", Name: "Namirial PEC", Domains: []string{"sicurezzapostale.it"}, MX: []string{"sicurezzapostale.it"},
		Server: pops("pops.sicurezzapostale.it"), Unconfirmed: true, Secret: Password, Steps: []string{pecStep}, Note: pecNote,
		Page: "pec.md", Source: "a list of servers in the MaksIT PostClient",
	},
	{
		ID: "pec-poste", Name: "PosteCert (Poste Italiane PEC)", Domains: []string{"postecert.it", "pec.poste.it"}, MX: []string{"postecert.it"},
		Server: pops("mail.postecert.it"), Secret: Password, Note: pecNote, Page: "pec.md", Source: ispdb + "postecert.it",
	},
	{
		ID: "aruba", Name: "Aruba", Domains: []string{"aruba.it", "technet.it"}, MX: []string{"aruba.it"}, Server: pops("pop3s.aruba.it"), Secret: Password,
		Source: "guide.hosting.aruba.it: configurazione POP",
	},
	{
		ID: "libero", Name: "Libero", Domains: []string{"libero.it", "iol.it", "inwind.it", "blu.it", "giallo.it"}, MX: []string{"libero.it"},
		Server: pops("popmail.libero.it"), Secret: Password,
		Steps:  []string{"In Libero Mail: Impostazioni > Account: allow access by mail programs, and make a password for them if the page offers one."},
		Source: "aiuto.libero.it: POP3 popmail.libero.it, porta 995",
	},
	{
		ID: "virgilio", Name: "Virgilio", Domains: []string{"virgilio.it"}, Server: pops("in.virgilio.it"), Secret: Password, Source: ispdb + "virgilio.it",
	},
	{
		ID: "tim", Name: "TIM", Domains: []string{"tim.it"}, Server: stls("pop.tim.it"), Secret: Password, Source: ispdb + "tim.it",
	},
	{
		ID: "alice", Name: "Alice (TIM)", Domains: []string{"alice.it"}, Server: stls("in.alice.it"), Secret: Password, Source: ispdb + "alice.it",
	},
}

var french = []Provider{
	{
		ID: "orange", Name: "Orange", Domains: []string{"orange.fr", "wanadoo.fr"}, Server: pops("pop.orange.fr"), Secret: Password,
		Steps: []string{"In Orange's webmail: Préférences > Sécurité: allow access by mail programs."}, Source: ispdb + "orange.fr",
	},
	{
		ID: "free", Name: "Free", Domains: []string{"free.fr"}, Server: pops("pop.free.fr"), LocalPart: true, Secret: Password, Source: ispdb + "free.fr",
	},
	{
		ID: "laposte", Name: "La Poste", Domains: []string{"laposte.net"}, Server: pops("pop.laposte.net"), LocalPart: true, Secret: Password,
		Steps: []string{"In laposte.net's webmail: Paramètres: allow access by mail programs."}, Source: "ONLYOFFICE CommunityServer's copy of " + ispdb + "laposte.net",
	},
	{
		ID: "ovh", Name: "OVH (MX Plan)", MX: []string{"mail.ovh.net"}, Server: pops("ssl0.ovh.net"), Unconfirmed: true, Secret: Password,
		Source: "help.ovhcloud.com: MX Plan, configuration of mail programs",
	},
}
