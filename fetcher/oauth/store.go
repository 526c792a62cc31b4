package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Store is the file that holds the tokens of one account's sign-in. Several processes may use it
// at the same time.
type Store struct {
	dir, account string
}

// NewStore returns the store of the file ACCOUNT.json in dir. The folder is made when something
// is first written.
func NewStore(dir, account string) *Store { return &Store{dir, account} }

// record is the file's content.
type record struct {
	// The client that the tokens are for. A record of another client or server does not count.
	ClientID string `json:"client_id"`
	TokenURL string `json:"token_url"`

	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
	Scopes       string    `json:"scopes"`
	SignedIn     time.Time `json:"signed_in"`
	Refreshed    time.Time `json:"refreshed"`
	// Refused is what the server said when it took the refresh token no more, and RefusedAt when.
	Refused   string    `json:"refused,omitempty"`
	RefusedAt time.Time `json:"refused_at,omitzero"`
}

// newRecord is the record of a sign-in that gave t.
func newRecord(c *Client, t Token, now time.Time) *record {
	// A server that names no scopes has granted those that were asked for (RFC 6749 section 5.1).
	r := &record{ClientID: c.ID, TokenURL: c.TokenURL, Scopes: strings.Join(c.Scopes, " "), SignedIn: now}
	r.take(t, now)
	return r
}

// take makes t the record's token.
func (r *record) take(t Token, now time.Time) {
	r.AccessToken, r.Expiry, r.Refreshed = t.access, t.Expiry, now
	if t.refresh != "" {
		r.RefreshToken = t.refresh
	}
	if t.Scopes != "" {
		r.Scopes = t.Scopes
	}
	r.Refused, r.RefusedAt = "", time.Time{}
}

func (r *record) token() Token {
	return Token{Expiry: r.Expiry, Scopes: r.Scopes, access: r.AccessToken, refresh: r.RefreshToken, born: r.Refreshed}
}

// isFor reports whether the tokens were given to c.
func (r *record) isFor(c *Client) bool { return r.ClientID == c.ID && r.TokenURL == c.TokenURL }

// Status is the state of a sign-in, without its tokens.
type Status struct {
	SignedIn  time.Time // zero when nobody has signed in with these settings
	Refreshed time.Time
	Expiry    time.Time // of the access token
	Scopes    string    // as granted, separated by spaces
	Refused   string    // the server's reason for refusing the refresh token, "" for none
	RefusedAt time.Time
}

// Status returns the state of the sign-in for the client c. Without a sign-in it returns the zero
// Status and no error.
func (s *Store) Status(c *Client) (Status, error) {
	r, err := s.load()
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !r.isFor(c):
		return Status{}, nil
	case err != nil:
		return Status{}, err
	}
	return Status{SignedIn: r.SignedIn, Refreshed: r.Refreshed, Expiry: r.Expiry, Scopes: r.Scopes, Refused: r.Refused, RefusedAt: r.RefusedAt}, nil
}

// Save writes the tokens of a new sign-in, in place of those of an older one. It waits for a
// process that is refreshing them. They are on the disk when it returns nil.
func (s *Store) Save(ctx context.Context, c *Client, t Token) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return s.write(newRecord(c, t, time.Now()))
}

func (s *Store) path() string { return filepath.Join(s.dir, s.account+".json") }

// temporary is always the same name, used under the lock: the next write removes what a crash
// leaves behind.
func (s *Store) temporary() string { return filepath.Join(s.dir, "."+s.account+".json.new") }

// maxRecordBytes is far more than any record has.
const maxRecordBytes = 1 << 20

// load reads the record. The error wraps fs.ErrNotExist when there is none.
func (s *Store) load() (*record, error) {
	fi, err := os.Stat(s.path())
	if err == nil && fi.Mode().IsRegular() && fi.Mode()&0o077 != 0 {
		err = os.Chmod(s.path(), 0o600) // somebody has copied it
	}
	if err == nil && fi.Size() > maxRecordBytes {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, s.wrap("read", err)
	}
	data, err := os.ReadFile(s.path())
	if err != nil {
		return nil, s.wrap("read", err)
	}
	r := &record{}
	if json.Unmarshal(data, r) != nil || r.RefreshToken == "" {
		// The words of the decoder could quote a piece of a token.
		return nil, fmt.Errorf("read %s: it is damaged; sign in again with: attachd oauth login %s", s.path(), s.account)
	}
	return r, nil
}

func (s *Store) wrap(verb string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok && p.Path == s.path() {
		err = p.Err
	}
	return fmt.Errorf("%s %s: %w", verb, s.path(), err)
}

// replacement is a new content on its way to the store's place.
type replacement struct {
	store *Store
	file  *os.File
}

// reserve is the room that is taken for a new file before its content is known, in bytes.
// Microsoft's tokens come to some 5 KB.
const reserve = 16 << 10

// replace opens the new file and takes its room on the disk. So a full disk, or whatever else
// prevents writing, is found out before anything depends on it. The caller holds the lock and
// ends with commit or abandon.
func (s *Store) replace() (*replacement, error) {
	if err := os.Remove(s.temporary()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("write %s: %w", s.path(), err)
	}
	f, err := s.create(s.temporary(), os.O_WRONLY|os.O_EXCL)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", s.path(), err)
	}
	r := &replacement{s, f}
	if _, err := f.Write(make([]byte, reserve)); err != nil {
		r.abandon()
		return nil, s.wrap("write", err)
	}
	return r, nil
}

func (r *replacement) abandon() {
	if r.file != nil {
		r.file.Close()
		os.Remove(r.file.Name())
	}
}

// commit writes rec and renames the file to the store's place. The file, and then its new name,
// are on the disk when it returns nil.
func (r *replacement) commit(rec *record) error {
	defer r.abandon()
	data, err := json.MarshalIndent(rec, "", "  ")
	if err == nil {
		_, err = r.file.WriteAt(append(data, '\n'), 0)
	}
	if err == nil {
		err = r.file.Truncate(int64(len(data) + 1))
	}
	if err == nil {
		err = r.file.Sync()
	}
	if err == nil {
		err = r.file.Close()
	}
	if err == nil {
		err = os.Rename(r.file.Name(), r.store.path())
	}
	if err != nil {
		return r.store.wrap("write", err)
	}
	r.file = nil
	return r.store.syncFolder()
}

func (s *Store) syncFolder() error {
	d, err := os.Open(s.dir)
	if err != nil {
		return s.wrap("write", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return s.wrap("write", err)
	}
	return nil
}

func (s *Store) write(rec *record) error {
	r, err := s.replace()
	if err != nil {
		return err
	}
	return r.commit(rec)
}

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 50 * time.Millisecond

// lock waits for the account's lock. The kernel drops it with the process, however that ends.
func (s *Store) lock(ctx context.Context) (unlock func() error, err error) {
	if err := s.makeFolder(); err != nil {
		return nil, err
	}
	f, err := s.create(filepath.Join(s.dir, s.account+".lock"), os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("lock the tokens of %s: %w", s.account, err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() error {
				// A child that is being started now would keep the lock otherwise.
				_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
				return f.Close()
			}, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another process that refreshes the tokens of %s: %w", s.account, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

func (s *Store) makeFolder() error {
	err := os.Mkdir(s.dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Lstat(s.dir); err == nil && !info.IsDir() {
			return fmt.Errorf("make folder for tokens: %s is a link or a file, and must be a folder: remove it", s.dir)
		}
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make folder for tokens: %w (it is made beside the state file, whose folder has to be there)", err)
	}
	if err == nil {
		err = handOver(s.dir)
	}
	if err != nil {
		return fmt.Errorf("make folder for tokens: %w", err)
	}
	return nil
}

func (s *Store) create(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := handOver(path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// handOver gives what root makes to the owner of the folder it is in: an administrator signs in
// as root, and the daemon, which runs as another user, has to read and replace the file.
func handOver(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	fi, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if owner, ok := fi.Sys().(*syscall.Stat_t); ok {
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}
