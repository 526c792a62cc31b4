package status

import (
	"encoding/json"
	"net/http"
)

// Path is where a running attachd hands out its snapshot, at its control socket.
const Path = "/snapshot"

// Handler answers GET [Path] with the snapshot as JSON, for attachd status. The texts in it are
// safe to print.
func Handler(snapshot func() *Snapshot) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET is answered here", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(snapshot()) // the asker is gone, or has it
	})
}
