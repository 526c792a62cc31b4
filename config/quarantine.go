package config

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Quarantine bounds what an account keeps of messages that could not be handled.
type Quarantine struct {
	MaxAge   time.Duration // older messages are removed here and stay on the server; 0 for no limit
	MaxBytes Size          // messages beyond it stay on the server; 0 for no limit
}

// DefaultQuarantineBytes holds any honest mailbox of broken mail, and stops a flood of it.
const DefaultQuarantineBytes Size = 1 << 30

// minQuarantineAge leaves time for a person to look.
const minQuarantineAge = 24 * time.Hour

type rawQuarantine struct {
	MaxAge   value[time.Duration] `yaml:"max_age"`
	MaxBytes value[Size]          `yaml:"max_bytes"`
}

func (r *rawQuarantine) decode(d *decoder, n *yaml.Node, at position) { d.mapping(n, at, r) }

func (r *rawQuarantine) inherit(from *rawQuarantine) {
	r.MaxAge.inherit(from.MaxAge)
	r.MaxBytes.inherit(from.MaxBytes)
}

// quarantine checks the quarantine section.
func (l *loader) quarantine(r *rawQuarantine) Quarantine {
	if r.MaxAge.ok() && r.MaxAge.v > 0 {
		l.atLeast(&r.MaxAge, minQuarantineAge)
	}
	return Quarantine{r.MaxAge.or(0), r.MaxBytes.or(DefaultQuarantineBytes)}
}
