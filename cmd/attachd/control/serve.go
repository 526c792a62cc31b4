package control

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

// patience is how long answers may take that are under way at the end.
const patience = time.Second

// Serve answers at a listener until ctx ends, and closes it. Requests under way then get a second
// to end. The error is nil at a regular end. log takes what goes wrong with single connections; nil
// is the standard logger of package log.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *log.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: log,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	stopped := make(chan struct{})
	undo := context.AfterFunc(ctx, func() {
		defer close(stopped)
		// What ends a stream of events is the end of its connection.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if server.Shutdown(ending) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(l)
	if !undo() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the socket: %w", errors.Join(err, server.Close()))
}
