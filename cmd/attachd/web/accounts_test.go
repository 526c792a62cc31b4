package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// listed is what the API says of accounts.
type listed struct {
	Total, Matching, First int
	Accounts               []struct {
		Name, State string
		Backlog     int
		Worked      time.Time
	}
	Next, Previous string
}

func (w *site) list(t testing.TB, target string) (l listed, names []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(w.get(t, target)), &l); err != nil {
		t.Fatal(err)
	}
	for _, a := range l.Accounts {
		names = append(names, a.Name)
	}
	return l, names
}

// TestPaging: following the links leads to every account once, in order, and back again.
func TestPaging(t *testing.T) {
	t.Parallel()
	w := newSite(t, webtest.Many(234))
	for _, query := range []string{"", "?sort=name", "?sort=backlog", "?sort=success", "?q=CUSTOMER-001", "?state=failing", "?state=needs-you&q=pop4&sort=backlog"} {
		var forth, back []string
		last := ""
		for target := "/api/v1/accounts" + query; target != ""; {
			l, names := w.list(t, target)
			if l.First != len(forth)+1 && len(names) > 0 {
				t.Fatalf("%s: the first is number %d, want %d", target, l.First, len(forth)+1)
			}
			if len(names) > 50 {
				t.Fatalf("%s: %d rows", target, len(names))
			}
			forth, last, target = append(forth, names...), target, l.Next
			if len(forth) > 234 {
				t.Fatal("the pages do not end")
			}
			if target == "" && len(forth) != l.Matching {
				t.Errorf("%s: %d accounts, want %d", query, len(forth), l.Matching)
			}
		}
		for target := last; target != ""; {
			l, names := w.list(t, target)
			back, target = append(slices.Clone(names), back...), l.Previous
			if len(back) > 234 {
				t.Fatal("the pages do not end backwards")
			}
		}
		if !slices.Equal(forth, back) || len(forth) == 0 {
			t.Errorf("%q: forth\n%q\nback\n%q", query, forth, back)
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(forth))); len(unique) != len(forth) {
			t.Errorf("%q: some are listed twice", query)
		}
	}
}

// TestPagingGoesOn: a page follows the account that it was asked for, though that one has another
// state meanwhile, and begins anew when it is gone.
func TestPagingGoesOn(t *testing.T) {
	t.Parallel()
	w := newSite(t, webtest.Many(234))
	first, _ := w.list(t, "/api/v1/accounts?state=fine&sort=name")
	_, second := w.list(t, first.Next)
	changed := webtest.Many(234)
	for i := range changed.Accounts {
		if changed.Accounts[i].Name == first.Accounts[49].Name {
			changed.Accounts[i].State = status.Failing
		}
	}
	w.board.Set(changed)
	if _, names := w.list(t, first.Next); !slices.Equal(names, second) {
		t.Errorf("%q\nwant\n%q", names, second)
	}
	w.board.Set(webtest.Fine())
	if _, names := w.list(t, first.Next); len(names) != 3 {
		t.Errorf("%q", names)
	}
}

// TestOrders: each order puts first what it is for.
func TestOrders(t *testing.T) {
	t.Parallel()
	w := newSite(t, webtest.Rich())
	for sort, want := range map[string][]string{
		"":        {"orders", "branch-north", "branch-south", "returns", "suppliers-asia"},
		"nothing": {"orders", "branch-north", "branch-south", "returns", "suppliers-asia"},
		"name":    {"archive", "branch-north", "branch-south", "cloud-invoices", "dmarc"},
		"success": {"branch-north", "branch-south", "orders", "returns", "cloud-invoices"},
		"backlog": {"suppliers-asia", "archive", "branch-north", "branch-south", "cloud-invoices"},
	} {
		if _, names := w.list(t, "/api/v1/accounts?sort="+sort); !slices.Equal(names[:5], want) {
			t.Errorf("%q: %q, want %q", sort, names[:5], want)
		}
	}
	for query, want := range map[string]int{"q=SHOP": 1, "q=branch": 2, "state=off": 1, "state=": 14, "q=%25": 0, "q=+orders+": 1, "q=pop.branch&state=fine": 0} {
		if l, names := w.list(t, "/api/v1/accounts?"+query); len(names) != want || l.Matching != want || l.Total != 14 {
			t.Errorf("%s: %q", query, names)
		}
	}
	if body := w.get(t, "/accounts?q=zzz"); !strings.Contains(body, "No account matches this.") {
		t.Error(body)
	}
	if answer, body := w.do(request(t.Context(), http.MethodGet, "/api/v1/accounts?state=nonsense")); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("state=nonsense: %s %s", answer.Status, body)
	}
}

// TestNear: who mistypes a name is told what comes close, and who asks for nonsense is not.
func TestNear(t *testing.T) {
	t.Parallel()
	w := newSite(t, webtest.Rich())
	for name, want := range map[string][]string{
		"ordres": {"orders"}, "ORDERS": {"orders"}, "branch": {"branch-north", "branch-south"}, "invoice": {"invoices", "cloud-invoices"},
		"scan": {"scans"}, "qqqqqqqqq": nil, "x": nil, "": nil,
	} {
		answer, body := w.do(request(t.Context(), http.MethodGet, "/api/v1/accounts/"+url.PathEscape(name)))
		if name == "" {
			continue // the list itself, without the slash at the end
		}
		var p struct {
			Title string
			Close []struct{ Name, Link string }
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil || answer.StatusCode != http.StatusNotFound || !strings.Contains(p.Title, "“"+name+"”") {
			t.Fatalf("%q: %s %v\n%s", name, answer.Status, err, body)
		}
		var names []string
		for _, c := range p.Close {
			names = append(names, c.Name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%q: %q, want %q", name, names, want)
		}
	}
}

// TestActions: each form does what it says, is logged and kept with who asked, and leads back to
// where it was.
func TestActions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		target, from, to string
		polled           int
		kept             string
	}{
		{"/accounts/orders/poll", "http://localhost/accounts?q=a&done=x", "/accounts?done=polled&q=a", 1, "orders polled "},
		{"/accounts/orders/poll", "", "/accounts?done=polled", 1, "orders polled "},
		{"/accounts/orders/poll", "https://evil.example.org/x", "/accounts?done=polled", 1, "orders polled "},
		{"/accounts/poll", "http://localhost/", "/?done=polled-all", 13, " polled 13 accounts"},
		{"/hosts/pop.branch.example.org:995/poll", "http://localhost/", "/?done=polled-all", 2, " polled 2 accounts of pop.branch.example.org:995"},
		{"/config/reload", "http://localhost/config", "/config?done=reloaded", 0, " reloaded "},
	} {
		w := newSite(t, webtest.Rich())
		answer, body := w.do(post(t, test.target, nil, "Referer", test.from))
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != test.to {
			t.Errorf("%s from %q: %s, to %q, want %q\n%s", test.target, test.from, answer.Status, answer.Header.Get("Location"), test.to, body)
			continue
		}
		if len(w.actions.polled) != test.polled || (w.actions.reloaded == 1) != strings.Contains(test.target, "reload") {
			t.Errorf("%s: polled %q, reloaded %d times", test.target, w.actions.polled, w.actions.reloaded)
		}
		kept, err := w.history.Decisions(t.Context(), time.Time{}, nil, 10)
		if err != nil || len(kept) != 1 {
			t.Fatalf("%s: kept %+v, %v", test.target, kept, err)
		}
		if d := kept[0]; d.Account+" "+d.What+" "+d.Subject != test.kept || d.By != "the page, 127.0.0.1" || !d.At.Equal(webtest.Now) {
			t.Errorf("%s: kept %+v", test.target, d)
		}
		if !strings.Contains(w.log.String(), "127.0.0.1") {
			t.Errorf("%s: logged %s", test.target, w.log)
		}
		if text := w.get(t, test.to); !strings.Contains(text, `role="status">`) {
			t.Errorf("%s: the page says nothing of it", test.to)
		}
	}
	w := newSite(t, webtest.Rich())
	for _, target := range []string{"/accounts/none/poll", "/hosts/none/poll", "/nothing"} {
		if answer, _ := w.do(post(t, target, nil)); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", target, answer.Status)
		}
	}
	for target, allow := range map[string]string{"/accounts/orders/poll": "POST", "/accounts": "GET"} {
		r := request(t.Context(), map[string]string{"POST": http.MethodGet, "GET": http.MethodPost}[allow], target)
		if answer, _ := w.do(r); answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != allow {
			t.Errorf("%s %s: %s, allowed %q", r.Method, target, answer.Status, answer.Header.Get("Allow"))
		}
	}
}
