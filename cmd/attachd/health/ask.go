package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxSaid is how much of an answer is shown, in bytes.
const maxSaid = 300

// Ask asks a daemon at this URL how it is. The error is nil if it answers 200, and else says what
// it answered or why it could not be asked. Its text holds the daemon's words, which are not
// escaped. ctx bounds the time.
func Ask(ctx context.Context, client *http.Client, at string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask attachd: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		// The URL is the asker's own, and says nothing for a socket.
		if around, ok := errors.AsType[*url.Error](err); ok {
			err = around.Err
		}
		if ctx.Err() != nil {
			err = errors.New("attachd does not answer")
		}
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	said, err := io.ReadAll(io.LimitReader(response.Body, maxSaid))
	text := strings.TrimSpace(string(said))
	if err != nil || text == "" {
		text = response.Status
	}
	return fmt.Errorf("attachd is not well: %s", text)
}
