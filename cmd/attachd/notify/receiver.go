package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/cmd/attachd/notify/send"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/config"
)

const (
	firstRetry = 30 * time.Second // doubled with each failure
	lastRetry  = time.Hour
	// reportAfter is how many failures in a row are trouble: they take four minutes.
	reportAfter = 4
)

// receiver is one that is told. The notifier's lock guards it.
type receiver struct {
	id, name string
	config   config.Target
	target   *send.Target
	book     *book
	shown    map[string]bool // which accounts concern it, as patterns take time

	flying   bool // a notice is on its way
	failures int  // in a row
	failing  time.Time
	err      error     // of the last failure
	retry    time.Time // not before
	reported bool      // the board was told that it cannot be reached
}

// key is that of the case that notices do not reach the receiver.
func (r *receiver) key() string { return string(trouble.NoticesFail) + "/" + r.id }

// identity is what a receiver is, for the file: what was told to one must not count for another. It
// holds no secret.
func identity(t config.Target) string {
	parts := []string{t.String()}
	switch {
	case t.Ntfy != nil:
		parts = append(parts, t.Ntfy.URL.String())
	case t.Webhook != nil:
		parts = append(parts, t.Webhook.URL.String())
	case t.Shoutrrr != nil:
		parts = append(parts, t.Shoutrrr.URL.String())
	}
	if len(t.Accounts) > 0 {
		parts = append(parts, "accounts "+strings.Join(t.Accounts, ", "))
	}
	return strings.Join(parts, "; ")
}

// concerns reports whether an account concerns the receiver.
func (r *receiver) concerns(account string) bool {
	is, known := r.shown[account]
	if !known {
		if r.shown == nil || len(r.shown) > 1<<20 {
			r.shown = make(map[string]bool)
		}
		is = r.config.Concerns(account)
		r.shown[account] = is
	}
	return is
}

// tell sends a receiver what is due, if it is time. The caller holds the lock.
func (n *Notifier) tell(ctx context.Context, r *receiver, now time.Time) {
	if r.flying || now.Before(r.retry) || ctx.Err() != nil {
		return
	}
	wait := settle
	if n.options.Once {
		wait = 0
	}
	items := r.book.ready(now, wait)
	if items == nil && (r.book.Dropped == 0 || now.Before(r.book.hold)) {
		return
	}
	notice := &send.Notice{At: now.In(n.options.Zone), Machine: n.options.Machine, Page: page(n.config.Load().HTTP), Items: items, Dropped: r.book.Dropped}
	notice.ID = noticeID(r.id, notice)
	notice.Sort()
	flight, target := r.book.fly(), r.target
	r.flying = true
	n.sending.Go(func() {
		err := target.Send(ctx, notice)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.told(ctx, r, flight, err)
	})
}

// told takes the result of a delivery. The caller holds the lock.
func (n *Notifier) told(ctx context.Context, r *receiver, f flight, err error) {
	now := time.Now()
	r.flying = false
	r.book.land(f, err == nil, now, n.config.Load().Notify.Remind)
	log := n.options.Log.With().Str("to", r.name).Logger()
	switch {
	case err == nil:
		n.stats.Sent++
		if r.failures > 0 {
			log.Info().Int("failures", r.failures).Msg("notices arrive again")
		}
		if r.reported {
			r.reported = false
			n.options.Board.Over(r.key())
		}
		r.failures, r.err, r.retry = 0, nil, time.Time{}
		n.keeper.changed(true)
	case ctx.Err() != nil: // attachd stops
	default:
		n.stats.Failed++
		if r.failures++; r.failures == 1 {
			r.failing = now
			log.Error().Err(err).Msg("notice not delivered, it is tried again")
		}
		r.err, r.retry = err, now.Add(backoff(r.failures, err))
		if r.failures >= reportAfter {
			r.reported = true
			n.options.Board.Report(r.key(), status.Report{Class: trouble.NoticesFail, Said: []string{r.name + ", " + r.target.String() + ": " + err.Error()}, Since: r.failing})
		}
	}
}

// backoff is how long to wait after so many failures in a row: at least as long as the server asks.
func backoff(failures int, err error) time.Duration {
	wait := lastRetry
	if failures < 8 {
		wait = min(lastRetry, firstRetry<<(failures-1))
	}
	if status, ok := errors.AsType[*outbound.StatusError](err); ok {
		wait = max(wait, status.Wait)
	}
	return wait
}

// noticeID is the same for the same events of the same cases.
func noticeID(receiver string, n *send.Notice) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %d\n", receiver, n.Dropped)
	for _, item := range n.Items {
		fmt.Fprintf(hash, "%q %q %d %d\n", item.Event, item.Key, item.Since.Unix(), item.Ended.Unix())
		if item.Event == send.Remind || item.Event == send.More {
			fmt.Fprintf(hash, "%d\n", n.At.Unix()/int64(time.Hour/time.Second))
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:12])
}
