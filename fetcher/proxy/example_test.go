package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/attachd/attachd/fetcher/proxy"
)

// The proxy knows the host's name, and nobody else does.
func ExampleDialer_DialContext() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "pop.invalid:995" {
			http.Error(w, "unknown host", http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "+OK ready\r\n") // what the server at the other end would say
	}))
	defer server.Close()

	d := &proxy.Dialer{Scheme: "http", Addr: strings.TrimPrefix(server.URL, "http://"), Name: "http://proxy.test"}
	conn, err := d.DialContext(context.Background(), "tcp", "pop.invalid:995")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	greeting, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Printf("%q %v\n", greeting, err)

	_, err = d.DialContext(context.Background(), "tcp", "imap.invalid:993")
	fmt.Println(err)
	// Output:
	// "+OK ready\r\n" <nil>
	// proxy http://proxy.test: connect to imap.invalid:993: it answered 502 Bad Gateway
}
