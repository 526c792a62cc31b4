package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes leaves room for an account's name in a file name.
const maxNameBytes = 100

// account checks one account. What is wrong with it is reported and left empty.
func (l *loader) account(r *rawAccount, c *Config) Account {
	l.atLeast(&r.Interval, minInterval)
	l.inRange(&r.Attempts, 1, math.MaxInt32)
	a := Account{
		Name:       l.name(r),
		Host:       l.host(r),
		Username:   l.username(r),
		Auth:       r.Auth.or(AuthAuto),
		After:      r.After.or(AfterKeep),
		Duplicates: r.Duplicates.or(DuplicatesKeep),
		Attempts:   r.Attempts.or(DefaultAttempts),
		Interval:   r.Interval.or(c.Interval),
		Enabled:    r.Enabled.or(true),
	}
	l.credentials(r, &a)
	if c.Output != "" && a.Name != "" {
		a.Output = filepath.Join(c.Output, a.Name)
	}
	if r.Delete.set && a.After != AfterDelete && !r.After.bad {
		l.problem(r.Delete.at, "has a meaning only with after: delete")
	}
	if r.DeleteAfter.set && a.After != AfterDelete && !r.After.bad {
		l.problem(r.DeleteAfter.at, "has a meaning only with after: delete")
	} else {
		a.DeleteAfter = r.DeleteAfter.or(0)
	}
	a.TLS = l.tls(r, a.Host)
	l.inRange(&r.Port, 1, 65535)
	a.Port = r.Port.or(a.TLS.defaultPort())
	for other, port := range map[TLSMode]int{TLSImplicit: 995, TLSStartTLS: 110} {
		if r.Port.ok() && a.Port == port && a.TLS.Mode != other && a.TLS.Mode != TLSNone {
			l.warn(WarnOddPort, r.Port.at, "%d is the port for tls.mode: %s, and the mode is %s", port, other, a.TLS.Mode)
		}
	}
	a.Files = l.attachments(&r.rawFiles)
	a.Policy = l.policy(&r.rawPolicy)
	a.Timeouts = l.timeouts(&r.Timeouts)
	a.Quarantine = l.quarantine(&r.Quarantine)
	a.Proxy = l.proxy(r, a.TLS.Mode)
	password, _ := a.Password.path()
	client, _ := a.OAuth.ClientSecret.path()
	key, _ := a.OAuth.Key.path()
	a.Secrets = l.in.fingerprint(password, client, key, a.TLS.CAFile, a.TLS.CertFile, a.TLS.KeyFile)
	return a
}

// defaultPort is the port of IANA's registry for the mode.
func (t TLS) defaultPort() int {
	if t.Mode == TLSImplicit {
		return 995
	}
	return 110
}

func (l *loader) name(r *rawAccount) string {
	name, at := r.Name.v, r.Name.at
	if !r.Name.set {
		if name, at = r.file, r.at.key("name"); name == "" {
			l.problem(at, "missing")
			return ""
		}
	}
	if r.Name.bad {
		return ""
	}
	if fault := nameFault(name); fault != "" {
		l.problem(at, "%s, as it is the name of a folder: %s", fault, quote(name))
		return ""
	}
	return name
}

// nameFault tells what keeps a name from being that of a folder, on any file system, in any shell.
func nameFault(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case len(name) > maxNameBytes:
		return "must not be longer than 100 bytes"
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || strings.HasPrefix(name, "~"):
		return "must not begin with a dot, a hyphen or a tilde"
	case isDevice(name):
		return "must not be the name of a device on Windows"
	case strings.HasSuffix(name, ".") || strings.TrimSpace(name) != name:
		return "must not end with a dot or begin or end with a space"
	case strings.ContainsAny(name, `/\:*?"<>|`):
		return `must not hold any of / \ : * ? " < > |`
	case strings.ContainsFunc(name, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }):
		return "must not hold control characters"
	}
	return ""
}

func (l *loader) host(r *rawAccount) string {
	if !r.Host.set {
		l.problem(r.at.key("host"), "missing")
		return ""
	}
	if !r.Host.ok() {
		return ""
	}
	host := strings.TrimSuffix(r.Host.v, ".")
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if fault := hostFault(host); fault != "" {
		l.problem(r.Host.at, "%s", fault)
		return ""
	}
	return host
}

const hostBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

// hostFault tells what keeps a host from being one.
func hostFault(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	inner, _, err := net.SplitHostPort(host)
	switch {
	case host == "":
		return "must not be empty"
	case strings.Contains(host, "://"):
		return "must be a host name without a scheme before it, not " + quote(host)
	case err == nil && hostFault(inner) == "":
		return "must be a host name alone, as the port has a key of its own, not " + quote(host)
	case strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }):
		return "must be written in ASCII (xn--…), not " + quote(host)
	case strings.Trim(host, hostBytes) != "", len(host) > 253, strings.HasPrefix(host, "."), strings.HasPrefix(host, "-"), strings.Contains(host, ".."):
		return "must be a host name or an address, not " + quote(host)
	}
	return ""
}

func (l *loader) username(r *rawAccount) string {
	switch v := r.Username; {
	case !v.set:
		l.problem(r.at.key("username"), "missing")
	case v.bad:
	case strings.TrimSpace(v.v) == "":
		l.problem(v.at, "must not be empty")
	case strings.ContainsFunc(v.v, unicode.IsControl):
		l.problem(v.at, "must not hold control characters")
	default:
		return v.v
	}
	return ""
}

// credentials finds what the account logs in with.
func (l *loader) credentials(r *rawAccount, a *Account) {
	password := secretKeys{"password", &r.Password, &r.PasswordFile, &r.PasswordEnv, &r.PasswordCommand, &r.PasswordCredential}
	if a.Auth.byToken() {
		for _, at := range password.given() {
			l.problem(at, "has no meaning with auth: %s, which takes a token: give oauth or token_command", a.Auth)
		}
		l.tokens(r, a)
		return
	}
	l.noTokens(r)
	if len(password.given()) == 0 {
		l.problem(r.at.key("password"), "missing: give one of %s", password.names())
		return
	}
	a.Password = l.secret(r, password)
}

// secretKeys are the five keys that a secret can be given by.
type secretKeys struct {
	name       string
	inline     *value[Secret]
	file, env  *value[string]
	command    *value[[]string]
	credential *value[string]
}

// given lists the places of those that are there.
func (k secretKeys) given() []position {
	var given []position
	for _, v := range []struct {
		set bool
		at  position
	}{{k.inline.set, k.inline.at}, {k.file.set, k.file.at}, {k.env.set, k.env.at}, {k.command.set, k.command.at}, {k.credential.set, k.credential.at}} {
		if v.set {
			given = append(given, v.at)
		}
	}
	return given
}

func (k secretKeys) names() string {
	return alternatives([]string{k.name, k.name + "_file", k.name + "_env", k.name + "_command", k.name + "_credential"})
}

// secret checks the one source of a secret. Without any it refers to nothing.
func (l *loader) secret(r *rawAccount, k secretKeys) SecretRef {
	given := k.given()
	if len(given) > 1 {
		var names []string
		for _, at := range given {
			names = append(names, at.leaf())
		}
		l.problem(given[1], "the %s has %d sources: %s; give one", strings.ReplaceAll(k.name, "_", " "), len(given), strings.Join(names, ", "))
		return SecretRef{}
	}
	switch {
	case k.inline.ok():
		return l.inline(r, k.inline, k.name)
	case k.file.ok():
		if path := l.path(k.file, l.folderOf(r, k.file.at)); path != "" {
			l.file(k.file.at, path, k.name, kindSecret, checkSecret)
			return FileSecret(path)
		}
	case k.env.ok():
		return l.variable(k.env)
	case k.command.ok():
		return CommandSecret(l.command(r, k.command)...)
	case k.credential.ok():
		return l.credential(k.credential, k.name)
	}
	return SecretRef{}
}

// checkSecret reads a file's content as [SecretRef.Resolve] will.
func checkSecret(data []byte) error {
	text, err := fromUTF16(data)
	if err == nil {
		_, err = cleanSecret(text)
	}
	return err
}

// inline checks a secret in the file itself.
func (l *loader) inline(r *rawAccount, v *value[Secret], name string) SecretRef {
	name = strings.ReplaceAll(name, "_", " ")
	text, err := cleanSecret(string(v.v))
	if err != nil {
		l.problem(v.at, "cannot be used: %v", err)
		return SecretRef{}
	}
	if v.commented {
		l.warn(WarnCommentInValue, v.at, `a comment follows the %[1]s; if " #" belongs to the %[1]s, put quotes around it`, name)
	}
	l.expose(r, v.at, name)
	return InlineSecret(Secret(text))
}

// expose warns of a secret in a file that others can read, once for each file.
func (l *loader) expose(r *rawAccount, at position, name string) {
	to := r.exposed
	if at.fileIndex != r.at.fileIndex {
		to = l.open
	}
	if to == "" || l.exposed[at.file] {
		return
	}
	if l.exposed == nil {
		l.exposed = map[string]bool{}
	}
	l.exposed[at.file] = true
	l.warn(WarnSecretExposed, at, "the %s stands in a file that is readable by %s", name, to)
}

func (l *loader) variable(v *value[string]) SecretRef {
	if v.v == "" || strings.ContainsAny(v.v, "=$ \x00") {
		l.problem(v.at, "must be the name of an environment variable")
		return SecretRef{}
	}
	if !env(v.v) {
		l.warn(WarnUnreadable, v.at, "the variable is not set, so this account cannot log in")
	}
	return EnvSecret(v.v)
}

// command gives the program, found from the file's folder if it is a relative path, and its arguments.
func (l *loader) command(r *rawAccount, v *value[[]string]) []string {
	if len(v.v) == 0 || v.v[0] == "" {
		l.problem(v.at, "must name a program")
		return nil
	}
	argv := append([]string(nil), v.v...)
	if strings.ContainsRune(argv[0], '/') && !filepath.IsAbs(argv[0]) {
		argv[0] = filepath.Join(l.folderOf(r, v.at), argv[0])
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		l.warn(WarnUnreadable, v.at, "%s cannot be run: %v", argv[0], explain(argv[0], errors.Unwrap(err)))
	}
	return argv
}

func (l *loader) credential(v *value[string], name string) SecretRef {
	if v.v == "" || v.v == "." || v.v == ".." || strings.ContainsAny(v.v, "/\x00") {
		l.problem(v.at, "must be the name of a credential, without a path")
		return SecretRef{}
	}
	ref := CredentialSecret(v.v)
	if path, err := credentialPath(v.v); err != nil {
		l.warn(WarnUnreadable, v.at, "%v", err)
	} else {
		l.file(v.at, path, name, kindSecret, checkSecret)
	}
	return ref
}

// tls checks the section of that name.
func (l *loader) tls(r *rawAccount, host string) TLS {
	v := &r.TLS
	t := TLS{
		Mode:               v.Mode.or(TLSImplicit),
		InsecureSkipVerify: v.InsecureSkipVerify.or(false),
		MinVersion:         uint16(v.MinVersion.or(tls.VersionTLS12)),
		ServerName:         v.ServerName.or(""),
		CAFile:             l.path(&v.CAFile, l.folderOf(r, v.CAFile.at)),
		CertFile:           l.path(&v.CertFile, l.folderOf(r, v.CertFile.at)),
		KeyFile:            l.path(&v.KeyFile, l.folderOf(r, v.KeyFile.at)),
	}
	if t.Mode == TLSNone {
		l.plaintext(v, host)
		return TLS{Mode: TLSNone}
	}
	if v.ServerName.ok() {
		if fault := hostFault(t.ServerName); fault != "" {
			l.problem(v.ServerName.at, "%s", fault)
		}
	}
	if v.PinSHA256.ok() {
		var err error
		if t.Pins, err = parsePins(v.PinSHA256.v); err != nil {
			l.problem(v.PinSHA256.at, "%v", err)
		} else if t.Pins == "" {
			l.problem(v.PinSHA256.at, "must not be an empty list")
		}
	}
	if v.CertFile.set != v.KeyFile.set {
		at, other := v.CertFile.at, "key_file"
		if v.KeyFile.set {
			at, other = v.KeyFile.at, "cert_file"
		}
		l.problem(at, "needs %s beside it", other)
	}
	if t.InsecureSkipVerify && !v.PinSHA256.set {
		l.warn(WarnNotVerified, v.InsecureSkipVerify.at, "the server's certificate is not verified: whoever is on the line can read the password and the mail")
	}
	l.certificates(v, t)
	return t
}

// folderOf gives the folder that a relative path at the given place is below: defaults are in the main file, whose
// folder need not be that of the account's file.
func (l *loader) folderOf(r *rawAccount, at position) string {
	if at.fileIndex != r.at.fileIndex {
		return l.folder
	}
	return r.folder
}

// certificates looks at the files the section names.
func (l *loader) certificates(v *rawTLS, t TLS) {
	if t.CAFile != "" {
		l.file(v.CAFile.at, t.CAFile, "ca", kindCert, func(data []byte) error {
			if !x509.NewCertPool().AppendCertsFromPEM(data) {
				return errNoCertificate
			}
			return nil
		})
	}
	if t.CertFile == "" || t.KeyFile == "" {
		return
	}
	l.file(v.CertFile.at, t.CertFile, "cert", kindCert, func([]byte) error { return nil })
	l.file(v.KeyFile.at, t.KeyFile, "key for "+t.CertFile, kindSecret, func(key []byte) error {
		cert, _, err := readRegular(t.CertFile, maxCertBytes)
		if err != nil {
			return nil // which is the certificate's fault
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err == nil && time.Now().After(pair.Leaf.NotAfter) {
			l.warn(WarnExpired, v.CertFile.at, "its certificate has expired on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
		}
		return err
	})
}

// plaintext checks that a line without TLS stays on this machine.
func (l *loader) plaintext(v *rawTLS, host string) {
	addr, err := netip.ParseAddr(host)
	if host != "" && !strings.EqualFold(host, "localhost") && (err != nil || !addr.IsLoopback()) {
		l.problem(v.Mode.at, "none is for a proxy on this machine: the host must be localhost or a loopback address, not %s", quote(host))
		return
	}
	for _, key := range []struct {
		set bool
		at  position
	}{
		{v.CAFile.set, v.CAFile.at},
		{v.ServerName.set, v.ServerName.at},
		{v.InsecureSkipVerify.set, v.InsecureSkipVerify.at},
		{v.MinVersion.set, v.MinVersion.at},
		{v.PinSHA256.set, v.PinSHA256.at},
		{v.CertFile.set, v.CertFile.at},
		{v.KeyFile.set, v.KeyFile.at},
	} {
		if key.set {
			l.problem(key.at, "has no meaning with mode: none")
		}
	}
	l.warn(WarnPlaintext, v.Mode.at, "the password and the mail go to %s in the clear", quote(host))
}
