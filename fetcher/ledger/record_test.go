package ledger

import (
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	delivered, failed, unsized := Record{Key: Key{UIDL: "u", Size: 10}, State: Delivered}, Record{Key: Key{UIDL: "u", Size: 20}, State: Failed}, Record{Key: Key{UIDL: "u", Size: -1}, State: Deleted}
	tests := []struct {
		name    string
		records []Record
		size    int64
		want    State // "" none
	}{
		{"nothing known", nil, 10, ""},
		{"same size", []Record{delivered}, 10, Delivered},
		{"UIDL used again", []Record{delivered}, 11, ""},
		{"listing without sizes", []Record{delivered}, -1, Delivered},
		{"recorded without a size", []Record{unsized}, 10, Deleted},
		{"the same size is nearer", []Record{unsized, delivered}, 10, Delivered},
		{"settled before failed", []Record{failed, unsized}, 20, Deleted},
		{"settled before failed, no size", []Record{failed, delivered}, -1, Delivered},
	}
	for _, tt := range tests {
		if got, ok := Match(tt.records, tt.size); got.State != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", tt.name, got.State, ok, tt.want)
		}
	}
}

// TestWaits: a wait until a time on record ends with that time, and counts only if a right clock
// can have recorded it.
func TestWaits(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for ahead, want := range map[time.Duration]bool{
		-time.Hour: false, 0: false, time.Second: true, LongestWait: true, LongestWait + time.Second: false, 10 * 365 * 24 * time.Hour: false,
	} {
		if got := Waits(now, now.Add(ahead)); got != want {
			t.Errorf("%s ahead: waits %v", ahead, got)
		}
	}
	if Waits(now, time.Time{}) {
		t.Error("waits for no time at all")
	}
}
