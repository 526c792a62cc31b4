package config

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unique"
)

const hidden = "<secret>"

// Secret is a password in the clear. It prints and encodes as <secret>; a conversion to string
// gives the text. Pass it on, do not keep it: fmt prints the text if it is an unexported field of a
// struct.
type Secret string

// String returns <secret>.
func (Secret) String() string { return hidden }

// GoString returns <secret>.
func (Secret) GoString() string { return hidden }

// MarshalText returns <secret>; encoding/json, yaml and zerolog write it.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Format writes <secret> whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// source is the kind of place that a secret comes from, named by its key.
type source string

const (
	fromConfig     source = "password"
	fromFile       source = "password_file"
	fromEnv        source = "password_env"
	fromCommand    source = "password_command"
	fromCredential source = "password_credential"
)

// SecretRef says where a password comes from. It is comparable. It never prints the secret: the
// text is behind a pointer, for the cases in which fmt cannot call the methods. The zero value
// refers to nothing.
type SecretRef struct {
	source source
	of     string // how its keys begin; "" for password
	whole  bool   // all of its lines count
	// The password, path, variable, credential or, joined by NUL, the command and its arguments.
	text unique.Handle[string]
}

// InlineSecret refers to s itself.
func InlineSecret(s Secret) SecretRef { return newRef(fromConfig, string(s)) }

// FileSecret refers to the content of a file.
func FileSecret(path string) SecretRef { return newRef(fromFile, path) }

// EnvSecret refers to an environment variable.
func EnvSecret(name string) SecretRef { return newRef(fromEnv, name) }

// CommandSecret refers to the first line that a program writes to its standard output.
func CommandSecret(argv ...string) SecretRef { return newRef(fromCommand, strings.Join(argv, "\x00")) }

// CredentialSecret refers to a systemd credential, a file in $CREDENTIALS_DIRECTORY.
func CredentialSecret(name string) SecretRef { return newRef(fromCredential, name) }

// TokenCommand refers to the whole standard output of a program: a token alone, or JSON.
func TokenCommand(argv ...string) SecretRef { return CommandSecret(argv...).as(ofToken).lines() }

// What a secret can be, which is how its keys begin.
const (
	ofPassword = "password"
	ofToken    = "token"
	ofClient   = "client_secret"
	ofKey      = "key"
	ofPing     = "ping"
	ofURL      = "url"
)

func newRef(s source, text string) SecretRef { return SecretRef{source: s, text: unique.Make(text)} }

// as returns r for another purpose than a password.
func (r SecretRef) as(of string) SecretRef {
	if !r.IsZero() && of != ofPassword {
		r.of = of
	}
	return r
}

// lines returns r with all lines of the secret, in place of the first.
func (r SecretRef) lines() SecretRef {
	r.whole = true
	return r
}

// key returns the key of the configuration for r.
func (r SecretRef) key() string {
	if r.of == "" {
		return string(r.source)
	}
	return r.of + strings.TrimPrefix(string(r.source), string(fromConfig))
}

// IsZero reports whether r refers to nothing.
func (r SecretRef) IsZero() bool { return r == SecretRef{} }

// value returns the path, variable, credential, command or password.
func (r SecretRef) value() string {
	if r.IsZero() {
		return ""
	}
	return r.text.Value()
}

// String says where the secret comes from: the key, and its value unless that is the secret itself.
// For a command it names only the program, because arguments may hold secrets.
func (r SecretRef) String() string {
	switch r.source {
	case "":
		return "no password"
	case fromConfig:
		return r.key() + " " + hidden
	case fromCommand:
		program, _, _ := strings.Cut(r.value(), "\x00")
		return r.key() + " " + filepath.Base(program)
	}
	return r.key() + " " + r.value()
}

// GoString is String.
func (r SecretRef) GoString() string { return r.String() }

// MarshalText is String.
func (r SecretRef) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Format writes String whatever the verb.
func (r SecretRef) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }
