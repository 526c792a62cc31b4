package provider

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// dns is a Resolver with these records.
type dns struct {
	mx  map[string][]string
	srv map[string][]*net.SRV // by "pop3s.example.org"
}

func (d dns) LookupMX(_ context.Context, name string) (all []*net.MX, err error) {
	for _, host := range d.mx[strings.TrimSuffix(name, ".")] {
		all = append(all, &net.MX{Host: host})
	}
	return all, nil
}

func (d dns) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	return "", d.srv[service+"."+strings.TrimSuffix(name, ".")], nil
}

// web answers requests by their URL.
type web map[string]string

func (w web) RoundTrip(r *http.Request) (*http.Response, error) {
	text, ok := w[r.URL.String()]
	to, redirect := strings.CutPrefix(text, "to ")
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(text))}
	switch {
	case !ok:
		response.StatusCode = http.StatusNotFound
	case redirect:
		response.StatusCode = http.StatusFound
		response.Header.Set("Location", to)
	}
	return response, nil
}

const file = `<?xml version="1.0"?>
<clientConfig version="1.1"><emailProvider id="x">
<incomingServer type="imap"><hostname>imap.example.net</hostname><port>993</port><socketType>SSL</socketType></incomingServer>
<incomingServer type="pop3"><hostname>plain.example.org</hostname><port>110</port><socketType>plain</socketType></incomingServer>
<incomingServer type="pop3"><hostname>stls.example.org</hostname><port>110</port><socketType>STARTTLS</socketType><username>%EMAILLOCALPART%</username></incomingServer>
<incomingServer type="pop3"><hostname>in.%EMAILDOMAIN%</hostname><port>995</port><socketType>SSL</socketType><username>%EMAILADDRESS%</username>
<authentication>OAuth2</authentication><authentication>password-cleartext</authentication></incomingServer>
</emailProvider></clientConfig>`

func TestFind(t *testing.T) {
	t.Parallel()
	const auto = "https://autoconfig.example.org/mail/config-v1.1.xml?emailaddress=me%40example.org"
	const known = "https://example.org/.well-known/autoconfig/mail/config-v1.1.xml"
	for name, test := range map[string]struct {
		address string
		dns     dns
		web     web
		answers []string // hosts that are POP3 servers with a valid certificate
		want    Found
		err     string
	}{
		"table":                {address: "me@GMail.com", want: Found{Server: Server{"pop.gmail.com", 995, false}, Username: "me@GMail.com", How: "the table of providers"}},
		"local part":           {address: "me@web.de", want: Found{Server: Server{"pop3.web.de", 995, false}, Username: "me", How: "the table of providers"}},
		"in other letters":     {address: "me@bücher.example", answers: []string{"pop.xn--bcher-kva.example"}, want: Found{Server: Server{"pop.xn--bcher-kva.example", 995, false}, Username: "me@bücher.example", How: "a guess"}},
		"no POP":               {address: "me@icloud.com", err: "iCloud has no POP3"},
		"no address":           {address: "me", err: "no mail address"},
		"hosted":               {dns: dns{mx: map[string][]string{"example.org": {"example-org.mail.protection.outlook.com."}}}, want: Found{Server: Server{"outlook.office365.com", 995, false}, Username: "me@example.org", How: "the mail server of example.org"}},
		"hosted, own server":   {dns: dns{mx: map[string][]string{"example.org": {"w01.kasserver.com."}}}, answers: []string{"w01.kasserver.com"}, want: Found{Server: Server{"w01.kasserver.com", 995, false}, Username: "me@example.org", How: "the mail server of example.org"}},
		"unconfirmed is tried": {dns: dns{mx: map[string][]string{"example.org": {"w01.kasserver.com."}}}, err: ErrNotFound.Error()},
		"not another's MX":     {dns: dns{mx: map[string][]string{"example.org": {"notgooglemail.com."}}}, err: ErrNotFound.Error()},
		"SRV, by priority": {
			dns: dns{srv: map[string][]*net.SRV{
				"pop3s.example.org": {{Target: "second.example.org.", Port: 995, Priority: 20}},
				"pop3.example.org":  {{Target: "down.example.org.", Port: 110, Priority: 0}, {Target: "first.example.org.", Port: 1110, Priority: 10}},
			}},
			answers: []string{"first.example.org", "second.example.org"},
			want:    Found{Server: Server{"first.example.org", 1110, true}, Username: "me@example.org", How: "the SRV record of example.org"},
		},
		"SRV elsewhere": {
			dns:     dns{srv: map[string][]*net.SRV{"pop3s.example.org": {{Target: "pop.evil.net.", Port: 995}}}},
			answers: []string{"pop.evil.net"},
			want:    Found{Server: Server{"pop.evil.net", 995, false}, Username: "me@example.org", How: "the SRV record of example.org", Foreign: true},
		},
		"SRV says no":      {dns: dns{srv: map[string][]*net.SRV{"pop3s.example.org": {{Target: "."}}, "pop3.example.org": {{Target: "."}}}}, answers: []string{"pop.example.org"}, err: "offers no POP3"},
		"SRV is no host":   {dns: dns{srv: map[string][]*net.SRV{"pop3s.example.org": {{Target: "a\x1b[2J.org", Port: 995}}}}, err: ErrNotFound.Error()},
		"autoconfig":       {web: web{auto: file}, answers: []string{"in.example.org", "stls.example.org"}, want: Found{Server: Server{"in.example.org", 995, false}, Username: "me@example.org", How: "the autoconfig file of example.org"}},
		"the second of it": {web: web{known: file}, answers: []string{"stls.example.org", "plain.example.org"}, want: Found{Server: Server{"stls.example.org", 110, true}, Username: "me", How: "the autoconfig file of example.org"}},
		"autoconfig elsewhere": {
			web: web{auto: strings.ReplaceAll(file, "in.%EMAILDOMAIN%", "in.evil.net")}, answers: []string{"in.evil.net"},
			want: Found{Server: Server{"in.evil.net", 995, false}, Username: "me@example.org", How: "the autoconfig file of example.org", Foreign: true},
		},
		"autoconfig by redirection": {web: web{auto: "to https://config.example.org/x", "https://config.example.org/x": file}, answers: []string{"in.example.org"}, want: Found{Server: Server{"in.example.org", 995, false}, Username: "me@example.org", How: "the autoconfig file of example.org"}},
		"not away from https":       {web: web{auto: "to http://config.example.org/x", "http://config.example.org/x": file}, answers: []string{"in.example.org"}, err: ErrNotFound.Error()},
		"too large":                 {web: web{auto: file + strings.Repeat(" ", maxFile)}, answers: []string{"in.example.org"}, err: ErrNotFound.Error()},
		"guess":                     {answers: []string{"mail.example.org", "mx.example.org"}, want: Found{Server: Server{"mail.example.org", 995, false}, Username: "me@example.org", How: "a guess"}},
		"nothing":                   {err: ErrNotFound.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &Finder{Resolver: test.dns, HTTP: newClient(test.web), Probe: func(_ context.Context, s Server) error {
				if !slices.Contains(test.answers, s.Host) {
					return errors.New("nobody there")
				}
				return nil
			}}
			if test.address == "" {
				test.address = "me@example.org"
			}
			found, err := f.Find(t.Context(), test.address)
			if err != nil || test.err != "" {
				if err == nil || test.err == "" || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, %v, want %q", found, err, test.err)
				}
				return
			}
			if found.Provider = nil; *found != test.want {
				t.Errorf("%+v, want %+v", *found, test.want)
			}
		})
	}
}

// TestProbe: a server with a certificate that nobody vouches for is no server.
func TestProbe(t *testing.T) {
	t.Parallel()
	s := pop3test.NewServer()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	host, text, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := probe(t.Context(), Server{Host: host, Port: port}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v, want an error about the certificate", err)
	}
}

// FuzzAutoconfig: whatever a file holds, what is found is a host, a port and a user name that can
// be shown, and the servers are few.
func FuzzAutoconfig(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + file))
	f.Add([]byte(strings.ReplaceAll(file, "%EMAILADDRESS%", "\u202e&#27;[2J")))
	f.Fuzz(func(t *testing.T, data []byte) {
		found := parseAutoconfig(data, "me", "example.org")
		if len(found) > maxServers {
			t.Errorf("%d servers", len(found))
		}
		for _, s := range found {
			if !validHost(s.Host) || s.Port < 1 || s.Port > 65535 || s.Username == "" || strings.ContainsFunc(s.Username, isOdd) {
				t.Errorf("%+v", s)
			}
		}
	})
}
