package health

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
)

// answer writes one of the two forms of an answer, by what the request accepts.
func answer(w http.ResponseWriter, r *http.Request, good bool, text string, object any) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept")
	body := []byte(text + "\n")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	if acceptsJSON(r) {
		encoded, err := json.Marshal(object)
		if err != nil {
			http.Error(w, "encode the answer", http.StatusInternalServerError)
			return
		}
		body = append(encoded, '\n')
		header.Set("Content-Type", "application/json")
	}
	code := http.StatusOK
	if !good {
		code = http.StatusServiceUnavailable
	}
	w.WriteHeader(code)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // or the asker is gone
	}
}

// acceptsJSON reports whether the request names application/json among what it accepts. A browser
// does not, and "*/*" is content with text.
func acceptsJSON(r *http.Request) bool {
	for _, list := range r.Header.Values("Accept") {
		for one := range strings.SplitSeq(list, ",") {
			kind, params, err := mime.ParseMediaType(one)
			if err == nil && kind == "application/json" && params["q"] != "0" {
				return true
			}
		}
	}
	return false
}
