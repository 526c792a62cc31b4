package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"strings"
	"testing"
)

// What fits a head: more than that, and a second file, function or type is hiding in the first.
const (
	maxFileLines = 400
	maxFuncLines = 75
	maxFields    = 20
)

// limitsHold makes more than a report of what TestLimits finds: a failure. Set it as soon as
// TestLimits finds nothing.
const limitsHold = true

// TestLimits measures the files, functions and structs of the module, tests left out.
func TestLimits(t *testing.T) {
	var over []string
	for _, file := range sources(t, parser.ParseComments) {
		if file.test {
			continue
		}
		lines := file.set.File(file.syntax.Pos()).LineCount()
		if lines > maxFileLines {
			over = append(over, fmt.Sprintf("%s: %d lines in the file, at most %d", file.place(file.syntax), lines, maxFileLines))
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.FuncDecl:
				first, last := file.set.Position(node.Pos()).Line, file.set.Position(node.End()).Line
				if lines := last - first + 1; lines > maxFuncLines {
					over = append(over, fmt.Sprintf("%s: %d lines in %s, at most %d", file.place(node), lines, node.Name.Name, maxFuncLines))
				}
			case *ast.TypeSpec:
				if is, ok := node.Type.(*ast.StructType); ok && fields(is) > maxFields {
					over = append(over, fmt.Sprintf("%s: %d fields in %s, at most %d", file.place(node), fields(is), node.Name.Name, maxFields))
				}
			}
			return true
		})
	}
	switch {
	case len(over) == 0:
	case limitsHold:
		t.Errorf("over the limits of this house:\n%s", strings.Join(over, "\n"))
	default:
		t.Logf("%d over the limits of this house:\n%s", len(over), strings.Join(over, "\n"))
	}
}

// fields counts the fields of a struct, each embedded type as one.
func fields(of *ast.StructType) (n int) {
	for _, field := range of.Fields.List {
		n += max(1, len(field.Names))
	}
	return n
}
