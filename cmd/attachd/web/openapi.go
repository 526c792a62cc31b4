package web

import (
	_ "embed"
	"net/http"
)

// openapi describes /api/v1 (https://spec.openapis.org/oas/v3.1.0). A test holds it to the routes
// and to real answers.
//
//go:embed openapi.json
var openapi []byte

func (s *Server) apiRoutes() {
	const path = "/openapi.json"
	s.routes = append(s.routes, route{http.MethodGet, path})
	s.mux.Handle("GET "+apiPrefix+path, s.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !notModified(w, r, openapi) {
			writeJSON(w, http.StatusOK, "application/json", openapi)
		}
	})))
}
