package main_test

import (
	"go/ast"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestManEnvironment: what attachd reads of its environment stands in attachd(1).
func TestManEnvironment(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("manpage/attachd.txt")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range sources(t, 0) {
		if file.test || testOnly(file.pkg) || strings.HasPrefix(file.name, "manual") {
			continue
		}
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			called := ""
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				called = f.Sel.Name
			case *ast.Ident:
				called = f.Name
			}
			name, ok := call.Args[0].(*ast.BasicLit)
			if !ok || name.Kind != token.STRING || !strings.EqualFold(called, "getenv") && called != "LookupEnv" {
				return true
			}
			found++
			if name, err := strconv.Unquote(name.Value); err != nil || !strings.Contains(string(page), name) {
				t.Errorf("%s: attachd reads %s, and attachd(1) does not say so", file.place(call), name)
			}
			return true
		})
	}
	if found < 4 {
		t.Errorf("attachd reads %d variables, which can't be all", found)
	}
}
