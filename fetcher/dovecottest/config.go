package dovecottest

import (
	"encoding/base64"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// writeFiles writes what stays the same over restarts.
func (s *Server) writeFiles() error {
	var passwords strings.Builder
	for name, password := range s.options.Users {
		// APOP needs the password itself; base64 lets it hold colons and line ends.
		fmt.Fprintf(&passwords, "%s:{PLAIN.b64}%s\n", name, base64.StdEncoding.EncodeToString([]byte(password)))
	}
	files := map[string][]byte{
		"passwd":   []byte(passwords.String()),
		"cert.pem": s.certificate.cert,
		"key.pem":  s.certificate.key,
	}
	if url := s.options.Introspection; url != "" && !s.version.two4 {
		files["oauth2.conf.ext"] = fmt.Appendf(nil, "introspection_mode = post\nintrospection_url = %s\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n", url)
	}
	for name, content := range files {
		// Dovecot's authentication runs as a user of its own; these are test
		// passwords and a key that lives as long as the test.
		if err := os.WriteFile(s.path(name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) writeConfig() error {
	return os.WriteFile(s.path("dovecot.conf"), []byte(s.config()), 0o644)
}

// config is the whole configuration, in the language of the installed version.
func (s *Server) config() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if s.version.two4 {
		// These two must come first.
		line("dovecot_config_version = 2.4.0")
		line("dovecot_storage_version = 2.4.0")
	}
	line("base_dir = %s", s.path("run"))
	line("state_dir = %s", s.path("run"))
	line("log_path = %s", s.path("dovecot.log"))
	line("protocols = pop3")
	line("listen = %s", host)
	line("ssl_min_protocol = TLSv1.2")

	mechanisms := "plain login apop"
	if s.options.Introspection != "" {
		line("auth_mechanisms = %s %s", mechanisms, tokenMechanisms)
	} else {
		line("auth_mechanisms = %s", mechanisms)
	}
	line("auth_failure_delay = 0s")
	line("first_valid_uid = 1")
	line("first_valid_gid = 1")
	line("mail_max_userip_connections = 1000")
	if s.options.Fsync {
		line("mail_fsync = optimized")
	} else {
		line("mail_fsync = never")
	}
	if s.owner.user != "" {
		line("default_internal_user = %s", s.owner.user)
		line("default_internal_group = %s", s.owner.group)
		line("default_login_user = %s", s.owner.user)
	}
	if s.version.two4 {
		s.config24(line)
	} else {
		s.config23(line)
	}
	s.services(line)
	for _, setting := range slices.Concat(s.options.Settings, s.settings) {
		line("%s", setting)
	}
	return b.String()
}

// tokenMechanisms are those that take an access token.
const tokenMechanisms = "xoauth2 oauthbearer"

func (s *Server) config23(line func(string, ...any)) {
	line("mail_location = maildir:~/Maildir")
	line("ssl_cert = <%s", s.path("cert.pem"))
	line("ssl_key = <%s", s.path("key.pem"))
	if s.options.Plaintext {
		line("ssl = yes")
		line("disable_plaintext_auth = no")
	} else {
		line("ssl = required")
	}
	if s.options.Introspection != "" {
		line("passdb {\n driver = oauth2\n mechanisms = %s\n args = %s\n}", tokenMechanisms, s.path("oauth2.conf.ext"))
	}
	line("passdb {\n driver = passwd-file\n args = %s\n}", s.path("passwd"))
	line("userdb {\n driver = static\n args = uid=%d gid=%d home=%s/%%u\n}", s.owner.uid, s.owner.gid, s.path("mail"))
}

func (s *Server) config24(line func(string, ...any)) {
	line("mail_driver = maildir")
	line("mail_path = ~/Maildir")
	line("ssl_server_cert_file = %s", s.path("cert.pem"))
	line("ssl_server_key_file = %s", s.path("key.pem"))
	if s.options.Plaintext {
		line("ssl = yes")
		line("auth_allow_cleartext = yes")
	} else {
		line("ssl = required")
	}
	if url := s.options.Introspection; url != "" {
		line("oauth2 {\n introspection_mode = post\n introspection_url = %s\n username_attribute = username\n active_attribute = active\n active_value = true\n}", url)
		line("passdb oauth2 {\n mechanisms_filter = %s\n}", tokenMechanisms)
	}
	line("passdb passwd-file {\n passwd_file_path = %s\n}", s.path("passwd"))
	line("userdb static {\n fields {\n  uid = %d\n  gid = %d\n  home = %s/%%{user}\n }\n}", s.owner.uid, s.owner.gid, s.path("mail"))
}

func (s *Server) services(line func(string, ...any)) {
	chroot := ""
	if s.owner.user != "" {
		chroot = " chroot =\n" // which only root may
	}
	// Without the socket there is no penalty for wrong passwords, which would
	// grow to 15 seconds for all logins from one address.
	line("service anvil {\n%s unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}", chroot)
	line("service pop3-login {")
	line("%s service_count = 0", chroot)
	line(" inet_listener pop3 {\n  address = %s\n  port = %d\n }", startTLSHost(), s.pop3)
	line(" inet_listener pop3s {\n  port = %d\n  ssl = yes\n }", s.pop3s)
	line("}")
}

// startTLSHost is where the server speaks POP3 with STLS. If both ends of a
// connection have the same address, Dovecot takes it for safe and allows logins
// without TLS, whatever its settings say. On Linux all of 127.0.0.0/8 is loopback,
// and clients of 127.0.0.2 come from 127.0.0.1.
func startTLSHost() string {
	if runtime.GOOS == "linux" {
		return "127.0.0.2"
	}
	return host
}

// UIDLFormat returns the setting that makes UIDLs of a variable: "uid", "uidvalidity",
// "md5" of the header, "filename" or "guid". It returns "" where no Dovecot is installed.
func UIDLFormat(variable string) string {
	v, err := installed()
	switch {
	case err != nil:
		return ""
	case v.two4:
		return "pop3_uidl_format = %{" + variable + "}"
	}
	letters := map[string]string{"uid": "u", "uidvalidity": "v", "md5": "m", "filename": "f", "guid": "g"}
	return "pop3_uidl_format = %" + letters[variable]
}
