package manual

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/attachd/attachd/config"
)

// Where the schema of the newest version is, for editors.
const schemaURL = "https://raw.githubusercontent.com/attachd/attachd/main/deploy/attachd.schema.json"

// Modeline is the first line of a configuration file, without a line end. It tells editors where
// the schema is.
const Modeline = "# yaml-language-server: $schema=" + schemaURL

// object is an object of JSON. Its keys are written in the order of the alphabet.
type object = map[string]any

// Schema returns the JSON Schema (draft 2020-12) of a configuration file, indented. It is strict:
// an unknown key is an error, unless it begins with x-. Whatever [config.Load] takes, it takes; a
// text may be without quotes, for instance, also if it looks like a number.
func Schema() []byte {
	s := section(config.Keys())
	s["$schema"], s["$id"] = "https://json-schema.org/draft/2020-12/schema", schemaURL
	s["title"] = "The configuration of attachd"
	s["$defs"] = definitions()
	s["required"] = []string{"output", "state"}
	s["allOf"] = []object{
		{"anyOf": []object{has("accounts"), has("accounts_dir")}},
		unless(object{"required": []string{"host"}}, has("host")),
		unless(byToken("auth"), object{"if": byToken("auth"), "else": object{"anyOf": places("password")}}),
	}
	return encode(s)
}

// AccountSchema returns the schema of a file of accounts_dir, which holds one account.
func AccountSchema() []byte {
	return encode(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "An account of attachd", "$ref": "#/$defs/account", "$defs": definitions(),
	})
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic(err) // texts and numbers can't fail
	}
	return b.Bytes()
}

// unless asks something of each account, unless the section defaults has it.
func unless(defaults, account object) object {
	return object{
		"if":   object{"required": []string{"defaults"}, "properties": object{"defaults": with(object{"type": "object"}, defaults)}},
		"else": object{"properties": object{"accounts": object{"items": account}}},
	}
}

func with(to, from object) object {
	for k, v := range from {
		to[k] = v
	}
	return to
}

func has(key string) object { return object{"required": []string{key}} }

// byToken matches an object that logs in by a token.
func byToken(key string) object {
	var words []string
	for _, a := range []config.Auth{config.AuthXOAuth2, config.AuthOAuthBearer} {
		words = append(words, string(a))
	}
	return object{"required": []string{key}, "properties": object{key: object{"enum": words}}}
}

// places lists the keys that a secret may stand at, each as a requirement.
func places(secret string) (any []object) {
	for _, suffix := range []string{"", "_file", "_env", "_command", "_credential"} {
		any = append(any, has(secret+suffix))
	}
	return any
}

// definitions are the account and the kinds of scalars.
func definitions() object {
	defs := object{}
	for _, kind := range []config.Kind{config.KindText, config.KindDuration, config.KindAge, config.KindSize, config.KindMode, config.KindFolder} {
		defs[definition(kind)] = scalar(kind)
	}
	for _, k := range config.Keys() {
		if k.Path != "accounts" {
			continue
		}
		account := section(k.Keys)
		account["title"], account["required"] = "An account", []string{"username"}
		account["if"], account["then"] = byToken("auth"), object{"not": object{"anyOf": places("password")}}
		defs["account"] = account
	}
	return defs
}

// definition names the definition of a kind.
func definition(k config.Kind) string {
	switch k {
	case config.KindAge:
		return "age"
	case config.KindMode:
		return "permissions"
	case config.KindFolder:
		return "folder_permissions"
	}
	return string(k)
}

// scalar is the schema of one value. Every value may be quoted, and a text need not be.
func scalar(k config.Kind) object {
	s := object{"type": []string{"string", "number", "boolean"}}
	switch k {
	case config.KindBool:
		s["type"] = []string{"boolean", "string"}
	case config.KindInt, config.KindSize:
		s["type"] = []string{"integer", "string"}
	case config.KindDuration, config.KindAge: // 0 needs no unit
		s["type"], s["minLength"], s["minimum"], s["maximum"] = []string{"string", "integer"}, 1, 0, 0
	case config.KindMode, config.KindFolder: // 0640 is a number to YAML, 416 or 640
		s["type"] = []string{"string", "integer"}
	case config.KindProxy, config.KindTemplate:
		s["type"] = "string"
	}
	if p := k.Pattern(); p != "" {
		s["pattern"] = p
	}
	if k == config.KindSize {
		s["minimum"] = 0
	}
	return s
}

// section is the schema of a mapping. All keys of a section may be commented out, which makes it
// null.
func section(keys []config.Key) object {
	properties := object{}
	secrets := map[string]bool{}
	var rules []object
	dependent := object{}
	for _, k := range keys {
		properties[k.Name] = property(k)
		if k.Secret != "" && !secrets[k.Secret] && k.Name == k.Secret {
			secrets[k.Secret] = true
			rules = append(rules, onePlace(k))
		}
		if needs := of(k).Needs; strings.HasPrefix(k.Path, "http.") && len(needs) > 0 {
			dependent[k.Name] = namesOf(needs)
		}
	}
	s := object{
		"type": []string{"object", "null"}, "properties": properties,
		"patternProperties": object{"^x-": true}, "additionalProperties": false,
	}
	if len(rules) > 0 {
		s["allOf"] = rules
	}
	if len(dependent) > 0 {
		s["dependentRequired"] = dependent
	}
	return s
}

// namesOf lists the names of needed keys, except those of a secret, which has five places.
func namesOf(needs []string) (names []string) {
	for _, need := range needs {
		if name, _, _ := strings.Cut(need, ":"); !strings.HasPrefix(name, "token") {
			names = append(names, name)
		}
	}
	return names
}

// onePlace asks for one place of a secret: exactly one if it is required, else one at most.
func onePlace(k config.Key) object {
	one := places(k.Secret)
	if !of(k).Required {
		one = append(one, object{"not": object{"anyOf": places(k.Secret)}})
	}
	return object{"oneOf": one}
}

// property is the schema of one key.
func property(k config.Key) object {
	if below, ok := strings.CutPrefix(k.Path, "defaults."); ok {
		return object{"$ref": "#/$defs/account/properties/" + strings.ReplaceAll(below, ".", "/properties/")}
	}
	if strings.Contains(k.Path, ".exclude[].") {
		return object{"$ref": "#/$defs/account/properties/include/items/anyOf/1/properties/" + k.Name}
	}
	e := of(k)
	s := e.values()
	s["description"] = e.description()
	if e.Default != "" {
		s["default"] = e.json(e.Default)
	}
	if e.Min != "" && k.Kind == config.KindInt {
		s["minimum"] = e.json(e.Min)
	}
	if e.Max != "" && k.Kind == config.KindInt {
		s["maximum"] = e.json(e.Max)
	}
	return s
}

// values is the schema of the values that a key takes.
func (e Entry) values() object {
	text := object{"$ref": "#/$defs/text"}
	list := object{"type": "array", "items": text, "minItems": 1}
	switch e.Kind {
	case config.KindSection:
		return e.required(section(e.Keys))
	case config.KindSections:
		item := e.required(section(e.Keys))
		item["type"] = "object"
		if e.Path == "accounts" {
			item = object{"$ref": "#/$defs/account", "type": "object", "required": []string{"name"}}
		} else {
			var one []object
			for _, k := range e.Keys {
				if k.Kind == config.KindSection {
					one = append(one, has(k.Name))
				}
			}
			item["oneOf"] = one
		}
		return object{"type": []string{"array", "null"}, "items": item}
	case config.KindRules:
		rule := section(e.Keys)
		rule["type"], rule["minProperties"] = "object", 1
		return object{"type": []string{"array", "null"}, "items": object{"anyOf": []object{text, rule}}}
	case config.KindFields:
		return object{"type": []string{"object", "null"}, "additionalProperties": text}
	case config.KindList:
		return list
	case config.KindTexts:
		return object{"anyOf": []object{text, list}}
	case config.KindWord:
		return object{"enum": e.words()}
	case config.KindText, config.KindSecret:
		return text
	case config.KindDuration, config.KindAge, config.KindSize, config.KindMode, config.KindFolder:
		return object{"$ref": "#/$defs/" + definition(e.Kind)}
	}
	return scalar(e.Kind)
}

// required adds which keys a section must have. The keys of an account may come from defaults.
func (e Entry) required(s object) object {
	if strings.HasPrefix(e.Path, "accounts") || e.Path == "defaults" {
		return s
	}
	var names []string
	for _, k := range e.Keys {
		if k.Secret == "" && of(k).Required {
			names = append(names, k.Name)
		}
	}
	if len(names) > 0 {
		s["required"] = names
	}
	return s
}

// words lists the words of a choice. 1.2 without quotes is a number to YAML.
func (e Entry) words() (words []any) {
	for _, w := range e.Words {
		words = append(words, w)
		if n, err := strconv.ParseFloat(w, 64); err == nil {
			words = append(words, n)
		}
	}
	return words
}

// json is a value of the file as JSON has it.
func (e Entry) json(value string) any {
	switch value = strings.Trim(value, `"`); e.Kind {
	case config.KindBool:
		return value == "true"
	case config.KindInt:
		if n, err := strconv.Atoi(value); err == nil {
			return n
		}
	}
	return value
}

// description is what an editor shows of the key.
func (e Entry) description() string {
	parts := []string{e.Title + "."}
	if e.Text != "" {
		parts = append(parts, e.Text)
	}
	var words []string
	for _, w := range e.Words {
		if meaning := e.Meanings[w]; meaning != "" {
			words = append(words, "- "+w+": "+meaning)
		}
	}
	if len(words) > 0 {
		parts = append(parts, strings.Join(words, "\n"))
	}
	if !slices.Contains([]config.Kind{config.KindSection, config.KindSections}, e.Kind) {
		parts = append(parts, "Default: "+e.Without()+".")
	}
	return strings.Join(parts, "\n\n")
}
