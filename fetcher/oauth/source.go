package oauth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	// newborn is how long a token counts as new: if a server refuses it then, it would
	// refuse another one too.
	newborn = time.Minute
	// askAgain is how long a refused refresh token is not tried again. It is tried at all
	// because servers also refuse one for what an administrator can undo, such as a
	// blocked user.
	askAgain = time.Hour
)

// Source returns access tokens: those of one account or, if they are the client's own, those of
// several. Its method may be called from several goroutines. One of them at a time gets a new
// token, and the others then have it too.
type Source struct {
	get func(ctx context.Context, refused string) (Token, error)
	now func() time.Time

	turn chan struct{} // holds a value while somebody is at work; guards what follows
	last *Token        // behind a pointer, where fmt does not look
}

func newSource(get func(ctx context.Context, refused string) (Token, error)) *Source {
	return &Source{get: get, now: time.Now, turn: make(chan struct{}, 1), last: &Token{}}
}

// NewCommandSource returns a source of what a program writes. run runs it and returns the whole
// of its output: the token alone, or a JSON object with it and perhaps with its expiry. A token
// without an expiry is used for lifetime; 0 is ten minutes.
func NewCommandSource(run func(ctx context.Context) (string, error), lifetime time.Duration) *Source {
	if lifetime <= 0 {
		lifetime = defaultLifetime
	}
	s := newSource(nil)
	s.get = func(ctx context.Context, _ string) (Token, error) {
		output, err := run(ctx)
		if err != nil {
			return Token{}, err
		}
		t, err := parseOutput(output, s.now(), lifetime)
		if err != nil {
			return Token{}, fmt.Errorf("read the output of token_command: %w", err)
		}
		return t, nil
	}
	return s
}

// NewClientCredentialsSource returns a source of tokens for the client itself, without any user
// (RFC 6749 section 4.4). They are kept in memory only.
func NewClientCredentialsSource(c *Client) *Source {
	return newSource(func(ctx context.Context, _ string) (Token, error) { return c.clientCredentials(ctx) })
}

// NewStoredSource returns a source of tokens for the sign-in that is kept in store, by its
// refresh token (RFC 6749 section 6). account names the account in errors.
//
// Without a sign-in, or when the server refuses its refresh token, the error is a [*SignInError].
// After a refusal the server is not asked again for an hour, or until somebody signs in.
func NewStoredSource(account string, c *Client, store *Store) *Source {
	s := newSource(nil)
	stored := &stored{account: account, client: c, store: store}
	s.get = func(ctx context.Context, refused string) (Token, error) { return stored.token(ctx, refused, s.now) }
	return s
}

// Token returns an access token that has not expired. refused, unless "", is one that the mail
// server has just refused. It is not returned again, unless it is less than a minute old: the
// server would refuse another one too.
func (s *Source) Token(ctx context.Context, refused string) (string, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	now := s.now()
	if s.last.access != "" && s.last.access == refused && now.Sub(s.last.born) < newborn {
		return refused, nil
	}
	if s.last.usable(now) && s.last.access != refused {
		return s.last.access, nil
	}
	t, err := s.get(ctx, refused)
	if err != nil {
		return "", fmt.Errorf("get an access token: %w", err)
	}
	s.last = &t
	return t.access, nil
}

// stored is the work of a [NewStoredSource]. One goroutine uses it at a time.
type stored struct {
	account string
	client  *Client
	store   *Store
	unsaved *record // given by the server and not written yet
}

func (s *stored) token(ctx context.Context, refused string, now func() time.Time) (Token, error) {
	if _, err := s.store.load(); errors.Is(err, fs.ErrNotExist) && s.unsaved == nil {
		return Token{}, &SignInError{s.account, ErrNoSignIn} // and no folder is made for a lock
	}
	unlock, err := s.store.lock(ctx)
	if err != nil {
		return Token{}, err
	}
	defer unlock()
	if s.unsaved != nil {
		if err := s.save(s.unsaved); err != nil {
			return Token{}, err
		}
	}
	r, err := s.store.load()
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !r.isFor(s.client):
		return Token{}, &SignInError{s.account, ErrNoSignIn}
	case err != nil:
		return Token{}, err
	}
	// Another process may have refreshed it meanwhile.
	if t := r.token(); t.usable(now()) && t.access != refused {
		return t, nil
	}
	if r.Refused != "" && now().Sub(r.RefusedAt).Abs() < askAgain {
		return Token{}, &SignInError{s.account, errors.New(r.Refused)}
	}
	place, err := s.store.replace()
	if err != nil {
		return Token{}, err
	}
	defer place.abandon()
	t, err := s.client.refresh(ctx, r.RefreshToken)
	if needsPerson(err) {
		r.Refused, r.RefusedAt = err.Error(), now()
		// Not to be able to write that down costs no more than asking again.
		return Token{}, &SignInError{s.account, errors.Join(err, place.commit(r))}
	}
	if err != nil {
		return Token{}, err
	}
	r.take(t, now())
	if err := place.commit(r); err != nil {
		s.unsaved = r
		return Token{}, err
	}
	return t, nil
}

// save writes what an earlier call could not, unless a sign-in came in between.
func (s *stored) save(r *record) error {
	if on, err := s.store.load(); err == nil && !on.SignedIn.Equal(r.SignedIn) {
		s.unsaved = nil
		return nil
	}
	if err := s.store.write(r); err != nil {
		return err
	}
	s.unsaved = nil
	return nil
}
