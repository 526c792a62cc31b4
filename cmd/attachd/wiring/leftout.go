package wiring

import (
	"cmp"
	"fmt"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher/ledger"
)

// leftOut is what the rules leave out of a message. A container whose contents came out is not left
// out in a person's eyes, and neither is a message within one that is kept.
func leftOut(m *extractor.Message) []ledger.LeftOut {
	var all []ledger.LeftOut
	for _, a := range m.LeftOut {
		if a.LeftOutBy.By == extractor.NoChooser {
			continue
		}
		size := a.Size
		if size == 0 {
			size = -1 // its header told, and it was not read
		}
		all = append(all, ledger.LeftOut{
			Name: cmp.Or(a.Name, a.OriginalName, a.MediaType+" without a name"), Size: size, Why: a.LeftOut, Setting: setting(a.LeftOutBy),
		})
	}
	return all
}

// setting is the key of the configuration by which an attachment is left out.
func setting(by extractor.Cause) string {
	switch by.By {
	case extractor.ByInclude:
		return "include"
	case extractor.ByExclude:
		return fmt.Sprintf("exclude[%d]", by.Rule)
	case extractor.ByInline:
		return "inline_images"
	case extractor.ByNoise:
		return "noise"
	}
	return ""
}

// repairs says in words what had to be mended or guessed.
func repairs(problems []extractor.Problem) []string {
	var all []string
	for _, problem := range problems {
		all = append(all, problem.Words())
	}
	return all
}
