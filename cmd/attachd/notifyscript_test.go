package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/attachd/attachd/cmd/attachd/notify/send/smtptest"
)

// startReceivers starts a web server and a mail server that receive notices. What comes is in
// http.txt and mail.txt. The configurations of the script get their places: HOOK, HOOKHOST and
// SMTPPORT.
func startReceivers(ts *testscript.TestScript, _ bool, _ []string) {
	var mu sync.Mutex
	file := ts.MkAbs("http.txt")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(r.URL.Path, "/refused/") {
			http.Error(w, r.URL.String(), http.StatusForbidden)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer f.Close()
		fmt.Fprintf(f, "%s %s %s\n%s\n", r.Method, r.URL.Path, r.Header.Get("Title"), body)
	}))
	ts.Defer(web.Close)
	mail := &smtptest.Server{Mode: smtptest.Plain, User: "u", Password: "correct horse"}
	ts.Check(mail.Start())
	ts.Defer(mail.Close)
	mails := ts.MkAbs("mail.txt")
	mail.Received = func(m smtptest.Message) {
		_ = os.WriteFile(mails, []byte(m.Data), 0o600)
	}
	configs, err := filepath.Glob(ts.MkAbs("*.yaml"))
	ts.Check(err)
	for _, path := range configs {
		content, err := os.ReadFile(path)
		ts.Check(err)
		for place, is := range map[string]string{"HOOKHOST": strings.TrimPrefix(web.URL, "http://"), "SMTPPORT": fmt.Sprint(mail.Port())} {
			content = bytes.ReplaceAll(content, []byte(place), []byte(is))
		}
		ts.Check(os.WriteFile(path, bytes.ReplaceAll(content, []byte("HOOK"), []byte(web.URL)), 0o600))
	}
}
