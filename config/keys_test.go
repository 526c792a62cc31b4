package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// constants are the texts of this package's typed constants, by the name of the type.
func constants(t *testing.T) map[string][]string {
	t.Helper()
	byType := map[string][]string{}
	files, err := filepath.Glob("*.go")
	try(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		try(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		try(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			of, typed := spec.Type.(*ast.Ident)
			text, isText := spec.Values[0].(*ast.BasicLit)
			if typed && isText && text.Kind == token.STRING {
				word, err := strconv.Unquote(text.Value)
				try(t, err)
				byType[of.Name] = append(byType[of.Name], word)
			}
			return true
		})
	}
	return byType
}

// TestKeysKnowEveryWord: the words of each choice are those that its parser takes, and those that
// this package has constants for.
func TestKeysKnowEveryWord(t *testing.T) {
	t.Parallel()
	declared := constants(t)
	choices := 0
	var section func(reflect.Type)
	section = func(of reflect.Type) {
		for i := range of.NumField() {
			f := of.Field(i)
			v := reflect.New(f.Type)
			if content, ok := v.Interface().(interface{ content() any }); ok {
				word := reflect.New(reflect.TypeOf(content.content()))
				kind, words := kindOf(word.Type().Elem())
				if kind != KindWord {
					continue
				}
				choices++
				parse := word.Interface().(interface{ parse(string) error }).parse
				for _, w := range words {
					if err := parse(w); err != nil {
						t.Errorf("%s: %v", w, err)
					}
				}
				for _, w := range append(declared["string"], "", strings.ToUpper(words[0]), words[0]+" ", words[0][1:]) {
					if err := parse(w); (err == nil) != slices.Contains(words, w) {
						t.Errorf("%s: %q is taken: %t", f.Name, w, err == nil)
					}
				}
				if have := declared[word.Type().Elem().Name()]; len(have) > 0 {
					slices.Sort(have)
					if got := slices.Sorted(slices.Values(words)); !slices.Equal(got, have) {
						t.Errorf("%s takes %q, and there are constants for %q", f.Name, got, have)
					}
				} else if word.Type().Elem() != reflect.TypeFor[tlsVersion]() {
					t.Errorf("%s has no constants", f.Name)
				}
			} else if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == of.PkgPath() {
				section(f.Type)
			}
		}
	}
	for _, of := range []any{rawConfig{}, rawAccount{}, rawTarget{}} {
		section(reflect.TypeOf(of))
	}
	if choices < 15 {
		t.Errorf("%d choices, which can't be all", choices)
	}
}

// TestKeysAreAll: what the decoder takes in a section is what Keys says of it.
func TestKeysAreAll(t *testing.T) {
	t.Parallel()
	for path, section := range map[string]any{
		"": &rawConfig{}, "accounts[].": &rawAccount{}, "defaults.": &rawDefaults{}, "http.": &rawHTTP{},
		"accounts[].oauth.": &rawOAuth{}, "notify.to[].mail.": &rawMailTarget{}, "accounts[].include[].": &rawRule{},
	} {
		taken := keys(section)
		said := 0
		for _, k := range Flat(Keys()) {
			if name, ok := strings.CutPrefix(k.Path, path); ok && name == k.Name {
				if said++; taken[name] == nil {
					t.Errorf("%s is no key", k.Path)
				}
			}
		}
		if said != len(taken) {
			t.Errorf("%q has %d keys, and Keys says %d", path, len(taken), said)
		}
	}
}
