package config

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Timeouts say how long an account waits for its server. Zero means the default of package pop3.
type Timeouts struct {
	Dial     time.Duration // connecting
	TLS      time.Duration // the handshake
	Greeting time.Duration // the server's first line
	Reply    time.Duration // a status line
	Idle     time.Duration // a pause within a message or a list
	Session  time.Duration // all of a poll
}

// minTimeout is less than any server on a slow line needs.
const minTimeout = time.Second

type rawTimeouts struct {
	Dial     value[time.Duration] `yaml:"dial"`
	TLS      value[time.Duration] `yaml:"tls"`
	Greeting value[time.Duration] `yaml:"greeting"`
	Reply    value[time.Duration] `yaml:"reply"`
	Idle     value[time.Duration] `yaml:"idle"`
	Session  value[time.Duration] `yaml:"session"`
}

func (r *rawTimeouts) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

func (r *rawTimeouts) all() []*value[time.Duration] {
	return []*value[time.Duration]{&r.Dial, &r.TLS, &r.Greeting, &r.Reply, &r.Idle, &r.Session}
}

func (r *rawTimeouts) inherit(from *rawTimeouts) {
	theirs := from.all()
	for i, v := range r.all() {
		v.inherit(*theirs[i])
	}
}

// timeouts checks the timeouts section.
func (l *loader) timeouts(r *rawTimeouts) Timeouts {
	for _, v := range r.all() {
		l.atLeast(v, minTimeout)
	}
	return Timeouts{r.Dial.or(0), r.TLS.or(0), r.Greeting.or(0), r.Reply.or(0), r.Idle.or(0), r.Session.or(0)}
}
