package pop3test

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Play is the server of a transcript, line by line:
//
//	S: what it sends, and CR LF
//	S| "what it sends, a Go string\n"
//	C: what it must receive, without the line end
//
// Lines that the server sends one after the other leave in one write. Lines of
// another form are comments. At the end the client must close without sending
// anything more. The error tells the first difference.
func Play(conn io.ReadWriter, transcript string) error {
	r := bufio.NewReader(conn)
	var out []byte
	send := func() error {
		if len(out) == 0 {
			return nil
		}
		_, err := conn.Write(out)
		out = out[:0]
		return err
	}
	number := 0
	for line := range strings.Lines(transcript) {
		number++
		line = strings.TrimRight(line, "\r\n")
		switch text := strings.TrimPrefix(line[min(2, len(line)):], " "); {
		case strings.HasPrefix(line, "S:"):
			out = append(append(out, text...), "\r\n"...)
		case strings.HasPrefix(line, "S|"):
			raw, err := strconv.Unquote(text)
			if err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			out = append(out, raw...)
		case strings.HasPrefix(line, "C:"):
			if err := send(); err != nil {
				return fmt.Errorf("line %d: send: %w", number, err)
			}
			got, err := r.ReadString('\n')
			if err != nil {
				return fmt.Errorf("line %d: got %q and %w, want %q", number, got, err, text)
			}
			if got != text+"\r\n" {
				return fmt.Errorf("line %d: got %q, want %q", number, got, text)
			}
		}
	}
	if err := send(); err != nil {
		return fmt.Errorf("send the end: %w", err)
	}
	if rest, _ := r.ReadString('\n'); rest != "" {
		return fmt.Errorf("got %q behind the end", rest)
	}
	return nil
}
