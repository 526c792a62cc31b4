package bench

import (
	"strings"
	"testing"
)

// TestHarness lets everyone who is there do a little of each kind of work, and measures nothing:
// every file must be there as it was sent, from all of them.
func TestHarness(t *testing.T) {
	all := contenders(t, row{})
	for _, r := range []row{
		{name: "memory", title: "from memory", accounts: 1, messages: 3, size: 20_000, memory: true},
		{name: "deleted", title: "from Dovecot", accounts: 2, messages: 2, size: 5_000, remove: true},
	} {
		t.Run(r.name, func(t *testing.T) {
			work := task{r, newSource(t, r)}
			results := compare(t, work, all, 0)
			for _, result := range results {
				if result.wrong != "" {
					t.Errorf("%s: %s", result.name, result.wrong)
				}
				if result.peak == 0 || median(result.cpu) == 0 {
					t.Errorf("%s: nothing was measured: %+v", result.name, result)
				}
			}
			ours := results[len(results)-1]
			for _, result := range results {
				if result.program != "" {
					ours = result
				}
			}
			if err := ours.countCalls(t, work); err != nil {
				t.Error(err)
			}
			if ours.calls == 0 || ours.fsyncs == 0 {
				t.Errorf("attachd made %d system calls and %d fsyncs", ours.calls, ours.fsyncs)
			}
			if text := newReportRow(work, results).text(); !strings.Contains(text, "attachd") {
				t.Errorf("the table is\n%s", text)
			}
		})
	}
}
