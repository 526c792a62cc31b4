// Package metrics counts what attachd does, for Prometheus. All names begin with attachd_;
// deploy/monitoring.md lists them, and deploy/grafana has a dashboard and alert rules for them.
//
// # Where the numbers come from
//
// Counters and histograms count events ([Metrics.Observe]). How things stand is read from the
// [status.Snapshot] when somebody asks, so the metrics say what the page says, and what an account
// that was removed had is gone at once.
//
// # Series
//
// Label values come from the configuration and from closed lists: names of accounts, hosts, paths
// and the words of package trouble. Nothing of a mail or a server becomes one. A few series for
// each account are there up to 2,000 accounts, or as metrics.per_account says; one for each host
// with TLS is always there.
//
// # Goroutines
//
// All methods may be called from many goroutines. Observe takes a lock for a moment and never waits
// for who reads. At most three readers are served at a time; more are told to come later.
package metrics
