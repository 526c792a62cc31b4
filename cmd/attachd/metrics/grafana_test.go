package metrics_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

const (
	grafana   = "../../../deploy/grafana"
	dashboard = grafana + "/attachd.json"
	alerts    = grafana + "/alerts.yaml"
	manual    = "../../../deploy/monitoring.md"
)

// exposed lists what the scripted run exposes: each name that a query may have, with its labels and
// their values.
func exposed(t *testing.T) map[string]map[string][]string {
	t.Helper()
	s := newScript()
	s.run()
	families, err := s.Gather()
	try(t, err)
	names := map[string]map[string][]string{"up": {}}
	for _, family := range families {
		labels := map[string][]string{}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = append(labels[label.GetName()], label.GetValue())
			}
		}
		if family.GetType() != dto.MetricType_HISTOGRAM {
			names[family.GetName()] = labels
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			names[family.GetName()+suffix] = labels
		}
	}
	return names
}

// Names of metrics in a query, and conditions of their labels.
var (
	queried   = regexp.MustCompile(`\b(up|(?:attachd|go|process)_[a-z0-9_]+)\b(?:\{([^}]*)\})?`)
	condition = regexp.MustCompile(`(\w+)(=~|!=|!~|=)"([^"]*)"`)
)

// checkQuery fails the test for a metric, label or value that is not exposed.
func checkQuery(t *testing.T, names map[string]map[string][]string, where, query string) {
	t.Helper()
	found := queried.FindAllStringSubmatch(query, -1)
	if len(found) == 0 {
		t.Errorf("%s asks for no metric: %s", where, query)
	}
	for _, m := range found {
		labels, ok := names[m[1]]
		if !ok {
			t.Errorf("%s asks for %s, which is not exposed: %s", where, m[1], query)
			continue
		}
		for _, c := range condition.FindAllStringSubmatch(m[2], -1) {
			if c[1] == "job" || c[1] == "instance" {
				continue // Prometheus adds these
			}
			if labels[c[1]] == nil {
				t.Errorf("%s: %s has no label %s: %s", where, m[1], c[1], query)
			}
			for value := range strings.SplitSeq(c[3], "|") {
				if !slices.Contains(labels[c[1]], value) {
					t.Errorf("%s: %s has no %s=%q: %s", where, m[1], c[1], value, query)
				}
			}
		}
	}
}

// panel is what the tests read of a dashboard's panel.
type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Datasource  struct{ UID string }
	Targets     []struct{ Expr string }
}

func readDashboard(t *testing.T) (panels []panel, queries []string) {
	t.Helper()
	text, err := os.ReadFile(dashboard)
	try(t, err)
	var board struct {
		UID         string
		Panels      []panel
		Annotations struct{ List []struct{ Expr string } }
	}
	try(t, json.Unmarshal(text, &board))
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	for _, a := range board.Annotations.List {
		queries = append(queries, a.Expr)
	}
	if board.UID != "attachd" || len(board.Panels) < 20 || len(queries) < 30 {
		t.Fatalf("dashboard %q has %d panels and %d queries", board.UID, len(board.Panels), len(queries))
	}
	return board.Panels, queries
}

// alertQueries reads the queries of the alert rules.
func alertQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile(alerts)
	try(t, err)
	for _, m := range regexp.MustCompile(`(?m)^ +expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)`).FindAllStringSubmatch(string(text), -1) {
		queries = append(queries, m[1]+m[2])
	}
	if want := strings.Count(string(text), "- alert: "); len(queries) != want || want < 10 {
		t.Fatalf("%d queries in %d rules", len(queries), want)
	}
	return queries
}

// TestNames: dashboard and alerts ask for what there is, and each metric is of use: it is in the
// dashboard, in an alert or both, and in the manual.
func TestNames(t *testing.T) {
	t.Parallel()
	names := exposed(t)
	_, queries := readDashboard(t)
	for _, query := range queries {
		checkQuery(t, names, "the dashboard", query)
	}
	for _, query := range alertQueries(t) {
		checkQuery(t, names, "an alert", query)
		queries = append(queries, query)
	}
	used := strings.Join(queries, "\n")
	text, err := os.ReadFile(manual)
	try(t, err)
	base := regexp.MustCompile("_(bucket|sum|count)$")
	for name := range names {
		family := base.ReplaceAllString(name, "")
		if !strings.HasPrefix(family, "attachd_") {
			continue
		}
		if !strings.Contains(used, family) {
			t.Errorf("neither the dashboard nor an alert asks for %s", family)
		}
		if !strings.Contains(string(text), "`"+family) {
			t.Errorf("deploy/monitoring.md does not explain %s", family)
		}
	}
	for _, m := range regexp.MustCompile("`(attachd_[a-z_]+)").FindAllStringSubmatch(string(text), -1) {
		if names[m[1]] == nil && names[m[1]+"_sum"] == nil {
			t.Errorf("deploy/monitoring.md explains %s, which is not exposed", m[1])
		}
	}
}

// TestCheckQuery: what is wrong with a query is found.
func TestCheckQuery(t *testing.T) {
	t.Parallel()
	for query, m := range map[string][]string{
		`sum(rate(attachd_polls_total{job=~"$job",result="ok"}[5m])) > up`: {"attachd_polls_total", `job=~"$job",result="ok"`, "up", ""},
		"go_goroutines": {"go_goroutines", ""},
		"setup":         nil,
	} {
		var got []string
		for _, found := range queried.FindAllStringSubmatch(query, -1) {
			got = append(got, found[1:]...)
		}
		if !slices.Equal(got, m) {
			t.Errorf("%s: got %q", query, got)
		}
	}
}

// TestDashboard: panels have a title and a data source to choose, and do not cover each other.
func TestDashboard(t *testing.T) {
	t.Parallel()
	panels, _ := readDashboard(t)
	ids := map[int]bool{}
	for i, p := range panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d has the id of another, or no title", p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Datasource.UID != "${datasource}" || len(p.Targets) == 0) {
			t.Errorf("panel %q has data source %q and %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		a := p.GridPos
		if a.X < 0 || a.X+a.W > 24 || a.W < 1 || a.H < 1 {
			t.Errorf("panel %q is outside: %+v", p.Title, a)
		}
		for _, other := range panels[i+1:] {
			if b := other.GridPos; a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q cover each other", p.Title, other.Title)
			}
		}
	}
}

// promtool runs Prometheus' own tool. Without it, the test is skipped, or fails where CI=true.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is missing: make install-test-deps installs it")
		}
		t.Skip("promtool is missing: make install-test-deps installs it (Debian's prometheus)")
	}
	out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestAlerts: the rules are valid, and each fires when it is to, with the words that it is to have,
// and not when all is fine.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", alerts)
	promtool(t, "test", "rules", filepath.Join("testdata", "alerts_test.yaml"))
	tests, err := os.ReadFile(filepath.Join("testdata", "alerts_test.yaml"))
	try(t, err)
	rules, err := os.ReadFile(alerts)
	try(t, err)
	for _, m := range regexp.MustCompile(`(?m)- alert: (\w+)$`).FindAllStringSubmatch(string(rules), -1) {
		quiet := strings.Contains(string(tests), "- {alertname: "+m[1]+",")
		fires := strings.Contains(string(tests), "alertname: "+m[1]+"\n        exp_alerts:")
		if !quiet || !fires {
			t.Errorf("%s is not tried both ways", m[1])
		}
	}
}

// TestDashboardQueries has Prometheus' own parser read the queries of the dashboard, as rules.
func TestDashboardQueries(t *testing.T) {
	t.Parallel()
	_, queries := readDashboard(t)
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, query := range queries {
		query = strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*").Replace(query)
		if strings.Contains(query, "$") {
			t.Errorf("a variable is not known: %s", query)
		}
		fmt.Fprintf(&rules, "  - record: dashboard:query:%d\n    expr: %q\n", i, query)
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	try(t, os.WriteFile(path, []byte(rules.String()), 0o600))
	promtool(t, "check", "rules", path)
}

// TestExposition has Prometheus' own parser read the metrics, and judge their names.
func TestExposition(t *testing.T) {
	t.Parallel()
	s := newScript()
	s.run()
	text := scrape(t, s.Metrics)
	promtool(t, "--version") // skips without it
	cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
