package send

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
)

// RunShoutrrr sends what the standard input of its process says, for the command of
// [Options.Shoutrrr]. Its error, which belongs on standard output, is in words of attachd's own. It
// changes http.DefaultClient and may leave goroutines behind: the process should end with it.
func RunShoutrrr(_ context.Context, in io.Reader) error {
	var o order
	if err := json.NewDecoder(io.LimitReader(in, 1<<20)).Decode(&o); err != nil {
		return errors.New("what to send cannot be read")
	}
	if service(o.URL) == "logger" {
		return errors.New("logger:// tells nobody: give the URL of another service")
	}
	watch := &watched{next: http.DefaultTransport}
	http.DefaultTransport = watch
	http.DefaultClient.Timeout = outbound.Timeout
	r, err := router.New(nil, o.URL)
	switch {
	case errors.Is(err, router.ErrUnknownService):
		return errors.New("shoutrrr has no service of the name before the :// of the URL")
	case err != nil:
		return errors.New("shoutrrr cannot use the URL, and what it says may hold a key: shoutrrr verify --url … shows it")
	}
	r.Timeout = shoutrrrTimeout
	for _, err := range r.Send(o.Text, fixed(o.URL)) {
		if err != nil {
			return excuse(err, watch)
		}
	}
	// QUIRK: its service for Telegram takes a failed connection for success.
	return watch.failure()
}

// fixed overrides what a URL says, where markup would be read.
func fixed(address string) *types.Params {
	switch service(address) {
	case "telegram":
		return &types.Params{"parsemode": "None"}
	case "smtp":
		return &types.Params{"usehtml": "No"}
	}
	return &types.Params{}
}

// watched notes how the last request ended. It lets no redirect through.
type watched struct {
	next http.RoundTripper

	mu   sync.Mutex
	code int   // of the last answer, 0 without one
	err  error // of the last request
}

// RoundTrip is http.DefaultTransport's, watched.
func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.next.RoundTrip(r)
	code := 0
	if answer != nil {
		code = answer.StatusCode
	}
	if code/100 == 3 {
		_ = answer.Body.Close()
		answer, err = nil, errRedirect
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.code, w.err = code, err
	return answer, err
}

var errRedirect = errors.New("the server redirects, which attachd does not follow with a key: give the URL of the new place")

// failure says how the last request failed, nil if it did not or was not made here.
func (w *watched) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return plainly(w.err)
	case w.code >= http.StatusBadRequest:
		return &outbound.StatusError{Code: w.code}
	}
	return nil
}

// excuse puts an error of shoutrrr into words.
func excuse(err error, w *watched) error {
	if failed := w.failure(); failed != nil {
		return failed
	}
	return plainly(err)
}

// plainly names what went wrong without any text of the error.
func plainly(err error) error {
	var name *net.DNSError
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errRedirect):
		return errRedirect
	case errors.Is(err, router.ErrServiceTimeout), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the service did not answer within %s", outbound.Timeout)
	case errors.As(err, &name):
		return errors.New("the name of the server cannot be resolved")
	case errors.As(err, &certificate):
		return errors.New("the certificate of the server cannot be verified")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("the server refuses connections")
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("the service did not answer within %s", outbound.Timeout)
	}
	return errors.New("the service failed, and what shoutrrr says may hold a key: shoutrrr send --url … --message test shows it")
}
