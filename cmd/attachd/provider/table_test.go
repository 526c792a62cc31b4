package provider

import (
	"strings"
	"testing"
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
