package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/control"
)

// stateFile returns a path for a state file, short enough for a socket beside it.
func stateFile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "state.db")
}

// serve answers at the socket of a state file until stop is called, or the test ends.
func serve(t *testing.T, state string, h http.Handler) (stop func()) {
	t.Helper()
	l, err := control.Listen(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := control.Serve(ctx, l, h, nil); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		serving.Wait()
	})
	t.Cleanup(stop)
	return stop
}

func get(t *testing.T, state, path string) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://attachd"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := control.Client(state).Do(request)
	if err != nil {
		return "", control.Cause(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello ", r.URL.Path) })

// TestSocket: a command reaches the daemon, nobody else can, and nothing is left at its end.
func TestSocket(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"short": stateFile(t),
		"long":  filepath.Join(filepath.Dir(stateFile(t)), strings.Repeat("d", 200), "state.db"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := get(t, state, "/x"); !errors.Is(err, control.ErrNotRunning) {
				t.Errorf("nobody there: %v", err)
			}
			stop := serve(t, state, hello)
			if body, err := get(t, state, "/x"); err != nil || body != "hello /x" {
				t.Errorf("%q, %v", body, err)
			}
			info, err := os.Lstat(control.Path(state))
			if err != nil || info.Mode() != fs.ModeSocket|0o600 {
				t.Errorf("%v, %v: want mode 0600", info.Mode(), err)
			}
			if _, err := control.Listen(t.Context(), state); err == nil || !strings.Contains(err.Error(), "another attachd is running") {
				t.Errorf("a second daemon: %v", err)
			}
			stop()
			if entries, err := os.ReadDir(filepath.Dir(state)); err != nil || len(entries) != 0 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
		})
	}
}

// TestStaleSocket: the socket of a daemon that was killed is taken over, and another file is not.
func TestStaleSocket(t *testing.T) {
	t.Parallel()
	state := stateFile(t)
	killed, err := net.ListenUnix("unix", &net.UnixAddr{Name: control.Path(state), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	killed.SetUnlinkOnClose(false)
	if err := killed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, state, "/x"); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("nobody there any more: %v", err)
	}
	serve(t, state, hello)
	if body, err := get(t, state, "/x"); err != nil || body != "hello /x" {
		t.Errorf("%q, %v", body, err)
	}

	other := stateFile(t)
	if err := os.WriteFile(control.Path(other), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(t.Context(), other); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("a file is there: %v", err)
	}
	if text, err := os.ReadFile(control.Path(other)); err != nil || string(text) != "a file" {
		t.Errorf("%q, %v: want the file as it was", text, err)
	}
}

// TestSocketOfAnother: a listener that ends leaves a socket alone that was made in its place.
func TestSocketOfAnother(t *testing.T) {
	t.Parallel()
	state := stateFile(t)
	first, err := control.Listen(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(control.Path(state)); err != nil {
		t.Fatal(err)
	}
	serve(t, state, hello)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if body, err := get(t, state, "/x"); err != nil || body != "hello /x" {
		t.Errorf("%q, %v", body, err)
	}
}

// TestServeEnds: a request without an end, such as a stream of events, does not hold up the stop.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	state, begun := stateFile(t), make(chan struct{})
	stop := serve(t, state, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
	}))
	var asking sync.WaitGroup
	asking.Go(func() { _, _ = get(t, state, "/events") })
	<-begun
	start := time.Now()
	stop()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	asking.Wait()
}

// TestReload: the asker learns every fault of the configuration, or that there is none, and what is
// doubtful about it.
func TestReload(t *testing.T) {
	t.Parallel()
	state := stateFile(t)
	if _, err := control.Reload(t.Context(), state); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("nobody there: %v", err)
	}
	var warnings []string
	var faults error
	serve(t, state, control.Handler(func(context.Context) ([]string, error) { return warnings, faults }, hello))
	if warned, err := control.Reload(t.Context(), state); err != nil || warned != nil {
		t.Errorf("%q, %v", warned, err)
	}
	warnings = []string{"doubtful"}
	if warned, err := control.Reload(t.Context(), state); err != nil || !slices.Equal(warned, warnings) {
		t.Errorf("%q, %v", warned, err)
	}
	faults = errors.Join(errors.New("attachd.yaml:3:1: one"), errors.New("attachd.yaml:4:1: \x1b[2Jtwo"))
	warned, err := control.Reload(t.Context(), state)
	refused, ok := errors.AsType[*control.RefusedError](err)
	if !ok || len(refused.Faults) != 2 || refused.Error() != faults.Error() || !slices.Equal(warned, warnings) {
		t.Errorf("%q, %q", warned, err)
	}
	if body, err := get(t, state, "/x"); err != nil || body != "hello /x" {
		t.Errorf("the rest: %q, %v", body, err)
	}
	if body, err := get(t, state, "/reload"); err != nil || body != "hello /reload" {
		t.Errorf("GET reloads, too: %q, %v", body, err)
	}
}
