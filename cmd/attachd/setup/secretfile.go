package setup

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/edit"
)

// secretFiles are the files for what was typed, and gives the account their names.
func (b *Base) secretFiles(a *Account) (files []*edit.File) {
	a.notes = nil
	put := func(name, what string, secret config.Secret) string {
		if secret == "" {
			return ""
		}
		name, file, note := b.secretFile(name, what, string(secret))
		if file != nil {
			files = append(files, file)
		}
		if note != "" {
			a.notes = append(a.notes, note)
		}
		return name
	}
	a.passwordFile = put(a.Name, "password", a.Password.Typed)
	a.clientFile = put(a.Name+clientSuffix, "client secret", a.SignIn.SecretTyped)
	return files
}

// secretFile finds a file for a secret. What is there already is never overwritten: a file that is
// left of an earlier account, which is what a removed configuration leaves. It is used, and file is
// nil, if it holds this very secret and no account has it. Else the secret goes beside it.
func (b *Base) secretFile(usual, what, secret string) (name string, file *edit.File, note string) {
	for i := 2; ; i++ {
		if name == "" {
			name = usual
		}
		path := b.secret(name)
		switch {
		case !exists(path):
			if name != usual {
				note = fmt.Sprintf("%s was there already and holds something else. It stays as it is, and the %s is in %s.", b.secret(usual), what, path)
			}
			return name, b.place.file(path, secret+"\n"), note
		case !b.names(path) && holds(path, secret):
			return name, nil, fmt.Sprintf("%s was there already and holds this %s: it is used.", path, what)
		}
		name = fmt.Sprintf("%s-%d", usual, i)
	}
}

// names reports whether an account of the configuration has its secret in this file.
func (b *Base) names(path string) bool {
	return b.Config != nil && slices.ContainsFunc(b.Config.Accounts, func(a config.Account) bool {
		return strings.HasSuffix(a.Password.String(), "_file "+path) || strings.HasSuffix(a.OAuth.ClientSecret.String(), "_file "+path)
	})
}

// holds reports whether a file holds this secret, on one line. One that can't be read does not.
func holds(path, secret string) bool {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(len(secret))+3))
	return err == nil && strings.TrimRight(string(data), "\r\n") == secret
}
