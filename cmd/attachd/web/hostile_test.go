package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
	"github.com/attachd/attachd/fetcher/foreign"
)

// views are the pages of a site whose accounts have these names.
func views(names ...string) []string {
	all := []string{"/", "/accounts", "/accounts?q=x&state=failing&sort=name", "/accounts?q=%3Cscript%3E%22", "/config", "/accounts/none", "/signin", "/nothing"}
	for _, name := range names {
		all = append(all, "/accounts/"+url.PathEscape(name))
	}
	return all
}

// evilSite has hostile text everywhere, and a token if asked for.
func evilSite(t testing.TB) *site {
	return newSite(t, webtest.Evil(), func(o *web.Options) {
		o.History = webtest.NewEvilHistory()
		o.Hostname, o.Version = webtest.Hostile[0], webtest.Hostile[2]
	})
}

// TestHostileText: whatever senders and servers write, a page holds no element, attribute or
// address of theirs, and nothing that only pretends to be text.
func TestHostileText(t *testing.T) {
	t.Parallel()
	w := evilSite(t)
	for _, target := range append(views(webtest.HostileNames...), filesViews...) {
		answer, body := w.do(request(t.Context(), http.MethodGet, target))
		if answer.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: %s\n%s", target, answer.Status, w.log)
		}
		if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
			t.Errorf("%s: %s", target, kind)
			continue
		}
		checkHarmless(t, target, body)
	}
}

// elements are those that templates and drawings use.
var elements = strings.Fields(`html head meta title link script body svg symbol path use rect desc a header nav div span main section h1 h2 h3 p b strong
	small code pre form button input label select option datalist ul ol li dl dt dd table thead tbody tr th td time details summary figure figcaption article
	footer bdi br img`)

func checkHarmless(t *testing.T, target, body string) {
	t.Helper()
	for _, r := range body {
		if r != '\n' && r != '\t' && foreign.Text(string(r)) != string(r) && !unicode.Is(unicode.Mn, r) {
			t.Errorf("%s: %U in the page as it is", target, r)
			return
		}
	}
	known := make(map[string]bool)
	for _, e := range elements {
		known[e] = true
	}
	tokens := html.NewTokenizer(strings.NewReader(body))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		token := tokens.Token()
		if !known[token.Data] {
			t.Errorf("%s: an element %s", target, token.Data)
		}
		for _, attr := range token.Attr {
			value := strings.TrimSpace(attr.Val)
			switch {
			case strings.HasPrefix(attr.Key, "on"), attr.Key == "style", attr.Key == "srcdoc":
				t.Errorf("%s: an attribute %s=%q of %s", target, attr.Key, attr.Val, token.Data)
			case attr.Key == "href" || attr.Key == "src" || attr.Key == "action":
				if !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "#") || strings.HasPrefix(value, "//") {
					t.Errorf("%s: %s=%q of %s leads elsewhere", target, attr.Key, attr.Val, token.Data)
				}
				if token.Data == "script" && !strings.HasPrefix(value, "/static/") {
					t.Errorf("%s: a script of %q", target, attr.Val)
				}
			}
		}
		if token.Data == "script" {
			if next := tokens.Next(); next == html.TextToken && len(tokens.Raw()) > 0 {
				t.Errorf("%s: a script in the page: %q", target, tokens.Raw())
			}
		}
	}
}

// TestHostileNames: whatever characters an account's name has, the list links to its page and its
// button polls it.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := evilSite(t)
	links := attributes(t, w.get(t, "/accounts"), "href", "action")
	for _, name := range webtest.HostileNames {
		page, button := "/accounts/"+url.PathEscape(name), "/accounts/"+url.PathEscape(name)+"/poll"
		if !links[page] || !links[button] {
			t.Errorf("%q: no link %s, or no form %s", name, page, button)
		}
		if body := w.get(t, page); !strings.Contains(html.UnescapeString(body), "<h1><bdi>"+name+"</bdi></h1>") {
			t.Errorf("%q: the page at %s is of another account", name, page)
		}
		if answer, _ := w.do(request(t.Context(), http.MethodPost, button)); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("%q: poll: %s", name, answer.Status)
		}
		if asked := w.actions.polled; len(asked) == 0 || asked[len(asked)-1] != name {
			t.Errorf("%q: polled %q", name, asked)
		}
	}
}

// attributes are the values of some attributes in a page.
func attributes(t *testing.T, body string, keys ...string) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	tokens := html.NewTokenizer(strings.NewReader(body))
	for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
		for _, attr := range tokens.Token().Attr {
			for _, key := range keys {
				if attr.Key == key {
					found[attr.Val] = true
				}
			}
		}
	}
	return found
}
