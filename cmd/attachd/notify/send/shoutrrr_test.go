package send_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/send"
	"github.com/attachd/attachd/config"
)

// processFlag makes this test binary the process that runs a service of shoutrrr.
const processFlag = "run-shoutrrr"

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, processFlag) {
		if err := send.RunShoutrrr(context.Background(), os.Stdin); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func sendShoutrrr(ctx context.Context, t *testing.T, url string, n *send.Notice) error {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Target{Shoutrrr: &config.ShoutrrrTarget{URL: config.InlineSecret(config.Secret(url))}}
	return send.New(c, send.Options{Shoutrrr: []string{program, processFlag}}).Send(ctx, n)
}

// TestShoutrrr sends by a real process to real servers: what arrives, and what is said when
// something fails.
func TestShoutrrr(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // so that no test reaches a real service
	t.Setenv("ATTACHD_TEST_SECRET", canary)
	var mu sync.Mutex
	var bodies []string
	away := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer away.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok/", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, string(body))
	})
	mux.HandleFunc("/away/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, away.URL, http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.String(), http.StatusForbidden) })
	server := httptest.NewServer(mux)
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, c := range []struct{ url, want string }{
		{"generic://" + host + "/ok/" + canary + "?disabletls=yes", ""},
		{"generic://" + host + "/no/" + canary + "?disabletls=yes", "the server answered 403 Forbidden"},
		{"generic://" + host + "/away/" + canary + "?disabletls=yes", "the server redirects"},
		{"generic://127.0.0.1:1/" + canary + "?disabletls=yes", "the server refuses connections"},
		{"gotify://" + host + "/A" + strings.Repeat("x", 7) + canary + "?disabletls=yes", "may hold a key"},
		{"telegram://1234:" + strings.Repeat(canary, 2) + "@telegram?chats=@x", "the server refuses connections"},
		{"discord://" + canary + "@1234", "the server refuses connections"},
		{"slack://" + canary, "shoutrrr cannot use the URL"},
		{"nosuch" + canary[:3] + "://" + canary, "shoutrrr has no service"},
		{"logger://", "tells nobody"},
		{"://" + canary, "shoutrrr cannot use the URL"},
	} {
		err := sendShoutrrr(t.Context(), t, c.url, notice())
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got error %v, want %q", c.url, err, c.want)
		case err != nil && strings.Contains(err.Error(), canary):
			t.Errorf("the error has the key: %v", err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(bodies) != 1 || !strings.Contains(bodies[0], "Login refused: mx.example:995, 14 accounts") || strings.Contains(bodies[0], canary) || strings.Contains(bodies[0], "@everyone") {
		t.Errorf("got %q", bodies)
	}
}

// TestShoutrrrEnds: a service that never answers is left, and its process ended.
func TestShoutrrrEnds(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if conn, err := listener.Accept(); err == nil {
			cancel()
			_, _ = io.Copy(io.Discard, conn) // until the process ends
		}
	}()
	begun := time.Now()
	err = sendShoutrrr(ctx, t, "generic://"+listener.Addr().String()+"/"+canary+"?disabletls=yes", notice())
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("got error %v", err)
	}
	<-closed
	if took := time.Since(begun); took > 9*time.Second {
		t.Errorf("it took %s", took)
	}
}
