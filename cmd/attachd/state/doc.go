// Package state looks into the state file and mends it.
package state
