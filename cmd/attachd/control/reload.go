package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// reloadPath is where a daemon is asked to load its configuration.
const reloadPath = "/reload"

// maxAnswer is how much of an answer is read, in bytes. A configuration may have thousands of
// faults.
const maxAnswer = 4 << 20

// refusal is the answer to a reload that did not happen.
type refusal struct {
	Faults []string `json:"faults"`
}

// Handler answers at the socket: POST /reload, and the rest as the given handler does. reload loads
// the configuration with what the daemon has, such as its credentials. Its error says why nothing
// was changed, a line for each fault.
func Handler(reload func(context.Context) error, rest http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", rest)
	mux.HandleFunc("POST "+reloadPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		err := reload(r.Context())
		if err == nil {
			_, _ = io.WriteString(w, "{}\n")
			return
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(refusal{Faults: strings.Split(err.Error(), "\n")}) // the asker is gone, or has it
	})
	return mux
}

// RefusedError says that the running daemon keeps the configuration that it has.
type RefusedError struct {
	// Faults are the reasons, each a line. The daemon's words are not escaped.
	Faults []string
}

// Error returns the faults, a line for each.
func (e *RefusedError) Error() string { return strings.Join(e.Faults, "\n") }

// Reload asks the daemon with this state file to load its configuration again, and returns when it
// has. It returns a [*RefusedError] if the configuration is faulty, and an error that wraps
// [ErrNotRunning] if there is no daemon. ctx bounds the time.
func Reload(ctx context.Context, state string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://attachd"+reloadPath, http.NoBody)
	if err != nil {
		return err
	}
	response, err := Client(state).Do(request)
	if err != nil {
		return Cause(err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusUnprocessableEntity:
		var refused refusal
		if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&refused); err != nil {
			return fmt.Errorf("read the answer of the running attachd: %w", err)
		}
		return &RefusedError{refused.Faults}
	}
	return fmt.Errorf("reload: the running attachd answered %s", response.Status)
}

// Cause returns the error of a client without the URL around it, which names no real host.
func Cause(err error) error {
	if around, ok := errors.AsType[*url.Error](err); ok {
		return around.Err
	}
	return err
}
