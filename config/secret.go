package config

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unique"
)

const hidden = "<secret>"

// Secret is a password in the clear. Printing and encoding it gives <secret>; a conversion to string gives the text.
// It is for passing on, not for keeping: fmt does print it when it is an unexported field of a struct.
type Secret string

// String gives <secret>.
func (Secret) String() string { return hidden }

// GoString gives <secret>.
func (Secret) GoString() string { return hidden }

// MarshalText gives <secret>, which is what encoding/json, yaml and zerolog then write.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Format writes <secret> whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// source is where a secret comes from, by the key that says so.
type source string

const (
	fromConfig     source = "password"
	fromFile       source = "password_file"
	fromEnv        source = "password_env"
	fromCommand    source = "password_command"
	fromCredential source = "password_credential"
)

// SecretRef says where a password is to be had. It is comparable, and prints without the secret also where fmt cannot
// call its methods, as the text is behind a pointer. The zero value refers to nothing.
type SecretRef struct {
	source source
	of     string // what it is when it is no password, as its keys begin
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

// TokenCommand refers to all that a program writes to its standard output, which is more than one line when it is JSON.
func TokenCommand(argv ...string) SecretRef { return CommandSecret(argv...).as(ofToken) }

// What a secret can be besides a password.
const (
	ofToken  = "token"
	ofClient = "client_secret"
	ofKey    = "key"
)

func newRef(s source, text string) SecretRef { return SecretRef{source: s, text: unique.Make(text)} }

// as makes r the secret of another purpose.
func (r SecretRef) as(of string) SecretRef {
	if !r.IsZero() {
		r.of = of
	}
	return r
}

// key is the key that r is configured by.
func (r SecretRef) key() string {
	if r.of == "" {
		return string(r.source)
	}
	return r.of + strings.TrimPrefix(string(r.source), string(fromConfig))
}

// IsZero tells whether r refers to nothing.
func (r SecretRef) IsZero() bool { return r == SecretRef{} }

// value gives what the source is told to look for.
func (r SecretRef) value() string {
	if r.IsZero() {
		return ""
	}
	return r.text.Value()
}

// String says where the secret comes from: the key and, unless it is the secret itself, its value. Of a command it
// names the program only, as arguments are not beyond holding secrets.
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
