package overview

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/fetcher/foreign"
)

// Poll is one poll of an account.
type Poll struct {
	At       time.Time `json:"at"` // when it ended
	Seconds  float64   `json:"seconds"`
	Messages int       `json:"messages"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
	// Class and Error say why it failed, "" if it went well. Error is the whole text.
	Class string `json:"class,omitempty"`
	Error string `json:"error,omitempty"`
}

// Polls returns the last n polls of an account, the oldest first.
func Polls(ctx context.Context, records Records, account string, n int) ([]Poll, error) {
	polls, err := records.Polls(ctx, account, n)
	if err != nil || len(polls) == 0 {
		return nil, err
	}
	polls = slices.Clone(polls)
	slices.SortFunc(polls, func(x, y history.Poll) int { return x.At.Compare(y.At) })
	out := make([]Poll, 0, len(polls))
	known := make(map[int64]*history.Trouble)
	for _, p := range polls {
		poll := Poll{At: p.At, Seconds: p.Took.Seconds(), Messages: p.Messages, Files: p.Files, Bytes: p.Bytes}
		if p.Trouble != 0 {
			t := known[p.Trouble]
			if t == nil {
				switch t, err = records.Trouble(ctx, p.Trouble); {
				case errors.Is(err, history.ErrNotFound):
					t = &history.Trouble{Class: string(trouble.Other), Text: "the history does not have the error any more"}
				case err != nil:
					return nil, err
				}
				known[p.Trouble] = t
			}
			poll.Class, poll.Error = t.Class, t.Text
		}
		out = append(out, poll)
	}
	return out, nil
}

// PrintPolls prints polls for a person. An error that lasts stands there once.
func PrintPolls(w io.Writer, polls []Poll, style Style) error {
	if style.Zone == nil {
		style.Zone = time.Local
	}
	p := newPage(w, style.Width)
	if len(polls) == 0 {
		p.line("The history knows of no poll of this account.")
		return p.out.Flush()
	}
	rows := [][]string{{"ended", " took", " messages", " files", " size", "result"}}
	for _, poll := range polls {
		result := "nothing new"
		switch {
		case poll.Class != "":
			result = trouble.Class(poll.Class).Advice().Short
		case poll.Files > 0:
			result = words.Count(poll.Files, "file") + " came"
		case poll.Messages > 0:
			result = "no file came of them"
		}
		size := ""
		if poll.Bytes > 0 {
			size = words.Size(poll.Bytes)
		}
		took := words.Took(time.Duration(poll.Seconds * float64(time.Second)))
		rows = append(rows, []string{poll.At.In(style.Zone).Format("2006-01-02 15:04:05"), took, number(poll.Messages), number(poll.Files), size, result})
	}
	lines := p.tableLines(rows)
	p.line(lines[0])
	said := ""
	for i, poll := range polls {
		p.line(lines[i+1])
		if poll.Error != "" && poll.Error != said {
			p.prose("    | ", poll.Error)
		}
		said = poll.Error
	}
	return p.out.Flush()
}

// PollsJSON prints polls as JSON, an object a line.
func PollsJSON(w io.Writer, polls []Poll) error {
	encoder := json.NewEncoder(foreign.JSONWriter{W: w})
	encoder.SetEscapeHTML(false)
	for _, p := range polls {
		if err := encoder.Encode(p); err != nil {
			return err
		}
	}
	return nil
}

// JSON prints the overview as one JSON object. Fields are added to it, and never changed.
func (o *Overview) JSON(w io.Writer) error {
	encoder := json.NewEncoder(foreign.JSONWriter{W: w})
	encoder.SetEscapeHTML(false)
	return encoder.Encode(o)
}
