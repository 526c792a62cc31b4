package provider

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/config"
)

// TestTable holds each row to its form: no domain twice, a server that can be one, a source, a
// page that is there.
func TestTable(t *testing.T) {
	t.Parallel()
	ids, domains := map[string]bool{}, map[string]string{}
	for _, p := range All() {
		if p.ID == "" || ids[p.ID] || p.Name == "" || p.Source == "" {
			t.Errorf("%q: needs an id of its own, a name and a source", p.ID)
		}
		ids[p.ID] = true
		for _, d := range p.Domains {
			if other := domains[d]; other != "" || d != canonical(d) || !validHost(d) {
				t.Errorf("%s: domain %s stands in %s, too, or is no domain", p.ID, d, other)
			}
			domains[d] = p.ID
		}
		for _, mx := range p.MX {
			if mx != canonical(mx) || !validHost(mx) || !strings.Contains(mx, ".") {
				t.Errorf("%s: %q is no end of a mail server's name", p.ID, mx)
			}
		}
		if len(p.Domains)+len(p.MX) == 0 {
			t.Errorf("%s: nobody finds this row", p.ID)
		}
		switch {
		case p.NoPOP != "":
			if p.Host != "" {
				t.Errorf("%s: has a server and has none", p.ID)
			}
			continue
		case !p.ServerIsMX && !validHost(p.Host), p.Port == 0, p.StartTLS != (p.Port == 110):
			t.Errorf("%s: %+v is no server", p.ID, p.Server)
		case p.Secret == "":
			t.Errorf("%s: does not say what one logs in with", p.ID)
		case p.Secret == SignIn && (p.OAuth.Provider == "" || p.OAuth.Grant == ""):
			t.Errorf("%s: does not say how one signs in", p.ID)
		}
		if p.Page != "" {
			if _, err := os.Stat(filepath.Join(pages, p.Page)); err != nil {
				t.Errorf("%s: %v", p.ID, err)
			}
		}
		for _, text := range append(p.Steps, p.Note) {
			if text != "" && (!strings.HasSuffix(text, ".") || strings.Contains(text, "\n")) {
				t.Errorf("%s: %q is no sentence on one line", p.ID, text)
			}
		}
	}
}

// TestByMX: the longest name decides, as Aruba's PEC is below Aruba.
func TestByMX(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"mx.pec.aruba.it.": "pec-aruba", "mx.aruba.it": "aruba", "aspmx.l.google.com": "workspace", "ALT1.ASPMX.L.GOOGLE.COM.": "workspace",
		"outlook-com.olc.protection.outlook.com": "outlook", "a-b.mail.protection.outlook.com": "microsoft365", "mx00.kundenserver.de": "ionos", "example.org": "",
	} {
		id := ""
		if p := ByMX(host); p != nil {
			id = p.ID
		}
		if id != want {
			t.Errorf("%s is %q, want %q", host, id, want)
		}
	}
}

var update = flag.Bool("update", false, "write the table of deploy/providers/README.md anew")

const pages = "../../../deploy/providers"

// index is the table of the providers for people.
func index() string {
	var b strings.Builder
	b.WriteString("| provider | POP3 server | one logs in with | every | page |\n|---|---|---|---|---|\n")
	for _, p := range All() {
		server, secret, every, page := fmt.Sprintf("`%s`, %d", p.Host, p.Port), string(p.Secret), "", ""
		switch {
		case p.NoPOP != "":
			server, secret = "none", ""
			page = strings.SplitAfter(p.NoPOP, ". ")[0]
		case p.ServerIsMX:
			server = fmt.Sprintf("the domain's mail server, %d", p.Port)
		case p.StartTLS:
			server += ", STARTTLS"
		}
		if p.Unconfirmed {
			server += " (tried first)"
		}
		if p.LocalPart {
			secret += "; the user is what stands before the @"
		}
		if p.Interval > 0 {
			every = fmt.Sprintf("%d minutes", p.Interval/time.Minute)
		}
		if p.Page != "" {
			page = fmt.Sprintf("[%s](%s)", strings.TrimSuffix(p.Page, ".md"), p.Page)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", p.Name, server, secret, every, strings.TrimSpace(page))
	}
	return b.String()
}

// TestIndex: the index of the pages is the table of the program.
func TestIndex(t *testing.T) {
	t.Parallel()
	path := filepath.Join(pages, "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "| provider |")
	end := strings.Index(rest, "\n\n")
	if !ok || end < 0 {
		t.Fatal("the page has no table")
	}
	want := before + index() + rest[end+1:]
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("the table of deploy/providers/README.md is not that of the program: go test ./cmd/attachd/provider -run TestIndex -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPages: each configuration that a page shows loads, and its server is that of the table, with
// the interval and the kind of login that the table has.
func TestPages(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(filepath.Join(pages, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		page := filepath.Base(name)
		var rows []Provider
		for _, p := range All() {
			if p.Page == page {
				rows = append(rows, p)
				if !strings.Contains(string(text), "`"+p.Host+"`") {
					t.Errorf("%s does not name %s, the server of %s", page, p.Host, p.Name)
				}
			}
		}
		pieces := regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindAllStringSubmatch(string(text), -1)
		if page != "README.md" && (len(rows) == 0 || len(pieces) == 0) {
			t.Errorf("%s: %d rows of the table, %d configurations: both must be there", page, len(rows), len(pieces))
		}
		for _, m := range pieces {
			piece := regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], "")
			file := filepath.Join(t.TempDir(), "attachd.yaml")
			c, _, err := config.LoadDraft(file, config.Drafts{file: []byte("output: /o\nstate: /s\naccounts:\n" + piece)})
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			a := c.Accounts[0]
			if !slices.ContainsFunc(rows, func(p Provider) bool {
				return p.Host == a.Host && p.Port == a.Port && (p.Interval == 0 || p.Interval == a.Interval) && (p.Secret != SignIn || a.Auth.ByToken())
			}) {
				t.Errorf("%s: %s:%d, every %v, auth %s is not in the table", page, a.Host, a.Port, a.Interval, a.Auth)
			}
		}
	}
}
