package config

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// Login is the user of an account and the password or token. Tokens are for AuthXOAuth2 and
// AuthOAuthBearer.
type Login struct {
	Username string
	Password SecretRef // zero if Auth takes a token
	Auth     Auth

	Token         SecretRef     // token_command; zero if tokens come from OAuth
	TokenLifetime time.Duration // if token_command does not give it; 0 is the default
	OAuth         OAuth         // zero if tokens come from token_command
}

// Auth is the way to log in.
type Auth string

// The ways to log in that this version knows.
const (
	AuthAuto  Auth = "auto" // APOP when the greeting offers it, else USER/PASS
	AuthAPOP  Auth = "apop"
	AuthPass  Auth = "pass"
	AuthPlain Auth = "plain"
	AuthLogin Auth = "login"

	AuthXOAuth2     Auth = "xoauth2"     // with an access token, as Google and Microsoft have it
	AuthOAuthBearer Auth = "oauthbearer" // with an access token, by RFC 7628
)

func (a *Auth) parse(s string) error {
	return choose(a, s, AuthAuto, AuthAPOP, AuthPass, AuthPlain, AuthLogin, AuthXOAuth2, AuthOAuthBearer)
}

// ByToken reports whether the login takes an access token in place of a password.
func (a Auth) ByToken() bool { return a == AuthXOAuth2 || a == AuthOAuthBearer }

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

// login finds what the account logs in with.
func (l *loader) login(r *rawAccount) Login {
	a := Login{Username: l.username(r), Auth: r.Auth.or(AuthAuto)}
	password := secretKeys{"password", &r.Password, &r.PasswordFile, &r.PasswordEnv, &r.PasswordCommand, &r.PasswordCredential}
	if a.Auth.ByToken() {
		for _, at := range password.given() {
			l.problem(at, "has no meaning with auth: %s, which takes a token: give oauth or token_command", a.Auth)
		}
		l.tokens(r, &a)
		return a
	}
	l.noTokens(r)
	if len(password.given()) == 0 {
		l.problem(r.at.key("password"), "missing: give one of %s", password.names())
		return a
	}
	a.Password = l.secret(r, password)
	return a
}

// secretKeys are the five keys for one secret.
type secretKeys struct {
	name       string
	inline     *value[Secret]
	file, env  *value[string]
	command    *value[[]string]
	credential *value[string]
}

// given lists the places of the keys that the file has.
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

// secret checks the one source of a secret. It returns the zero SecretRef if there is none.
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

// checkSecret checks a file's content as [SecretRef.Resolve] will read it.
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

// command returns the program and its arguments. A relative path is below the file's folder.
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
