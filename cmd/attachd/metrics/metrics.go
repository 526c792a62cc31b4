package metrics

import (
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/version"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

// Options say what the metrics are of.
type Options struct {
	// Snapshot returns how things stand. Without it, or while it returns nil, only what events
	// count is there.
	Snapshot func() *status.Snapshot
	// Told returns what notices and pings came to since the start. Nil means that there are none.
	Told func() Told
	// HistoryDropped returns how many records the history has dropped since the start. Nil means
	// that there is no history.
	HistoryDropped func() int64

	Now func() time.Time // time.Now unless given
}

// Told counts notices and pings since the start.
type Told struct {
	Sent    int64 // notices that arrived
	Failed  int64 // attempts at one that failed
	Dropped int64 // notices that nobody will hear of

	PingsSent   int64
	PingsFailed int64 // attempts at one that failed
	PingsLost   int64 // that gave way to newer ones, or failed too often
}

// maxReaders are served at the same time.
const maxReaders = 3

// Metrics are the metrics of one attachd. Make them with [New].
type Metrics struct {
	options    Options
	registry   *prometheus.Registry
	perAccount atomic.Value // config.PerAccount
	events     counters
	last       atomic.Pointer[rendered]

	mu    sync.Mutex
	polls map[string]poll // under way or due, by account; guarded by mu
}

// poll is a poll that has not ended.
type poll struct {
	due, started time.Time // zero if not known
}

// counters count events.
type counters struct {
	polls         *prometheus.CounterVec
	took, lag     prometheus.Histogram
	messages      *prometheus.CounterVec
	messageBytes  prometheus.Counter
	deleted       prometheus.Counter
	files         *prometheus.CounterVec
	fileBytes     prometheus.Counter
	stateErrors   prometheus.Counter
	repairedFiles prometheus.Counter
}

// What becomes of a message.
const (
	messageExtracted    = "extracted"     // something of it became a file
	messageNoAttachment = "no_attachment" // it was read, and nothing of it became a file
	messageQuarantined  = "quarantined"
	messageFailed       = "failed"  // it could not be retrieved
	messageSkipped      = "skipped" // it stays on the server, as a setting says
)

// What becomes of an attachment.
const (
	fileDelivered = "delivered"
	fileLeftOut   = "left_out"
)

// New returns metrics that count from zero.
func New(o Options) *Metrics {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Metrics{options: o, registry: prometheus.NewPedanticRegistry(), polls: make(map[string]poll)}
	m.perAccount.Store(config.PerAccountAuto)
	m.events = newCounters(m.registry)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "attachd_build_info",
		Help:        "What runs: always 1.",
		ConstLabels: prometheus.Labels{"version": version.Number(), "revision": version.Revision(), "goversion": runtime.Version()},
	}, func() float64 { return 1 }))
	m.registerOthers()
	return m
}

// registerOthers registers what other parts of attachd count.
func (m *Metrics) registerOthers() {
	counter := func(name, help, result string, of func() int64) {
		labels := prometheus.Labels{}
		if result != "" {
			labels["result"] = result
		}
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return float64(of()) }))
	}
	if told := m.options.Told; told != nil {
		const notices, pings = "attachd_notices_total", "attachd_pings_total"
		const noticesHelp = "Notices that were sent, attempts that failed, and notices that nobody will hear of."
		const pingsHelp = "Pings that were sent, attempts that failed, and pings that gave way to newer ones or failed too often."
		counter(notices, noticesHelp, "sent", func() int64 { return told().Sent })
		counter(notices, noticesHelp, "failed", func() int64 { return told().Failed })
		counter(notices, noticesHelp, "dropped", func() int64 { return told().Dropped })
		counter(pings, pingsHelp, "sent", func() int64 { return told().PingsSent })
		counter(pings, pingsHelp, "failed", func() int64 { return told().PingsFailed })
		counter(pings, pingsHelp, "lost", func() int64 { return told().PingsLost })
	}
	if dropped := m.options.HistoryDropped; dropped != nil {
		counter("attachd_history_dropped_total", "Records that the history dropped because it could not keep up.", "", dropped)
	}
}

// newCounters registers what events count, each with all of its labels, as a series that is not
// there yet can't be told from zero.
func newCounters(r prometheus.Registerer) counters {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	counted := func(name, help string, results ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"result"})
		r.MustRegister(c)
		for _, result := range results {
			c.WithLabelValues(result)
		}
		return c
	}
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
		r.MustRegister(h)
		return h
	}
	return counters{
		polls: counted("attachd_polls_total", "Polls that ended, by what they ended with.", trouble.Results()...),
		took: histogram("attachd_poll_duration_seconds", "How long polls took, from their slot on.",
			.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400),
		lag: histogram("attachd_scheduler_lag_seconds", "How long polls that were due waited for their slot.",
			.01, .05, .1, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
		messages: counted("attachd_messages_total", "Messages, by what became of them. One that is in quarantine was read before.",
			messageExtracted, messageNoAttachment, messageQuarantined, messageFailed, messageSkipped),
		messageBytes:  counter("attachd_message_bytes_total", "Bytes of the messages that were read from servers."),
		deleted:       counter("attachd_messages_deleted_total", "Messages that servers confirmed to have deleted."),
		files:         counted("attachd_attachments_total", "Attachments, by what became of them.", fileDelivered, fileLeftOut),
		fileBytes:     counter("attachd_attachment_bytes_total", "Bytes of the attachments that were delivered."),
		repairedFiles: counter("attachd_attachments_repaired_total", "Delivered attachments of which something had to be mended or guessed."),
		stateErrors:   counter("attachd_state_errors_total", "Polls that failed because the state could not be read or written."),
	}
}

// Observe counts an event.
func (m *Metrics) Observe(e event.Event) {
	c := &m.events
	switch e := e.(type) {
	case event.Waiting:
		m.change(e.Account, func(p *poll) { *p = poll{due: m.options.Now()} })
	case event.Started:
		m.started(e.Account)
	case event.Retrieved:
		c.messageBytes.Add(float64(e.Octets))
		if e.Attachments > 0 {
			c.messages.WithLabelValues(messageExtracted).Inc()
		} else {
			c.messages.WithLabelValues(messageNoAttachment).Inc()
		}
	case event.Delivered:
		c.files.WithLabelValues(fileDelivered).Inc()
		c.fileBytes.Add(float64(e.Attachment.Size))
		if len(e.Repairs) > 0 {
			c.repairedFiles.Inc()
		}
	case event.LeftOut:
		switch {
		case e.Name != "":
			c.files.WithLabelValues(fileLeftOut).Add(float64(1 + e.More))
		case e.Stays:
			c.messages.WithLabelValues(messageSkipped).Add(float64(1 + e.More))
		}
	case event.Quarantined:
		c.messages.WithLabelValues(messageQuarantined).Inc()
	case event.Deleted:
		c.deleted.Add(float64(e.Messages))
	case event.Done:
		m.done(e)
	}
}

// change changes what is known of an account's poll.
func (m *Metrics) change(account string, by func(*poll)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.polls[account]
	by(&p)
	m.polls[account] = p
}

// started notes that a poll has its slot.
func (m *Metrics) started(account string) {
	now := m.options.Now()
	var due time.Time
	m.change(account, func(p *poll) { due, p.started = p.due, now })
	if !due.IsZero() {
		m.events.lag.Observe(now.Sub(due).Seconds())
	}
}

// done counts a poll that ended.
func (m *Metrics) done(e event.Done) {
	m.mu.Lock()
	started := m.polls[e.Account].started
	delete(m.polls, e.Account)
	m.mu.Unlock()
	if !started.IsZero() {
		m.events.took.Observe(m.options.Now().Sub(started).Seconds())
	}
	failed := trouble.Of("", e.Err)
	m.events.polls.WithLabelValues(failed.Class.Result()).Inc()
	if failed.Step == "state" {
		m.events.stateErrors.Inc()
	}
	m.events.messages.WithLabelValues(messageFailed).Add(float64(e.Counts.Failed))
}

// Configured sets what decides whether each account has series of its own, at the start and after
// each reload.
func (m *Metrics) Configured(c *config.Config) { m.perAccount.Store(c.Metrics.PerAccount) }

// Handler returns what serves the metrics, in Prometheus' formats.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m, promhttp.HandlerOpts{MaxRequestsInFlight: maxReaders})
}
