package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// slipCases are lines of accounts, behind three others, and what is said of them.
var slipCases = map[string]struct{ text, want string }{
	"pattern in brackets": {
		"  - name: hans\n    include: [*.pdf, *.xml]\n",
		"5:15: write \"*.pdf\" in quotes: YAML takes what begins with * for an alias\n5:22: write \"*.xml\" in quotes: YAML takes what begins with * for an alias",
	},
	"pattern in a list": {
		"  - name: hans\n    include:\n      - *.pdf\n      - '*.xml'\n",
		`6:9: write "*.pdf" in quotes: YAML takes what begins with * for an alias`,
	},
	"pattern of a rule": {
		"  - name: hans\n    exclude:\n    - type: *.pdf\n      min_size: 1KiB\n",
		`6:13: write "*.pdf" in quotes: YAML takes what begins with * for an alias`,
	},
	"password at": {
		"  - name: hans\n    password: @hunter2\n",
		`5:15: write the value in quotes: YAML lets no value begin with @`,
	},
	"at": {
		"  - name: hans\n    username: @hans\n",
		`5:15: write "@hans" in quotes: YAML lets no value begin with @`,
	},
	"percent": {
		"  - name: hans\n    username: %hans\n",
		`5:15: write "%hans" in quotes: YAML lets no value begin with %`,
	},
	"backtick": {
		"  - name: hans\n    username: `hans`\n",
		"5:15: write \"`hans`\" in quotes: YAML lets no value begin with `",
	},
	"exclamation": {
		"  - name: hans\n    exclude: [!*.tmp]\n    username: !hans\n",
		"5:15: write \"!*.tmp\" in quotes: YAML takes what begins with ! for a type\n6:15: write \"!hans\" in quotes: YAML takes what begins with ! for a type",
	},
	"template": {
		"  - name: hans\n    path: {{.Date.Year}}/{{.Name}}\n",
		`5:11: write "{{.Date.Year}}/{{.Name}}" in quotes: YAML takes { for the beginning of a mapping`,
	},
	"template alone": {
		"  - name: hans\n    path: {{.Name}}\n",
		`5:11: write "{{.Name}}" in quotes: YAML takes { for the beginning of a mapping`,
	},
	"tab": {
		"  - name: hans\n\thost: h\n",
		`5:1: write blanks: a tab cannot indent`,
	},
	"tab behind blanks": {
		"  - name: hans\n    \thost: h\n",
		`5:5: write blanks: a tab cannot indent`,
	},
	"too far in": {
		"  - name: hans\n     host: h\n    username: u\n",
		`5:6: write 4 blanks before "host:", as before its neighbours, not 5`,
	},
	"too far out": {
		"  - name: hans\n   host: h\n    username: u\n",
		`5:4: write 4 blanks before "host:", as before its neighbours, not 3`,
	},
	"in the column of the dash": {
		"  - name: hans\n  host: h\n  username: u\n",
		`5:3: write 4 blanks before "host:", as before its neighbours, not 2`,
	},
	"a dash too far out": {
		"  - name: hans\n    host: h\n - name: b\n   host: h\n",
		`6:2: write 2 blanks before "-", as before its neighbours, not 1`,
	},
	"one blank less": {
		"  - name: hans\n    tls:\n      mode: none\n     ca_file: x\n",
		`7:6: write 6 blanks before "ca_file:", as before its neighbours, not 5`,
	},
	"section with a blank": {
		"  - name: hans\n    host: h\n defaults:\n   host: h\n",
		`6:2: write no blank before "defaults:", as before its neighbours, not 1`,
	},
	"no blank behind a colon": {
		"  - name: hans\n    host:mx.example\n    username: u\n",
		`5:10: write a blank behind "host:"`,
	},
	"no blank behind the first colon": {
		"  - name:hans\n    host: mx.example\n",
		`4:10: write a blank behind "name:"`,
	},
	"no blank in a mapping": {
		"  - {name: hans, host:mx.example}\n",
		`4:23: write a blank behind "host:"`,
	},
	"no blank behind the dash": {
		"  -name: hans\n   host: h\n",
		`4:3: write a blank behind the dash`,
	},
	"no blank behind the second dash": {
		"  - name: hans\n    host: h\n  -name: fritz\n   host: h\n",
		`6:3: write a blank behind the dash`,
	},
	"colon in a password": {
		"  - name: hans\n    password: hunter2: 2\n",
		`5:15: write the value in quotes: YAML takes a colon and a blank for the end of a key`,
	},
	"colon in a value": {
		"  - name: hans\n    subject: Re: x\n",
		`5:14: write "Re: x" in quotes: YAML takes a colon and a blank for the end of a key`,
	},
	"section in one line": {
		"  - name: hans\n    tls: mode: none\n",
		`5:10: write "mode:" in the next line, further in than "tls:"`,
	},
	"colon in brackets": {
		"  - name: hans\n    include: [{subject: Re: x}]\n",
		`5:25: write "Re: x" in quotes: YAML takes a colon and a blank for the end of a key`,
	},
	"open quote": {
		"  - name: hans\n    password: \"hunter2\n    host: h\n",
		`5:15: close this quote: the text that it begins has no end`,
	},
	"quote within quotes": {
		"  - name: hans\n    username: 'it's'\n",
		`5:19: write '' for a quote within quotes, and nothing behind the closing one`,
	},
	"text behind quotes": {
		"  - name: hans\n    username: \"a\"b\n",
		`5:18: write \" for a quote within quotes, and nothing behind the closing one`,
	},
	"Windows path": {
		"  - name: hans\n    username: \"C:\\dir\"\n",
		`5:18: write \\ in place of \, or 'single' quotes around the value`,
	},
	"open bracket": {
		"  - name: hans\n    include: ['*.pdf'\n    host: h\n",
		`5:14: close this bracket with ]`,
	},
	"class": {
		"  - name: hans\n    include: [0-9]*.pdf\n",
		`5:14: write "[0-9]*.pdf" in quotes: YAML takes [ for the beginning of a list`,
	},
	"class in a list": {
		"  - name: hans\n    include:\n      - [0-9]*.pdf\n",
		`6:9: write "[0-9]*.pdf" in quotes: YAML takes [ for the beginning of a list`,
	},
	"bracket too many": {
		"  - name: hans\n    include: ['*.pdf']]\n",
		`5:23: delete this bracket: it closes nothing`,
	},
	"typographic quotes": {
		"  - name: “hans”\n    host: h\n",
		`4:11: write "hans" with "straight" quotes: YAML takes “ for a letter`,
	},
	"password in typographic quotes": {
		"  - name: hans\n    password: „hunter2“\n",
		`5:15: write the value with "straight" quotes: YAML takes „ for a letter`,
	},
	"typographic quotes in brackets": {
		"  - {name: “hans”, host: h}\n",
		`4:12: write "hans" with "straight" quotes: YAML takes “ for a letter`,
	},
	"typographic dash": {
		"  – name: hans\n    host: h\n",
		`4:3: write - and a blank: this is a dash of another kind (U+2013), which YAML takes for a letter`,
	},
	"no-break space": {
		"  - name:\u00a0hans\n    host: h\n",
		`4:10: write a plain blank behind "name:": this is a space of another kind (U+00A0), which YAML takes for a letter`,
	},
	"no-break space indents": {
		"\u00a0 - name: hans\n    host: h\n",
		`4:1: write a plain blank: this is a space of another kind (U+00A0), which YAML takes for a letter`,
	},
	"bar": {
		"  - name: hans\n    password: |hunter2\n",
		`5:15: write the value in quotes: YAML takes | for the beginning of a text of several lines`,
	},
	"list in a line": {
		"  - name: hans\n    include: - '*.pdf'\n",
		`5:14: write the list in lines of its own, each with its dash`,
	},
	"Windows line ends": {
		"  - name: hans\r\n    include: [*.pdf]\r\n",
		`5:15: write "*.pdf" in quotes: YAML takes what begins with * for an alias`,
	},
	"password that is a comment": {
		"  - name: hans\n    password: #hunter2\n",
		"4:5: accounts[0].host: missing\n4:5: accounts[0].username: missing\n5:14: accounts[0].password: has no value; quote it if the value begins with #, ~ or &",
	},
	"comment in a password": {
		"  - name: hans\n    password: hunter2 #x\n",
		"warning (comment-in-value): 5:15: accounts[0].password: a comment follows the password; if \" #\" belongs to the password, put quotes around it\n4:5: accounts[0].host: missing\n4:5: accounts[0].username: missing",
	},
	"several": {
		"  - name: hans\n    username: & Sohn\n    include: [*Rechnung*]\n",
		"5:15: write \"& Sohn\" in quotes: YAML takes what begins with & for an anchor\n6:15: write \"*Rechnung*\" in quotes: YAML takes what begins with * for an alias",
	},
	"byte order mark within": {
		"\ufeff  - name: hans\n",
		`4:1: a byte order mark within the file: delete it`,
	},
	"carriage returns": {
		"  - name: hans\r    host: h\r",
		`4:15: a carriage return without a line feed: save the file with the line ends of Unix or Windows`,
	},
	"too far in later": {
		" - name: hans\n   host: h\nlog:\n  level: info\n   format: json\n",
		`8:4: write 2 blanks before "format:", as before its neighbours, not 3`,
	},
}

// TestSlips: each slip is reported where it stands, with what to write.
func TestSlips(t *testing.T) {
	t.Parallel()
	const head = "output: out\nstate: db\naccounts:\n"
	for name, c := range slipCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "a.yaml"), head+c.text)
			got := strings.TrimSuffix(strings.ReplaceAll(messages(dir, "a.yaml"), "a.yaml:", ""), "\n")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.text, diff)
			}
			if strings.Contains(got, "hunter") {
				t.Errorf("a message holds a password:\n%s", got)
			}
		})
	}
}

func TestUTF16(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\xff\xfeo\x00u\x00", "\xfe\xff\x00o\x00u"} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a.yaml"), text)
		if got, want := messages(dir, "a.yaml"), "a.yaml:1:1: the file is UTF-16, as editors on Windows call Unicode: save it as UTF-8\n"; got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestNoSlips: nothing is found in what is right.
func TestNoSlips(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../deploy/attachd.example.yaml")
	try(t, err)
	texts := []string{string(example), strings.Join([]string{
		"%YAML 1.2", "---", "output: \"out\" # a: b", "'state': db", "x-a: &a {include: ['*.pdf', \"it's: here\"], port: 1}", "x-b: &b", "  port: 2", "x-c: |", "  a: *b", "  \tc", " ", "x-d: >-", "  host:x",
		"log: {level: info,", "  format: json } # end", "defaults:", "  <<: *a", "  exclude:", "  - '[0-9]*.pdf'", "  - type: [image/*, text/*]", "    min_size: 1KiB", "  - {from: \"*@x\"}",
		"\t# a comment", "  include: [", "    \"*.pdf\",   # one", "    a-b*.x ]", "accounts:", "- name: a", "  host: mx:1", "  password: a:b#c\"d*e@f", "  password_command: [sh, -c, 'x: y']",
		"-", "  name: b # host:x", "  tls:", "    ca_file: x", "  username: a@b", "  password_command:", "    - pass", "    - host:x", "- <<: *b", "  name: c", "  subject: \"two", "    lines: here\"", "  password: \"a\\\"b\\\\\"", "- {name: 'it''s', host: x}",
		"- - nested", "  - list", "...", "",
	}, "\r\n")}
	for _, text := range append(texts, documented(t)...) {
		for _, s := range findSlips(bytes.Split([]byte(text), []byte("\n"))) {
			t.Errorf("%d:%d: %s\n%s", s.line, s.col, s.text, text)
		}
	}
}
