package history

import (
	"errors"
	"testing"
	"time"
)

// TestDaysAndHours adds up what came where clocks change, days begin at one, and hours begin at a
// quarter of ours.
func TestDaysAndHours(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Asia/Beirut"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			where, err := time.LoadLocation(zone)
			if err != nil {
				t.Skip(err)
			}
			for _, from := range []time.Time{
				time.Date(2026, 3, 27, 12, 0, 0, 0, where),  // Europe and Beirut go forward, the latter at midnight
				time.Date(2026, 10, 24, 12, 0, 0, 0, where), // Europe goes back
				time.Date(2018, 11, 3, 12, 0, 0, 0, where),  // São Paulo goes forward at midnight
				time.Date(2026, 4, 3, 12, 0, 0, 0, where),   // Lord Howe goes back by half an hour
			} {
				h := openStill(t, Options{Zone: where})
				dates, hours := make(map[string]Came), make(map[int64]Came)
				var records []any
				first := from.Add(-3 * time.Hour)
				for i := range 4 * 24 * 7 { // each ten minutes or so
					at := first.Add(time.Duration(i) * 613 * time.Second)
					f := fileOf(delivered("a", i), at)
					records = append(records, f)
					d, hour := dates[at.Format(time.DateOnly)], hours[int64(at.Sub(first)/time.Hour)]
					for _, c := range []*Came{&d, &hour} {
						c.Files++
						c.Bytes += f.attachment.Size
					}
					if i%5 == 0 {
						records = append(records, visit{account: "a", at: at, err: errors.New("no")})
						d.PollsFailed++
						hour.PollsFailed++
					}
					dates[at.Format(time.DateOnly)], hours[int64(at.Sub(first)/time.Hour)] = d, hour
				}
				write(t, h, records...)
				days, err := h.Days(t.Context(), from, 4)
				must(t, err)
				for n, got := range days {
					year, month, day := from.Date()
					want := dates[time.Date(year, month, day+n, 12, 0, 0, 0, where).Format(time.DateOnly)]
					want.Start = got.Start
					same(t, "day", want, got)
					// Where clocks go forward at midnight, Go takes the hour before or after it.
					begin := time.Date(year, month, day+n, 12, 0, 0, 0, where)
					if before := begin.Sub(got.Start); before < 10*time.Hour || before > 14*time.Hour {
						t.Errorf("day %d begins at %v", n, got.Start)
					}
				}
				got, err := h.Hours(t.Context(), first, 80)
				must(t, err)
				for n, got := range got {
					want := hours[int64(n)]
					want.Start = first.Add(time.Duration(n) * time.Hour)
					same(t, "hour", want, got)
				}
			}
		})
	}
}
