package provider

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxFile is how much of an autoconfig file is read, in bytes. They have some thousand.
const maxFile = 64 << 10

// maxServers is how many servers of a file are tried.
const maxServers = 4

// maxUsername bounds a user name, in bytes.
const maxUsername = 320

// newClient returns a client for autoconfig files: over https alone, also after redirections.
// transport is for tests, nil for the usual one.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: transport,
		Timeout:   stepTimeout,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Scheme != "https" || len(via) > 3 {
				return errors.New("redirected too often, or away from https")
			}
			return nil
		},
	}
}

// byAutoconfig reads the file that a domain keeps for mail programs, at the places where
// Thunderbird looks for it.
func (f *Finder) byAutoconfig(ctx context.Context, local, domain string) []Found {
	address := local + "@" + domain
	for _, place := range []string{
		"https://autoconfig." + domain + "/mail/config-v1.1.xml?emailaddress=" + url.QueryEscape(address),
		"https://" + domain + "/.well-known/autoconfig/mail/config-v1.1.xml",
	} {
		data, err := f.get(ctx, place)
		if err != nil {
			continue // most domains have no such file
		}
		if found := parseAutoconfig(data, local, domain); len(found) > 0 {
			return found
		}
	}
	return nil
}

func (f *Finder) get(ctx context.Context, place string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := f.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", place, response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: more than %d bytes", place, maxFile)
	}
	return data, err
}

// autoconfig is what is read of such a file:
// https://www.bucksch.org/1/projects/thunderbird/autoconfiguration/config-file-format.html
type autoconfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Provider struct {
		Servers []incomingServer `xml:"incomingServer"`
	} `xml:"emailProvider"`
}

type incomingServer struct {
	Type           string   `xml:"type,attr"`
	Host           string   `xml:"hostname"`
	Port           string   `xml:"port"`
	Socket         string   `xml:"socketType"`
	Username       string   `xml:"username"`
	Authentication []string `xml:"authentication"`
}

// parseAutoconfig returns the POP3 servers with TLS that a file has for an address, in its order.
// A file that is none has no servers.
func parseAutoconfig(data []byte, local, domain string) []Found {
	var file autoconfig
	d := xml.NewDecoder(bytes.NewReader(data)) // strict, and it knows no entities but the five
	if err := d.Decode(&file); err != nil {
		return nil
	}
	fill := strings.NewReplacer("%EMAILADDRESS%", local+"@"+domain, "%EMAILLOCALPART%", local, "%EMAILDOMAIN%", domain)
	var all []Found
	for _, s := range file.Provider.Servers {
		port, err := strconv.Atoi(strings.TrimSpace(s.Port))
		host := canonical(fill.Replace(strings.TrimSpace(s.Host)))
		username := fill.Replace(strings.TrimSpace(s.Username))
		socket := strings.ToUpper(strings.TrimSpace(s.Socket))
		if s.Type != "pop3" || err != nil || port < 1 || port > 65535 || !validHost(host) || socket != "SSL" && socket != "STARTTLS" {
			continue
		}
		if username == "" {
			username = local + "@" + domain
		}
		if len(username) > maxUsername || strings.Contains(username, "%") || strings.ContainsFunc(username, isOdd) {
			continue
		}
		all = append(all, Found{
			Server: Server{host, port, socket == "STARTTLS"}, Username: username, How: "the autoconfig file of " + domain,
			TokenOnly: len(s.Authentication) > 0 && !slices.ContainsFunc(s.Authentication, byPassword),
		})
	}
	// TLS from the first byte comes first.
	slices.SortStableFunc(all, func(a, b Found) int {
		switch {
		case a.StartTLS == b.StartTLS:
			return 0
		case b.StartTLS:
			return -1
		}
		return 1
	})
	return all[:min(len(all), maxServers)]
}

// isOdd reports whether a user name can't hold a character.
func isOdd(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }

// byPassword reports whether a way to log in is one with a password.
func byPassword(way string) bool { return strings.HasPrefix(strings.TrimSpace(way), "password-") }
