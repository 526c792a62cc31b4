package control_test

import (
	"context"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/control"
)

// short is a listener that can't accept a connection the first time.
type short struct {
	net.Listener
	failed atomic.Bool
}

func (s *short) Accept() (net.Conn, error) {
	if s.failed.CompareAndSwap(false, true) {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return s.Listener.Accept()
}

// TestLog: what goes wrong with a connection goes to the logger, and not raw to the standard error.
// The next one is answered.
func TestLog(t *testing.T) {
	t.Parallel()
	state := stateFile(t)
	l, err := control.Listen(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) })
		if err := control.Serve(ctx, &short{Listener: l}, hello, log.New(&said, "", 0)); err != nil {
			t.Error(err)
		}
	})
	if body, err := get(t, state, "/"); err != nil || body != "hello" {
		t.Errorf("%q, %v", body, err)
	}
	cancel()
	serving.Wait()
	if !strings.Contains(said.String(), "too many open files") {
		t.Errorf("log: %q", said.String())
	}
}
