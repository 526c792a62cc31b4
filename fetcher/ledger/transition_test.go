package ledger

import "testing"

// TestListings: what listings that lack a message, and those that have it, make of its record.
func TestListings(t *testing.T) {
	t.Parallel()
	missed := func(r Record) Record { return r.AfterMissed(false) }
	maybe := func(r Record) Record { return r.AfterMissed(true) }
	for name, tt := range map[string]struct {
		before Record
		steps  []func(Record) Record
		want   Record
	}{
		"a likely mistake":           {Record{State: DeletePending}, []func(Record) Record{maybe}, Record{State: DeletePending, Missed: 1}},
		"a likely mistake, twice":    {Record{State: DeletePending}, []func(Record) Record{maybe, maybe}, Record{State: Deleted, Missed: 2}},
		"missed":                     {Record{State: DeletePending}, []func(Record) Record{missed}, Record{State: Deleted, Missed: 2}},
		"missed, to be kept":         {Record{State: Delivered}, []func(Record) Record{missed, missed, maybe}, Record{State: Delivered, Missed: 3}},
		"found":                      {Record{State: Delivered, Missed: 3}, []func(Record) Record{Record.AfterFound}, Record{State: Delivered}},
		"deleted in vain, and again": {Record{State: Deleted, Attempts: 1}, []func(Record) Record{Record.AfterFound, Record.AfterFound}, Record{State: Delivered, Attempts: 2}},
	} {
		got := tt.before
		for _, step := range tt.steps {
			got = step(got)
		}
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}
