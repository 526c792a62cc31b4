package config

import "testing"

// TestPathTemplate: what a template makes of a file. No sender can add a folder.
func TestPathTemplate(t *testing.T) {
	t.Parallel()
	const sorted = `{{if match .From.Address "*@supplier.example"}}supplier/
  {{- if match .Subject "*invoice*" "*rechnung*"}}invoices{{else if eq .Ext ".pdf"}}papers{{else}}other{{end}}
  {{- else}}{{.From.Domain}}{{end}}/{{.Name}}`
	data := func(from, subject, name, ext string) PathData {
		return PathData{From: PathAddress{Address: from, Domain: "there.example"}, Subject: subject, Name: name, Ext: ext, Type: "application/pdf"}
	}
	for _, tt := range []struct {
		template string
		data     PathData
		want     string
	}{
		{sorted, data("a@Supplier.example", "Ihre RECHNUNG 7", "7.pdf", ".pdf"), "supplier/invoices/7.pdf"},
		{sorted, data("a@supplier.example", "hello", "7.pdf", ".pdf"), "supplier/papers/7.pdf"},
		{sorted, data("a@supplier.example", "hello", "7.txt", ".txt"), "supplier/other/7.txt"},
		{sorted, data("b@there.example", "invoice", "7.pdf", ".pdf"), "there.example/7.pdf"},
		{`{{if match .Type "application/pdf" "text/*"}}a{{else}}b{{end}}/{{.Name}}`, data("", "", "x", ""), "a/x"},
		{`{{if match .Type "image/*"}}a{{else}}b{{end}}/{{.Name}}`, data("", "", "x", ""), "b/x"},
		{`{{if match .Subject}}a{{else}}b{{end}}/{{.Name}}`, data("", "", "x", ""), "b/x"},
		{`{{.Subject}}/{{.Name}}`, data("", `../../etc\passwd`, "x", ""), ".._.._etc_passwd/x"},
	} {
		var p PathTemplate
		if err := p.parse(tt.template); err != nil {
			t.Errorf("%s: %v", tt.template, err)
			continue
		}
		if got, err := p.Execute(tt.data); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.template, got, err, tt.want)
		}
	}
}
