package metrics

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
)

var _ prometheus.Gatherer = (*Metrics)(nil)

// Gather returns all metrics, sorted by name.
//
// What a snapshot says is put together here rather than in a [prometheus.Collector]: a registry
// checks each of its series against all others, which takes longer than all the rest when there are
// some for each of ten thousand accounts.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) {
	families, err := m.registry.Gather()
	if m.options.Snapshot != nil {
		if s := m.options.Snapshot(); s != nil {
			families = append(families, m.standing(s)...)
		}
	}
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return families, err
}

// rendered are the metrics of a snapshot, which several readers may ask for.
type rendered struct {
	of         *status.Snapshot
	perAccount config.PerAccount
	families   []*dto.MetricFamily
}

// standing returns the metrics of a snapshot. They are not changed once made.
func (m *Metrics) standing(s *status.Snapshot) []*dto.MetricFamily {
	mode, _ := m.perAccount.Load().(config.PerAccount)
	if last := m.last.Load(); last != nil && last.of == s && last.perAccount == mode {
		return last.families
	}
	var f families
	f.accounts(s)
	f.cases(s)
	f.machine(&s.Machine)
	f.certificates(s.Certificates)
	if mode.Of(len(s.Accounts)) {
		f.eachAccount(s.Accounts)
	}
	m.last.Store(&rendered{s, mode, f.list})
	return f.list
}

// families are gauges under construction.
type families struct{ list []*dto.MetricFamily }

// add begins a gauge that will have about so many series.
func (f *families) add(name, help string, series int) *gauge {
	kind := dto.MetricType_GAUGE
	g := &gauge{family: &dto.MetricFamily{Name: &name, Help: &help, Type: &kind, Metric: make([]*dto.Metric, 0, series)}, values: make([]values, 0, series)}
	f.list = append(f.list, g.family)
	return g
}

// one adds a gauge with one series and without labels.
func (f *families) one(name, help string, v float64) { f.add(name, help, 1).set(v) }

// gauge is a family of gauges.
type gauge struct {
	family *dto.MetricFamily
	values []values
}

// values are what one series without or with one label needs, in one piece of memory.
type values struct {
	metric dto.Metric
	gauge  dto.Gauge
	value  float64
	label  dto.LabelPair
	labels [1]*dto.LabelPair
}

// set adds a series, whose labels come as name and value.
func (g *gauge) set(v float64, labels ...string) {
	if len(g.values) == cap(g.values) {
		g.values = make([]values, 0, 64) // the old ones stay where they are
	}
	g.values = append(g.values, values{value: v})
	x := &g.values[len(g.values)-1]
	x.gauge.Value, x.metric.Gauge = &x.value, &x.gauge
	switch len(labels) {
	case 0:
	case 2:
		x.label.Name, x.label.Value = &labels[0], &labels[1]
		x.labels[0] = &x.label
		x.metric.Label = x.labels[:]
	default:
		for i := 0; i < len(labels); i += 2 {
			x.metric.Label = append(x.metric.Label, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
		}
	}
	g.family.Metric = append(g.family.Metric, &x.metric)
}

// label makes a label's value of a text that may be no UTF-8, such as a path.
func label(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// unix is a time in seconds, 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// states are all states, in the order of the page.
var states = []status.State{status.NeedsYou, status.Failing, status.Waiting, status.Polling, status.Fine, status.New, status.Off}

// accounts counts the accounts and what they have together.
func (f *families) accounts(s *status.Snapshot) {
	g := f.add("attachd_accounts", "Accounts, by their state.", len(states))
	for _, state := range states {
		g.set(float64(s.Count[state]), "state", strings.ReplaceAll(string(state), " ", "_"))
	}
	quarantine, backlog := 0, 0
	for i := range s.Accounts {
		quarantine += s.Accounts[i].Quarantine
		backlog += s.Accounts[i].Backlog
	}
	f.one("attachd_quarantine_messages", "Messages in quarantine.", float64(quarantine))
	f.one("attachd_backlog_messages", "Messages on the servers that are known to be left for the next polls.", float64(backlog))
}

// cases counts the troubles.
func (f *families) cases(s *status.Snapshot) {
	f.one("attachd_needs_you", "Troubles that need somebody.", float64(len(s.NeedsYou)))
	f.one("attachd_handled", "Troubles that attachd handles by itself.", float64(len(s.Handled)))
	type key struct{ class, needsYou string }
	accounts := map[key]int{}
	for _, list := range [][]status.Case{s.NeedsYou, s.Handled} {
		for i := range list {
			c := &list[i]
			accounts[key{string(c.Class), map[bool]string{true: "yes", false: "no"}[c.NeedsYou]}] += max(1, len(c.Accounts))
		}
	}
	g := f.add("attachd_trouble_accounts", "Accounts in trouble, by its class; 1 for trouble that concerns no account.", len(accounts))
	for k, n := range accounts {
		g.set(float64(n), "class", label(k.class), "needs_you", k.needsYou)
	}
	slices.SortFunc(g.family.Metric, func(a, b *dto.Metric) int {
		return cmp.Or(cmp.Compare(a.Label[0].GetValue(), b.Label[0].GetValue()), cmp.Compare(a.Label[1].GetValue(), b.Label[1].GetValue()))
	})
	f.dropEmpty()
}

// machine says how the program and its files are.
func (f *families) machine(m *status.Machine) {
	f.one("attachd_config_last_reload_successful", "Whether the configuration on disk is the one in force.", truth(m.Config.Failed.IsZero()))
	f.one("attachd_config_last_reload_success_timestamp_seconds", "When the configuration in force was loaded.", unix(m.Config.Loaded))
	f.one("attachd_scheduler_beat_timestamp_seconds", "When the scheduler last found all of its loops on time; 0 before the first look.", unix(m.Beat))
	f.one("attachd_polls_waiting", "Polls that are due and wait for a slot.", float64(m.Due))
	f.one("attachd_polls_running", "Polls under way.", float64(m.Polling))
	size := f.add("attachd_file_size_bytes", "Size of a file of attachd's own.", 2)
	usable := f.add("attachd_file_usable", "Whether a file of attachd's own can be read and written.", 2)
	for _, file := range []struct {
		name string
		of   *status.File
	}{{"history", &m.History}, {"state", &m.State}} {
		size.set(float64(file.of.Size), "file", file.name)
		usable.set(truth(file.of.Err == ""), "file", file.name)
	}
	if len(m.Disks) == 0 {
		return
	}
	free := f.add("attachd_disk_free_bytes", "Free space of a disk that attachd writes to.", len(m.Disks))
	total := f.add("attachd_disk_size_bytes", "Size of a disk that attachd writes to.", len(m.Disks))
	leave := f.add("attachd_disk_min_free_bytes", "The most free space that an account wants left on the disk.", len(m.Disks))
	known := f.add("attachd_disk_usable", "Whether a disk that attachd writes to can be looked at.", len(m.Disks))
	for i := range m.Disks {
		d := &m.Disks[i]
		path := label(d.Path)
		known.set(truth(d.Err == ""), "path", path)
		if d.Err != "" {
			continue // or no room would be an alarm of its own
		}
		free.set(float64(d.Free), "path", path)
		total.set(float64(d.Total), "path", path)
		leave.set(float64(d.MinFree), "path", path)
	}
	f.dropEmpty()
}

// dropEmpty drops the families without a series, which the formats do not allow.
func (f *families) dropEmpty() {
	f.list = slices.DeleteFunc(f.list, func(of *dto.MetricFamily) bool { return len(of.Metric) == 0 })
}

// certificates says when the servers' certificates end.
func (f *families) certificates(list []status.Certificate) {
	if len(list) == 0 {
		return
	}
	g := f.add("attachd_tls_certificate_expiry_timestamp_seconds", "When a server's certificate ends.", len(list))
	for i := range list {
		g.set(unix(list[i].NotAfter), "host", label(list[i].Host))
	}
}

// eachAccount has the series of each account that is polled.
func (f *families) eachAccount(list []status.Account) {
	n := len(list)
	up := f.add("attachd_account_up", "Whether the last poll of an account went well. An account that was not polled yet has no series.", n)
	success := f.add("attachd_account_last_success_timestamp_seconds", "When the last poll without a failure ended; 0 if none did.", n)
	failures := f.add("attachd_account_consecutive_failures", "Failed polls in a row.", n)
	quarantine := f.add("attachd_account_quarantine_messages", "Messages of an account in quarantine.", n)
	for i := range list {
		a := &list[i]
		if a.State == status.Off {
			continue
		}
		name := label(a.Name)
		if a.State != status.New {
			up.set(truth(a.Failures == 0), "account", name)
		}
		success.set(unix(a.Worked), "account", name)
		failures.set(float64(a.Failures), "account", name)
		quarantine.set(float64(a.Quarantine), "account", name)
	}
	f.dropEmpty()
}
