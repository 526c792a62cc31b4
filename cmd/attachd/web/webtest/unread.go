package webtest

import (
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
)

// Unread takes what a history that is only read has no place for, and forgets it.
type Unread struct{}

// Decide does nothing.
func (*Unread) Decide(history.Decision) {}

// SaveSession does nothing.
func (*Unread) SaveSession([32]byte, [32]byte, time.Time) error { return nil }

// DropSession does nothing.
func (*Unread) DropSession([32]byte) error { return nil }
