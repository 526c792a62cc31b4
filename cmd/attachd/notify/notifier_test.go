package notify_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/cmd/attachd/notify"
	"github.com/attachd/attachd/config"
)

// TestRecord: a file that cannot be read is said, and costs no more than a repetition.
func TestRecord(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty": "", "cut": `{"version":1,"targets":{"x":{"cases":{`, "newer": `{"version":2}`, "another": "SQLite format 3\x00",
		"holes": `{"version":1,"targets":{"x":null,"y":{"cases":{"k":null,"l":{}}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "hans@mx.a")
				if err := os.WriteFile(w.state, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := notify.New(notify.Options{Config: w.config, StatePath: w.state})
				if (err == nil) != (name == "holes") || err != nil && !strings.Contains(err.Error(), "read "+w.state) {
					t.Errorf("got error %v", err)
				}
				w.broken = true
				w.outages = []outage{{span{0, at(1, 1, 0)}, "", revoked}}
				w.start()
				defer w.end()
				w.until(at(1, 2, 0))
				w.wants("1 00:01 ops: begin sign_in_ended 1", "1 01:01 ops: end sign_in_ended 1")
			})
		})
	}
}

// TestRecordNotWritten: notices are told all the same, and the log says it once.
func TestRecordNotWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		w.state = filepath.Join(t.TempDir(), "gone", "x.notices")
		w.outages = []outage{{span{0, at(1, 1, 0)}, "", revoked}}
		w.start()
		w.until(at(1, 2, 0))
		w.wants("1 00:01 ops: begin sign_in_ended 1", "1 01:01 ops: end sign_in_ended 1")
		w.end()
		if n := strings.Count(w.log.String(), "what was told is not kept"); n != 1 {
			t.Errorf("the log says it %d times", n)
		}
	})
}

// TestBounded: what ended while a receiver was down is kept to a bound. The last are kept.
func TestBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var accounts []string
		for i := range 230 {
			accounts = append(accounts, fmt.Sprintf("a%03d@mx%d", i, i))
		}
		w := newWorld(t, accounts...)
		w.outages = []outage{{span{at(1, 1, 0), at(1, 2, 0)}, "", down}, {span{at(1, 4, 0), at(1, 6, 0)}, "a00", refused}}
		w.down = []span{{0, at(1, 5, 0)}}
		w.start()
		defer w.end()
		w.until(at(1, 6, 0))
		if len(w.told) != 1 || strings.Count(w.told[0], "over connection_refused") != 40 || strings.Count(w.told[0], "begin login_refused") != 10 || !strings.HasSuffix(w.told[0], "(30 dropped)") {
			t.Errorf("told %q", w.told)
		}
		if !strings.Contains(w.bodies[0], `"cases_more":160`) {
			t.Errorf("body %s", w.bodies[0])
		}
	})
}

// TestPings: the words of a ping name the failure, and nothing that a server said.
func TestPings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a", "eva@mx.a")
		w.config.Notify.To = nil
		w.config.Ping = config.InlineSecret("https://hc.example/all-" + canary)
		w.config.Accounts[0].Ping = config.InlineSecret("https://hc.example/hans-" + canary)
		w.outages = []outage{{span{at(1, 0, 5), at(1, 0, 10)}, "hans", refused}}
		w.pings = true
		w.start()
		synctest.Wait()
		defer w.end()
		w.until(at(1, 0, 11))
		var got []string
		for _, line := range w.told {
			if strings.Contains(line, "/hans-") || strings.Contains(line, canary+"/") {
				got = append(got, strings.ReplaceAll(line, canary, "KEY"))
			}
		}
		want := []string{
			"1 00:00 GET /all-KEY/start", "1 00:00 GET /hans-KEY/start", "1 00:00 GET /hans-KEY",
			"1 00:05 GET /hans-KEY/start", "1 00:05 POST /hans-KEY/fail Login refused: account hans, mx.a:995",
			"1 00:06 POST /all-KEY/fail One thing needs you.", "1 00:07 POST /all-KEY/fail One thing needs you.",
			"1 00:08 POST /all-KEY/fail One thing needs you.", "1 00:09 POST /all-KEY/fail One thing needs you.",
			"1 00:10 POST /all-KEY/fail One thing needs you.",
			"1 00:10 GET /hans-KEY/start", "1 00:10 GET /hans-KEY",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pings (-want +got):\n%s", diff)
		}
	})
}

// refusing refuses connections, with all that it knows.
type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("connect to %s: %s, %w", r.URL, r.Header, errors.ErrUnsupported)
}

// TestTest: a test goes to whom it is meant for, and no secret is in what is said of it.
func TestTest(t *testing.T) {
	t.Parallel()
	c := &config.Config{Notify: config.Notify{To: []config.Target{
		{Ntfy: &config.NtfyTarget{URL: config.InlineSecret("https://a.example/" + canary), Token: config.InlineSecret(canary)}},
		{Ntfy: &config.NtfyTarget{URL: config.FileSecret("/nowhere/url")}},
		webhook("b"),
		{Mail: &config.MailTarget{Host: "127.0.0.1", Port: 1, TLS: config.TLSNone, Username: "u", Password: config.InlineSecret(canary), From: "a@example.org", To: []string{"b@example.org"}}},
		{Shoutrrr: &config.ShoutrrrTarget{URL: config.InlineSecret("telegram://" + canary)}},
	}}}
	o := notify.Options{Config: c, Transport: refusing{}, Zone: time.UTC}
	var got []string
	report := func(name, what string, err error) {
		got = append(got, name+"|"+what+"|"+fmt.Sprint(err))
	}
	if err := notify.Test(t.Context(), o, nil, report); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ntfy|ntfy at a.example|connect to ***: map[Authorization:[***] Content-Type:[***] Priority:[3] Tags:[***] Title:[***] User-Agent:[attachd]], unsupported operation",
		"ntfy-2|ntfy by password_file|read password_file /nowhere/url: no such file or directory",
		"webhook|generic webhook at b.example|connect to ***: map[Authorization:[***] Content-Type:[***] User-Agent:[attachd]], unsupported operation",
		"mail|mail to b@example.org by 127.0.0.1:1|send mail by 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused",
		"shoutrrr|shoutrrr for telegram|this program cannot run itself, which the services of shoutrrr need",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	got = nil
	if err := notify.Test(t.Context(), o, []string{"webhook", "no"}, report); err == nil || got != nil || !strings.Contains(err.Error(), "only ntfy, ntfy-2, webhook, mail and shoutrrr") {
		t.Errorf("got error %v and %q", err, got)
	}
	if err := notify.Test(t.Context(), o, []string{"webhook"}, report); err != nil || len(got) != 1 {
		t.Errorf("got error %v and %q", err, got)
	}
}

// TestPage: a notice leads to the page if it can be known where that is.
func TestPage(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]config.HTTP{
		"":                        {Listen: []string{"127.0.0.1:9110"}},
		"https://a.example/":      {Listen: []string{"127.0.0.1:9110"}, Hosts: []string{"a.example", "b.example"}},
		"https://c.example/":      {Listen: []string{"unix:/run/attachd.sock"}, Hosts: []string{"c.example"}},
		"http://d.example:9110/":  {Listen: []string{"0.0.0.0:9110"}, Hosts: []string{"d.example"}},
		"https://e.example/":      {Listen: []string{":443"}, Hosts: []string{"e.example"}, CertFile: "x"},
		"https://f.example:9110/": {Listen: []string{"localhost:1", "[::]:9110"}, Hosts: []string{"f.example"}, CertFile: "x"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "hans@mx.a")
			w.config.HTTP = h
			w.outages = []outage{{span{0, at(1, 1, 0)}, "", revoked}}
			w.start()
			defer w.end()
			w.until(at(1, 0, 5))
			if len(w.bodies) != 1 || !strings.Contains(w.bodies[0], `"page":"`+want+`"`) {
				t.Errorf("want %q in %q", want, w.bodies)
			}
		})
	}
}
