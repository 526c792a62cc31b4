package extractor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fates says what is wrong with what became of a message's parts, "" if nothing is:
// each leaf is delivered, the message's own text, left out by a rule or a problem on
// record. o must not ask for what the operator would have to.
func fates(message []byte, o Options) string {
	var kept []*captured
	x := &run{options: o, limits: o.Limits.withDefaults(), message: &Message{}, open: func(a *Attachment) (io.WriteCloser, error) {
		c := &captured{Attachment: a}
		kept = append(kept, c)
		return c, nil
	}}
	m, err := extract(bytes.NewReader(message), x)
	if err != nil {
		if _, ok := errors.AsType[*LimitError](err); ok {
			return "" // the message goes to quarantine
		}
		return err.Error()
	}
	files := make(map[*Attachment]bool)
	for _, c := range kept {
		files[c.Attachment] = true
	}
	for _, a := range m.LeftOut {
		files[a] = true
		if a.LeftOut != leftOutUnpacked && a.LeftOut != leftOutWithin && (!o.DropNoise || a.LeftOut != "noise: "+a.Noise) {
			return fmt.Sprintf("part %s is left out by nobody's rule: %s", a.Part, a.LeftOut)
		}
	}
	leaves := 0
	for a := range files {
		if a.Container == "" {
			leaves++
		}
	}
	forks, empty := 0, 0
	for _, p := range m.Problems {
		switch p.Kind {
		case ProblemResourceFork:
			forks++
		case ProblemUnclosed, ProblemNoParts:
			empty++
		}
	}
	if x.leaves != leaves+x.texts+forks && x.problems < maxProblems {
		return fmt.Sprintf("%d leaves, but %d files, %d texts and %d resource forks", x.leaves, leaves, x.texts, forks)
	}
	if x.leaves == 0 && empty == 0 && len(message) > 0 && x.problems < maxProblems {
		return "no leaf, and no word of it"
	}
	return ownTextsOf(message, o)
}

// ownTextsOf looks at what counted as the message's own text.
func ownTextsOf(message []byte, o Options) string {
	count := func(bodies bool) ([]*captured, error) {
		all, _, err := captureWith(bytes.NewReader(message), o, bodies)
		return all, err
	}
	files, err := count(false)
	if err != nil {
		return ""
	}
	all, err := count(true)
	if err != nil {
		return ""
	}
	seen := make(map[string]bool)
	for _, c := range files {
		seen[c.Part+" "+c.Container] = true
	}
	for _, c := range all {
		if seen[c.Part+" "+c.Container] {
			continue
		}
		begins := c.content.Bytes()[:min(c.content.Len(), 512)]
		switch {
		case c.OriginalName != "" && !namedElsewhere(message, c.OriginalName), c.Disposition == "attachment":
			return fmt.Sprintf("part %s, %q, counts as the text", c.Part, c.OriginalName)
		case strings.HasPrefix(c.MediaType, "image/"), c.content.Len() == 0:
		case !ownTexts[c.MediaType]:
			return fmt.Sprintf("part %s, %s, counts as the text", c.Part, c.MediaType)
		case formatIn(begins).binary():
			return fmt.Sprintf("part %s, %q, counts as the text", c.Part, begins)
		}
	}
	return ""
}

// namedElsewhere reports whether a name stands in one of the fields that make no file
// of a text.
func namedElsewhere(message []byte, name string) bool {
	return regexp.MustCompile(`(?im)^content-(location|description|id):.*` + regexp.QuoteMeta(name)).Match(message)
}

// TestFates: no part of any message at hand goes missing without a word.
func TestFates(t *testing.T) {
	t.Parallel()
	for _, g := range goldens(t) {
		other, _ := otherLineEnds(g.message)
		for _, message := range [][]byte{g.message, other} {
			for _, noise := range []bool{false, true} {
				if problem := fates(message, Options{DropNoise: noise}); problem != "" {
					t.Errorf("%s: %s", g.name, problem)
				}
			}
		}
	}
}

// TestFatesOfCorpora asks the same of every file of the corpora, message or not.
func TestFatesOfCorpora(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(corpus(t, ""), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		message, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if problem := fates(message, Options{}); problem != "" {
			t.Errorf("%s: %s", path, problem)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// FuzzFates looks for a message that loses something without a word.
func FuzzFates(f *testing.F) {
	for i, g := range goldens(f) {
		message, _ := otherLineEnds(g.message)
		f.Add(message, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, message []byte, dropNoise bool) {
		if problem := fates(message, Options{DropNoise: dropNoise, Limits: Limits{Depth: 8, Parts: 50}}); problem != "" {
			t.Error(problem)
		}
	})
}
