package health

import (
	"fmt"
	"net/http"
	"time"
)

// Stale is the age from which on a beat of the scheduler means that it stands still: three times
// the longest that it sleeps, and some seconds for a machine that is busy.
const Stale = 10 * time.Second

// Beat says how old the scheduler's last beat is, and in words what is wrong, "" if it moves. A
// zero beat is a scheduler that has not begun.
func Beat(beat, now time.Time) (age time.Duration, wrong string) {
	if beat.IsZero() {
		return 0, "the scheduler has not begun"
	}
	if age = now.Sub(beat); age > Stale {
		return age, fmt.Sprintf("the scheduler has not moved for %v", age.Round(time.Second))
	}
	return age, ""
}

// liveness is the answer of /livez in JSON.
type liveness struct {
	Live bool `json:"live"`
	// Said is what is wrong.
	Said string `json:"said,omitempty"`
	// Beat is when the scheduler last moved.
	Beat *time.Time `json:"beat,omitempty"`
}

// Live answers /livez: 200 and "ok" while the scheduler moves, 503 and what is wrong if not. now is
// [time.Now] outside of tests.
func Live(beat, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last := beat()
		_, wrong := Beat(last, now())
		said := liveness{Live: wrong == "", Said: wrong}
		if !last.IsZero() {
			last = last.UTC()
			said.Beat = &last
		}
		text := "ok"
		if wrong != "" {
			text = wrong
		}
		answer(w, r, said.Live, text, said)
	})
}
