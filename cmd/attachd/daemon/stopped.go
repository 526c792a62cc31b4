package daemon

import (
	"context"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/fetcher"
)

// stopped reports whether err has no other cause than the end of ctx. Whatever else failed at the
// same time is to be told.
func stopped(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() == nil {
		return false
	}
	switch wraps := err.(type) {
	case interface{ Unwrap() []error }:
		for _, cause := range wraps.Unwrap() {
			if !stopped(ctx, cause) {
				return false
			}
		}
		return true
	case interface{ Unwrap() error }:
		return stopped(ctx, wraps.Unwrap())
	}
	return err == ctx.Err()
}

// unpolled is the outcome of polls that never began. As after polls that were stopped, a later run
// is to do better.
func unpolled(o *Options, err error) *app.Outcome {
	var outcome app.Outcome
	for _, a := range o.Config.Enabled() {
		outcome.Accounts++
		outcome.Failed = append(outcome.Failed, &fetcher.AccountError{Account: a.Name, Err: err})
	}
	return &outcome
}
