package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3"
)

// earlyLasts is how long an early connection is good for a login. Servers give up clients that do
// not log in, the strictest known after half a minute.
const earlyLasts = 10 * time.Second

// Early is a connection that is made while its session can't begin yet, as what it needs is still
// being opened. Nothing is sent on it but what TLS needs, and STLS with the CAPA before it.
type Early struct {
	endpoint *Endpoint
	end      context.CancelCauseFunc
	release  func() bool // from the context that began it
	taken    bool
	waiting  func(bool) // set once the connection is taken

	made   chan struct{} // closed when the fields below are set
	keys   keys
	client *pop3.Client
	err    error
	at     time.Time // when the greeting had come
	failed error     // of the keys: there was no connection
}

// Connect begins a connection for the first session that the result opens, and returns at once. It
// must be closed. The end of ctx ends the connection, unless it was taken before.
func (e *Endpoint) Connect(ctx context.Context, log zerolog.Logger) *Early {
	begun := ctx
	ctx, end := context.WithCancelCause(context.WithoutCancel(begun))
	c := &Early{endpoint: e, end: end, made: make(chan struct{})}
	c.release = context.AfterFunc(begun, func() { end(context.Cause(begun)) })
	go func() {
		defer close(c.made)
		o := Options{Log: log, Waiting: func(waits bool) {
			if c.waiting != nil {
				c.waiting(waits)
			}
		}}
		if c.keys, c.failed = e.keys(ctx, Options{Log: log}); c.failed == nil {
			c.client, c.err = e.dial(ctx, c.keys.config, o)
			c.at = time.Now()
		}
	}()
	return c
}

// Open is [Endpoint.Open] on the early connection. Once that was taken, or if it is so old that the
// server may have given it up, it makes one of its own.
func (c *Early) Open(ctx context.Context, o Options) (*Session, error) {
	if c.taken {
		return c.endpoint.Open(ctx, o)
	}
	c.taken = true
	if o.Waiting != nil {
		o.Waiting(true)
	}
	// The session belongs to whoever opens it.
	c.release()
	context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
	<-c.made
	if o.Waiting != nil {
		o.Waiting(false)
	}
	switch {
	case c.failed != nil:
		return &Session{}, c.failed
	case c.client != nil && time.Since(c.at) > earlyLasts:
		c.client.Close()
		return c.endpoint.Open(ctx, o)
	}
	c.waiting = o.Waiting
	s := newSession(c.keys, o)
	if c.err != nil {
		return s, fmt.Errorf("connect to %s: %w", c.endpoint.Addr, c.err)
	}
	return s, c.endpoint.begin(ctx, s, c.client, c.keys, o)
}

// Close ends a connection that was not taken.
func (c *Early) Close() {
	if c.taken {
		return
	}
	c.taken = true
	c.release()
	c.end(errors.New("not needed"))
	<-c.made
	if c.client != nil {
		c.client.Close()
	}
}
