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

// outcome is the answer to a reload.
type outcome struct {
	Faults   []string `json:"faults,omitempty"` // why it did not happen
	Warnings []string `json:"warnings,omitempty"`
}

// Handler answers at the socket: POST /reload, and the rest as the given handler does. reload loads
// the configuration with what the daemon has, such as its credentials, and returns what is doubtful
// about it. Its error says why nothing was changed, a line for each fault.
func Handler(reload func(context.Context) (warnings []string, err error), rest http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", rest)
	mux.HandleFunc("POST "+reloadPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		warnings, err := reload(r.Context())
		said := outcome{Warnings: warnings}
		if err != nil {
			said.Faults = strings.Split(err.Error(), "\n")
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		_ = json.NewEncoder(w).Encode(said) // the asker is gone, or has it
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
// has, with what is doubtful about it. It returns a [*RefusedError] if the configuration is faulty,
// and an error that wraps [ErrNotRunning] if there is no daemon. The daemon's words are not
// escaped. ctx bounds the time.
func Reload(ctx context.Context, state string) (warnings []string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://attachd"+reloadPath, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := Client(state).Do(request)
	if err != nil {
		return nil, Cause(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusUnprocessableEntity {
		return nil, fmt.Errorf("reload: the running attachd answered %s", response.Status)
	}
	var said outcome
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&said); err != nil {
		return nil, fmt.Errorf("read the answer of the running attachd: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return said.Warnings, &RefusedError{said.Faults}
	}
	return said.Warnings, nil
}

// Cause returns the error of a client without the URL around it, which names no real host.
func Cause(err error) error {
	if around, ok := errors.AsType[*url.Error](err); ok {
		return around.Err
	}
	return err
}
