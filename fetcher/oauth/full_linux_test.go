package oauth

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

// TestFullDisk does not use up a refresh token when there is no room for the next one. If the disk
// fills up while the server answers, the room is there already.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a small file system is refused: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(dir, "filler")
	fill := func() {
		if err := os.WriteFile(filler, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("the disk is not full: %v", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{Rotate: true}
		c := client(server)
		store := NewStore(filepath.Join(dir, "tokens"), "hans")
		if err := store.Save(t.Context(), c, signIn(t, c, server)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		fill()
		if _, err := NewStoredSource("hans", c, store).Token(t.Context(), ""); !errors.Is(err, syscall.ENOSPC) || tokenRequests(server, "refresh_token") != 0 {
			t.Errorf("full: got %v, %d requests", err, tokenRequests(server, "refresh_token"))
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		server.Answer = func(http.ResponseWriter, string, url.Values) bool { fill(); return false }
		if _, err := NewStoredSource("hans", c, store).Token(t.Context(), ""); err != nil {
			t.Fatalf("filled while the server answered: %v", err)
		}
		server.Answer = nil
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if token(t, NewStoredSource("hans", c, store), "") != server.AccessToken() {
			t.Error("the rotated token is lost")
		}
	})
}
