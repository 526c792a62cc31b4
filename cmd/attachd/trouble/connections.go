package trouble

// The classes of a connection that does not come about.
const (
	DNSNotFound       Class = "dns_not_found"
	DNSFailed         Class = "dns_failed"
	ConnectRefused    Class = "connection_refused"
	Unreachable       Class = "unreachable"
	ConnectTimeout    Class = "connect_timeout"
	ConnectFailed     Class = "connect_failed"
	ProxyFailed       Class = "proxy_failed"
	ProxyRefused      Class = "proxy_refused"
	TLSTimeout        Class = "tls_timeout"
	TLSRefused        Class = "tls_refused"
	TLSVersion        Class = "tls_version"
	TLSNotOffered     Class = "tls_not_offered"
	TLSInjected       Class = "tls_injected"
	CertExpired       Class = "certificate_expired"
	CertUnknown       Class = "certificate_unknown"
	CertName          Class = "certificate_name"
	CertInvalid       Class = "certificate_invalid"
	PinMismatch       Class = "pin_mismatch"
	OwnCertificate    Class = "own_certificate"
	CertificateFile   Class = "certificate_file"
	NotPOP3           Class = "not_pop3"
	CertificateEnding Class = "certificate_ending"
)

const byItself = "Nothing, unless it lasts: attachd tries again by itself, more and more slowly, at least once an hour."

var connections = map[Class]row{
	DNSNotFound: {"dns", "connect", Advice{
		Person, "Server's name not found", "name not found",
		"There is no server of this name: it is misspelt or was given up, or the name server of this machine knows only part of the names.",
		"Correct host in {config} if it is wrong. If it is right, see whether this machine can look up names: getent hosts NAME.",
	}},
	DNSFailed: {"dns", "connect", Advice{
		Itself, "Name can't be looked up", "name lookup failed",
		"The name server of this machine does not answer, or not in a usable way. The mail server was not asked.",
		byItself,
	}},
	ConnectRefused: {"connect", "connect", Advice{
		Itself, "Server refuses connections", "connection refused",
		"The machine is there, and nothing listens on this port: the mail server is down, or the port is wrong.",
		byItself + " If this account has never worked, see whether host and port are right.",
	}},
	Unreachable: {"connect", "connect", Advice{
		Itself, "Server can't be reached", "unreachable",
		"No way leads from this machine to the server: this machine's network is down, or a router has none.",
		byItself,
	}},
	ConnectTimeout: {"timeout", "connect", Advice{
		Itself, "Server does not answer", "does not answer",
		"No connection came about in time: the server is down, or a firewall drops what is sent.",
		byItself + " If this account has never worked, see whether host and port are right.",
	}},
	ConnectFailed: {"connect", "connect", Advice{
		Itself, "Connection fails", "connection fails",
		"The connection to the server did not come about.",
		byItself,
	}},
	ProxyFailed: {"connect", "connect", Advice{
		Itself, "Proxy does not work", "proxy fails",
		"The proxy between attachd and the server can't be reached, or can't reach the server.",
		byItself,
	}},
	ProxyRefused: {"connect", "connect", Advice{
		Person, "Proxy refuses", "proxy refuses",
		"The proxy does not take the user name and the password, or does not allow this connection.",
		"Correct proxy of the account in {config}, or have the proxy allow connections to {host}.",
	}},
	TLSTimeout: {"timeout", "tls", Advice{
		Itself, "TLS does not begin", "TLS does not begin",
		"The server takes the connection and does not answer the TLS handshake.",
		byItself + " If this account has never worked, see whether port is that of POP3S, 995, and tls.mode fits.",
	}},
	TLSRefused: {"tls", "tls", Advice{
		Person, "TLS fails", "TLS fails",
		"Server and attachd can't agree on an encrypted connection, so nothing was sent.",
		"The words of the server say what it wants. attachd check --online {account} tries it again.",
	}},
	TLSVersion: {"tls", "tls", Advice{
		Person, "Server's TLS is too old", "TLS too old",
		"The server knows no version of TLS that is safe and that this account allows.",
		"Have the server updated, or put a proxy in front of it. A higher tls.min_version than 1.2 in {config} may be too strict.",
	}},
	TLSNotOffered: {"tls", "tls", Advice{
		Person, "Server offers no encryption", "no TLS offered",
		"The server does not offer STLS, so that the password would go over the line in the clear. Nothing was sent.",
		"Use port 995 with tls.mode: implicit in {config}, if the server has it; or have STLS switched on.",
	}},
	TLSInjected: {"tls", "tls", Advice{
		Person, "Somebody tampers with the line", "line tampered with",
		"Text came in the clear where the encryption was to begin: somebody on the line put it there, or the server is broken. Nothing was sent.",
		"Use port 995 with tls.mode: implicit in {config}, and tell whoever runs the server or the network.",
	}},
	CertExpired: {"tls", "tls", Advice{
		Person, "Server's certificate has expired", "certificate expired",
		"The server shows a certificate that is not valid at this time, so attachd does not log in.",
		"Have whoever runs the server renew it, and see whether the clock of this machine is right. attachd goes on by itself once it is valid.",
	}},
	CertUnknown: {"tls", "tls", Advice{
		Person, "Server's certificate is not trusted", "certificate not trusted",
		"No authority that this machine knows has signed the server's certificate, so attachd does not log in.",
		"If it is the right server, name its authority in tls.ca_file, or its key in tls.pin_sha256, in {config}. The error says what the server sent.",
	}},
	CertName: {"tls", "tls", Advice{
		Person, "Server's certificate has another name", "certificate name differs",
		"The server's certificate is valid for other names than the one that attachd connected to, so it does not log in.",
		"Set host, or tls.server_name, to a name of the certificate in {config} if it is the right server.",
	}},
	CertInvalid: {"tls", "tls", Advice{
		Person, "Server's certificate is invalid", "certificate invalid",
		"The server's certificate, or one between it and its authority, can't be accepted, so attachd does not log in.",
		"Have whoever runs the server mend it; the error says what is wrong with it.",
	}},
	PinMismatch: {"tls", "tls", Advice{
		Person, "Server has another key", "key not pinned",
		"No key of the server is among those in tls.pin_sha256: the server has a new one, or somebody is between.",
		"Ask whoever runs the server for its key. If the new one is right, put it into tls.pin_sha256 in {config}.",
	}},
	OwnCertificate: {"tls", "tls", Advice{
		Person, "Own certificate not taken", "own certificate refused",
		"The server wants a certificate of this account, or does not take the one in tls.cert_file.",
		"Put a valid certificate and its key into tls.cert_file and tls.key_file of the account; attachd reads them anew at each poll.",
	}},
	CertificateFile: {"tls", "tls", Advice{
		Person, "Certificate file can't be read", "certificate file unreadable",
		"tls.ca_file, tls.cert_file or tls.key_file of the account is missing, not readable for attachd, or holds no certificate.",
		"Put the file back, and give attachd's user the right to read it. attachd reads it anew at each poll.",
	}},
	NotPOP3: {"protocol", "connect", Advice{
		Person, "Not a POP3 server", "not POP3",
		"Something else than a POP3 server answers on this port.",
		"Correct host, port or tls.mode of the account in {config}: POP3S is port 995, POP3 with STLS port 110.",
	}},
	CertificateEnding: {"tls", "tls", Advice{
		Person, "Certificate ends soon", "certificate ends soon",
		"Once it has ended, attachd does not log in to this server any more.",
		"Have whoever runs the server renew it before. attachd goes on working until then.",
	}},
}
