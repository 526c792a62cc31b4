package config

import (
	"errors"
	"reflect"
	"strings"
	"time"
)

// Kind is the kind of value that a key takes.
type Kind string

// The kinds. Each scalar may be written with quotes or without.
const (
	KindSection  Kind = "section"         // a mapping of the keys in [Key.Keys]
	KindSections Kind = "list of entries" // each is such a mapping
	KindRules    Kind = "list of rules"   // each is such a mapping, or a text
	KindFields   Kind = "header fields"   // a mapping of any names to texts
	KindText     Kind = "text"
	KindList     Kind = "list of texts"
	KindTexts    Kind = "text, or list of texts"
	KindSecret   Kind = "secret text"
	KindBool     Kind = "true or false"
	KindInt      Kind = "whole number"
	KindDuration Kind = "duration" // see [ParseDuration]
	KindSize     Kind = "size"     // see [ParseSize]
	KindWord     Kind = "word"     // one of [Key.Words]
	KindAge      Kind = "word, or duration"
	KindMode     Kind = "permissions" // octal digits
	KindFolder   Kind = "permissions of a folder"
	KindProxy    Kind = "URL of a proxy"
	KindTemplate Kind = "Go template"
)

// Pattern returns a regular expression for the texts that a kind takes, in the common subset of RE2
// and ECMA-262, or "" if it takes any. A text that it matches can still be too large.
func (k Kind) Pattern() string {
	switch k {
	case KindBool:
		return `^(true|false)$`
	case KindInt:
		return `^[+-]?[0-9]+$`
	case KindDuration:
		return `^(` + durationPattern + `)$`
	case KindAge:
		return `^(` + startAll + `|` + startNow + `|` + durationPattern + `)$`
	case KindSize:
		return `^[0-9]+ ?([kKMGT]?B|[KMGT]iB)?$`
	case KindMode:
		return `^(0o|0)?[46][0246][04]$`
	case KindFolder:
		return `^(0o|0)?2?7[0-7][0145]$`
	case KindProxy:
		return `^(` + proxyDirect + `|(socks5h?|http)://.+)$`
	}
	return ""
}

// durationPattern also matches an empty text.
const durationPattern = `0|([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?`

// Key describes one key of the configuration file, for manuals and schemas.
type Key struct {
	Name  string   // "ca_file"
	Path  string   // "accounts[].tls.ca_file"
	Kind  Kind     // of its value
	Words []string // of KindWord and KindAge
	Keys  []Key    // of a section, of each entry of a list of them, of a rule

	// Secret is the key's own name without its suffix, if it is one of the five places of a secret:
	// "password" for password_file.
	Secret string
	// Suffix is what makes the key of Secret: "", "_file", "_env", "_command" or "_credential".
	Suffix string
}

// Keys describes all keys, by reflection over the types that [Load] decodes into. The words of a
// key are those that its parser names in its error.
func Keys() []Key { return keysOf(reflect.TypeFor[rawConfig](), "") }

// keysOf lists the keys of a raw struct, in the order of its fields.
func keysOf(t reflect.Type, prefix string) (keys []Key) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("yaml")
		switch {
		case f.Anonymous:
			keys = append(keys, keysOf(f.Type, prefix)...)
		case tag == "":
		case f.Type == reflect.TypeFor[rawSecret]():
			for part, kind := range []Kind{KindSecret, KindText, KindText, KindList, KindText} {
				name := tag + secretSuffixes[part]
				keys = append(keys, Key{Name: name, Path: prefix + name, Kind: kind, Secret: tag, Suffix: secretSuffixes[part]})
			}
		default:
			keys = append(keys, keyOf(f.Type, tag, prefix+tag))
		}
	}
	return keys
}

// keyOf describes a key by the type of its field.
func keyOf(t reflect.Type, name, path string) Key {
	k := Key{Name: name, Path: path}
	switch field := reflect.New(t).Interface().(type) {
	case *rawAccounts:
		k.Kind, k.Keys = KindSections, keysOf(reflect.TypeFor[rawAccount](), path+"[].")
	case *rawTargets:
		k.Kind, k.Keys = KindSections, keysOf(reflect.TypeFor[rawTarget](), path+"[].")
	case *rawRules:
		k.Kind, k.Keys = KindRules, keysOf(reflect.TypeFor[rawRule](), path+"[].")
	case *rawHeaders:
		k.Kind = KindFields
	case *words, *listeners, *patterns:
		k.Kind = KindTexts
	case interface{ content() any }:
		k.Kind, k.Words = kindOf(reflect.TypeOf(field.content()))
	default:
		k.Kind, k.Keys = KindSection, keysOf(t, path+".")
	}
	return k
}

// kindOf describes the content of a value.
func kindOf(t reflect.Type) (Kind, []string) {
	switch content := reflect.New(t).Interface().(type) {
	case *Secret:
		return KindSecret, nil
	case *bool:
		return KindBool, nil
	case *int:
		return KindInt, nil
	case *time.Duration:
		return KindDuration, nil
	case *Size:
		return KindSize, nil
	case *[]string:
		return KindList, nil
	case *Start:
		return KindAge, []string{startAll, startNow}
	case *fileMode:
		return KindMode, nil
	case *folderMode:
		return KindFolder, nil
	case *Proxy:
		return KindProxy, nil
	case *PathTemplate:
		return KindTemplate, nil
	case interface{ parse(string) error }:
		if err, ok := errors.AsType[*choiceError](content.parse("")); ok {
			return KindWord, err.choices
		}
	}
	return KindText, nil
}

// Flat lists keys and all keys below them, each section before its own.
func Flat(keys []Key) (all []Key) {
	for _, k := range keys {
		all = append(append(all, k), Flat(k.Keys)...)
	}
	return all
}

// Near returns those of the names that a misspelt one probably means, the nearest first, at most
// three.
func Near(misspelt string, names []string) (near []string) {
	misspelt = strings.ToLower(misspelt)
	limit := max(1, len(misspelt)/3)
	for distance := range limit + 1 {
		for _, name := range names {
			if len(near) < maxNear && edits(misspelt, name, limit) == distance {
				near = append(near, name)
			}
		}
	}
	return near
}

// maxNear is how many suggestions somebody reads.
const maxNear = 3
