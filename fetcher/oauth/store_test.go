package oauth

import (
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

// TestUnwritable neither uses up a refresh token that could not be replaced, nor loses one that
// could not be written.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{Rotate: true}
		source, _, store := storedSource(t, server)
		time.Sleep(2 * time.Hour)
		// Something that cannot be removed stands where the new file is to be written.
		if err := os.MkdirAll(filepath.Join(store.temporary(), "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := source.Token(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "write "+store.path()) || tokenRequests(server, "refresh_token") != 0 {
			t.Errorf("got %v, %d requests", err, tokenRequests(server, "refresh_token"))
		}
		if err := os.RemoveAll(store.temporary()); err != nil {
			t.Fatal(err)
		}
		// The place is taken while the server answers.
		server.Answer = func(http.ResponseWriter, string, url.Values) bool {
			if err := os.Rename(store.path(), store.path()+".old"); err != nil {
				t.Error(err)
			}
			if err := os.MkdirAll(filepath.Join(store.path(), "x"), 0o700); err != nil {
				t.Error(err)
			}
			return false
		}
		if _, err := source.Token(t.Context(), ""); err == nil || tokenRequests(server, "refresh_token") != 1 {
			t.Errorf("got %v, %d requests", err, tokenRequests(server, "refresh_token"))
		}
		server.Answer = nil
		if err := os.RemoveAll(store.path()); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(store.path()+".old", store.path()); err != nil {
			t.Fatal(err)
		}
		if token(t, source, "") != server.AccessToken() || tokenRequests(server, "refresh_token") != 1 {
			t.Error("the token that could not be written is lost")
		}
		time.Sleep(2 * time.Hour)
		if token(t, source, "") != server.AccessToken() {
			t.Error("the rotated token is lost")
		}
	})
}

func TestStoreFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c, store := storedSource(t, &oauthtest.Server{})
		for path, want := range map[string]fs.FileMode{store.dir: 0o700, store.path(): 0o600} {
			if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != want {
				t.Errorf("%s: %v, %v, want %v", path, fi.Mode(), err, want)
			}
		}
		entries, _ := os.ReadDir(store.dir)
		if len(entries) != 2 {
			t.Errorf("besides the tokens and the lock there is something else: %v", entries)
		}
		for _, content := range []string{"", "{", `{"refresh_token": 5}`, "{}", strings.Repeat(" ", maxRecordBytes+1)} {
			if err := os.WriteFile(store.path(), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Status(c); err == nil || !strings.Contains(err.Error(), store.path()) {
				t.Errorf("%.20q: got %v", content, err)
			}
		}
	})
}

// TestHandOver gives what root makes to the owner of the folder, whom the daemon runs as.
func TestHandOver(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const nobody = 65534
	dir := t.TempDir()
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	store := NewStore(filepath.Join(dir, "state.db.tokens"), "hans")
	for range 2 {
		if err := store.Save(t.Context(), &Client{ID: "x"}, Token{refresh: "r"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{store.dir, store.path(), filepath.Join(store.dir, "hans.lock")} {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := fi.Sys().(*syscall.Stat_t); owner.Uid != nobody || owner.Gid != nobody {
			t.Errorf("%s belongs to %d:%d", path, owner.Uid, owner.Gid)
		}
	}
}
