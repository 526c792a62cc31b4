package web

import "strings"

// Routes are what the API answers, as "GET /accounts/{name}".
func (s *Server) Routes() (all []string) {
	for _, r := range s.routes {
		all = append(all, r.method+" "+strings.TrimSuffix(r.pattern, "{$}"))
	}
	return all
}

// ItemKey is an item's ID as addresses have it.
var ItemKey = itemKey
