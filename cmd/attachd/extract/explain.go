package extract

import (
	"context"
	"errors"
	"io"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/preview"
	"github.com/attachd/attachd/extractor"
)

// Explain writes nothing. It says of each attachment of the messages what Run would do with it, and
// why.
func (x *Extraction) Explain(ctx context.Context, sources []string) error {
	x.progress = console.NewProgress(x.Errors)
	defer x.progress.Done()
	if x.Rules.Extract.Filter != nil {
		x.Rules.Extract.Detect = true
	}
	if err := x.each(ctx, sources, "", x.explainMessage); err != nil {
		return err
	}
	return x.outcome()
}

func (x *Extraction) explainMessage(_ context.Context, source string, _ int64, r io.Reader) error {
	text, err := preview.Message(r, x.Rules, source)
	if _, ok := errors.AsType[extractor.MessageError](err); ok {
		x.report(err)
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(x.Out, text)
	return err
}
