package config

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
)

// origin is where a part of the configuration stands. Its relative paths are below the folder.
type origin struct {
	at      position // of its first key; zero when it is no mapping
	folder  string   // absolute
	exposed string   // who else can read the YAML file; "" if nobody should mind
}

// folderOf returns the folder for a relative path at the given place. Defaults stand in the main
// file; an account's file may lie in another folder.
func (l *loader) folderOf(o *origin, at position) string {
	if at.fileIndex != o.at.fileIndex {
		return l.folder
	}
	return o.folder
}

// rawSecret are the five keys for one secret. [fieldsOf] makes them of the field's own key.
type rawSecret struct {
	inline     value[Secret]
	file, env  value[string]
	command    value[[]string]
	credential value[string]
}

// fields adds the five keys to a section's.
func (r *rawSecret) fields(name string, into map[string]decodable) {
	into[name], into[name+"_file"], into[name+"_env"] = &r.inline, &r.file, &r.env
	into[name+"_command"], into[name+"_credential"] = &r.command, &r.credential
}

// secretSuffixes are what the five keys add to the secret's own.
var secretSuffixes = [...]string{"", "_file", "_env", "_command", "_credential"}

// parts are the values of the five keys.
func (r *rawSecret) parts() [len(secretSuffixes)]placed {
	return [...]placed{&r.inline, &r.file, &r.env, &r.command, &r.credential}
}

// given lists the places of the keys that the file has.
func (r *rawSecret) given() []position {
	var given []position
	for _, part := range r.parts() {
		if at, set := part.where(); set {
			given = append(given, at)
		}
	}
	return given
}

// secretNames lists the five keys for a message.
func secretNames(name string) string {
	names := make([]string, len(secretSuffixes))
	for i, suffix := range secretSuffixes {
		names[i] = name + suffix
	}
	return alternatives(names)
}

// spoken is what people call the secret of a key.
func spoken(name string) string {
	switch name {
	case ofPing:
		return "ping URL"
	case ofURL:
		return "URL"
	}
	return strings.ReplaceAll(name, "_", " ")
}

// secret checks the one source of a secret, whose keys begin with name. It returns the zero
// SecretRef if there is none.
func (l *loader) secret(o *origin, r *rawSecret, name string) SecretRef {
	given := r.given()
	if len(given) > 1 {
		var names []string
		for _, at := range given {
			names = append(names, at.leaf())
		}
		l.problem(given[1], "the %s has %d sources: %s; give one", spoken(name), len(given), strings.Join(names, ", "))
		return SecretRef{}
	}
	return l.source(o, r, name).as(name)
}

// source is secret for the key that is given.
func (l *loader) source(o *origin, r *rawSecret, name string) SecretRef {
	switch {
	case r.inline.ok():
		return l.inline(o, &r.inline, name)
	case r.file.ok():
		if path := l.path(&r.file, l.folderOf(o, r.file.at)); path != "" {
			l.file(r.file.at, path, name, kindSecret, checkSecret)
			return FileSecret(path)
		}
	case r.env.ok():
		return l.variable(&r.env, name)
	case r.command.ok():
		if argv := l.command(o, &r.command); argv != nil {
			return CommandSecret(argv...)
		}
	case r.credential.ok():
		return l.credential(&r.credential, name)
	}
	return SecretRef{}
}

// known returns the secret if it can be had at once and without running a program. What keeps it
// from being read has been reported.
func (r SecretRef) known() (text string, ok bool) {
	if r.IsZero() || r.source == fromCommand {
		return "", false
	}
	s, err := r.Resolve(context.Background())
	return string(s), err == nil
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
func (l *loader) inline(o *origin, v *value[Secret], name string) SecretRef {
	text, err := cleanSecret(string(v.v))
	if err != nil {
		l.problem(v.at, "cannot be used: %v", err)
		return SecretRef{}
	}
	if v.commented {
		l.warn(WarnCommentInValue, v.at, `a comment follows the %[1]s; if " #" belongs to the %[1]s, put quotes around it`, spoken(name))
	}
	l.expose(o, v.at, spoken(name))
	return InlineSecret(Secret(text))
}

// expose warns of a secret in a file that others can read, once for each file.
func (l *loader) expose(o *origin, at position, what string) {
	to := o.exposed
	if at.fileIndex != o.at.fileIndex {
		to = l.top.exposed
	}
	if to == "" || l.exposed[at.file] {
		return
	}
	if l.exposed == nil {
		l.exposed = map[string]bool{}
	}
	l.exposed[at.file] = true
	l.warn(WarnSecretExposed, at, "the %s stands in a file that is readable by %s", what, to)
}

func (l *loader) variable(v *value[string], name string) SecretRef {
	if v.v == "" || strings.ContainsAny(v.v, "=$ \x00") {
		l.problem(v.at, "must be the name of an environment variable")
		return SecretRef{}
	}
	switch {
	case env(v.v):
	case name == ofPassword || name == ofClient:
		l.warn(WarnUnreadable, v.at, "the variable is not set, so this account cannot log in")
	default:
		l.warn(WarnUnreadable, v.at, "the variable is not set, so there is no %s", spoken(name))
	}
	return EnvSecret(v.v)
}

// command returns the program and its arguments. A relative path is below the file's folder.
func (l *loader) command(o *origin, v *value[[]string]) []string {
	if len(v.v) == 0 || v.v[0] == "" {
		l.problem(v.at, "must name a program")
		return nil
	}
	argv := append([]string(nil), v.v...)
	if strings.ContainsRune(argv[0], '/') && !filepath.IsAbs(argv[0]) {
		argv[0] = filepath.Join(l.folderOf(o, v.at), argv[0])
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
