package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// description is an OpenAPI description, as far as this test reads it.
type description struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]*schema }
}

type operation struct {
	Summary    string
	Parameters []struct{ Name, In string }
	Responses  map[string]struct {
		Ref     string `json:"$ref"`
		Content map[string]struct{ Schema *schema }
	}
}

// schema is what it uses of JSON Schema.
type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Enum       []string
	Items      *schema
	Properties map[string]*schema
	Required   []string
	Additional json.RawMessage `json:"additionalProperties"`
}

// describe reads the description that the site serves.
func (w *site) describe(t *testing.T) (d description) {
	t.Helper()
	if err := json.Unmarshal([]byte(w.get(t, "/api/v1/openapi.json")), &d); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1.") || len(d.Components.Schemas) < 20 {
		t.Fatalf("OpenAPI %q with %d schemas", d.OpenAPI, len(d.Components.Schemas))
	}
	return d
}

// wrong says where a value is not as a schema has it.
func (d description) wrong(s *schema, v any, at string) (faults []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		if s = d.Components.Schemas[name]; s == nil {
			return []string{at + ": no schema " + name}
		}
	}
	is := func(ok bool) {
		if !ok {
			faults = append(faults, fmt.Sprintf("%s: %T %v is no %s %s", at, v, v, s.Type, s.Format))
		}
	}
	switch v := v.(type) {
	case string:
		is(s.Type == "string" && (len(s.Enum) == 0 || slices.Contains(s.Enum, v)))
		if s.Format == "date-time" {
			_, err := time.Parse(time.RFC3339, v)
			is(err == nil)
		}
	case float64:
		is(s.Type == "number" || s.Type == "integer" && v == float64(int64(v)))
	case bool:
		is(s.Type == "boolean")
	case []any:
		if is(s.Type == "array" && s.Items != nil); len(faults) == 0 {
			for i, item := range v {
				faults = append(faults, d.wrong(s.Items, item, fmt.Sprint(at, "[", i, "]"))...)
			}
		}
	case map[string]any:
		is(s.Type == "object")
		for _, key := range s.Required {
			if _, ok := v[key]; !ok {
				faults = append(faults, at+": lacks "+key)
			}
		}
		var others *schema
		if string(s.Additional) != "false" {
			_ = json.Unmarshal(s.Additional, &others) // none says that all is allowed
		}
		for key, item := range v {
			switch p := s.Properties[key]; {
			case p != nil:
				faults = append(faults, d.wrong(p, item, at+"."+key)...)
			case others != nil:
				faults = append(faults, d.wrong(others, item, at+"."+key)...)
			case string(s.Additional) == "false":
				faults = append(faults, at+"."+key+" is not described")
			}
		}
	default:
		is(false)
	}
	return faults
}

// TestRoutesAreDescribed: the description names every route of the API, and no other.
func TestRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	w := newSite(t, webtest.Rich())
	var described []string
	for path, operations := range w.describe(t).Paths {
		for method, o := range operations {
			described = append(described, strings.ToUpper(method)+" "+path)
			if o.Summary == "" {
				t.Errorf("%s %s has no summary", method, path)
			}
			if want := strings.Count(path, "{"); want > 0 {
				n := 0
				for _, p := range o.Parameters {
					if p.In == "path" && strings.Contains(path, "{"+p.Name+"}") {
						n++
					}
				}
				if n != want {
					t.Errorf("%s describes %d of %d parameters", path, n, want)
				}
			}
		}
	}
	routes := w.Routes()
	slices.Sort(described)
	slices.Sort(routes)
	if !slices.Equal(described, routes) {
		t.Errorf("described:\n%s\nanswered:\n%s", strings.Join(described, "\n"), strings.Join(routes, "\n"))
	}
}

// TestAnswersAreAsDescribed: real answers of sites of all kinds have what the description says, and
// nothing that it does not say.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	broken := webtest.NewHistory()
	broken.Err = fmt.Errorf("the history is being made anew")
	new := webtest.NewHistory()
	new.Items = nil
	rich := webtest.Rich()
	rich.Machine.Config.Failed = webtest.Now
	used := make(map[string]bool)
	for name, w := range map[string]*site{
		"rich":   newSite(t, rich, configured(t, someConfig)),
		"evil":   evilSite(t),
		"empty":  newSite(t, webtest.Empty()),
		"new":    newSite(t, webtest.Fine(), func(o *web.Options) { o.History = new }),
		"broken": newSite(t, webtest.Rich(), func(o *web.Options) { o.History = broken }),
		"many":   newSite(t, webtest.Many(120)),
	} {
		d := w.describe(t)
		for path, operations := range d.Paths {
			for method, o := range operations {
				targets := []string{path + "?q=customer&state=failing", path}
				if strings.Contains(path, "{") {
					targets = nil
					for _, value := range []string{"orders", "invoices", "press", "suppliers-asia", webtest.HostileNames[1], "1", "3", "pop.branch.example.org:995", "nothing"} {
						targets = append(targets, fill(path, value))
					}
				}
				for _, target := range targets {
					answer, body := w.do(request(t.Context(), strings.ToUpper(method), "/api/v1"+target))
					d.check(t, name, method+" "+target, o, answer, body, used)
				}
			}
		}
	}
	for _, schema := range slices.Sorted(maps.Keys(used)) {
		t.Log("seen:", schema)
	}
	for _, want := range []string{"Overview", "Status", "Accounts", "Account", "Attachments", "Attachment", "Quarantine", "Configuration", "Outcome", "Problem"} {
		if !used[want] {
			t.Errorf("no answer was checked that is a %s", want)
		}
	}
}

// fill puts a value into a path's parameters.
func fill(path, value string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if strings.HasPrefix(segment, "{") {
			segment = url.PathEscape(value)
		}
		b.WriteString("/" + segment)
	}
	return b.String()
}

// check holds an answer to the description of its operation.
func (d description) check(t *testing.T, site, what string, o operation, answer *http.Response, body string, used map[string]bool) {
	t.Helper()
	kind := answer.Header.Get("Content-Type")
	response, ok := o.Responses[fmt.Sprint(answer.StatusCode)]
	if !ok {
		response = o.Responses["default"]
	}
	var s *schema
	if response.Ref != "" {
		s = &schema{Ref: "#/components/schemas/Problem"}
		if kind != "application/problem+json" {
			t.Errorf("%s, %s: %s with %s\n%s", site, what, answer.Status, kind, body)
			return
		}
	} else if s = response.Content[kind].Schema; s == nil {
		t.Errorf("%s, %s: %s with %s is not described", site, what, answer.Status, kind)
		return
	}
	if answer.StatusCode >= http.StatusInternalServerError && site != "broken" {
		t.Errorf("%s, %s: %s\n%s", site, what, answer.Status, body)
	}
	if s.Format == "binary" {
		return
	}
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Errorf("%s, %s: %v\n%s", site, what, err, body)
		return
	}
	used[strings.TrimPrefix(s.Ref, "#/components/schemas/")] = true
	if faults := d.wrong(s, v, ""); len(faults) > 0 {
		t.Errorf("%s, %s:\n%s", site, what, strings.Join(faults[:min(len(faults), 5)], "\n"))
	}
}
