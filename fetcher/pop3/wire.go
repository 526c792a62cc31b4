package pop3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// bufferSize is that of the read buffer. It bounds what a line may need before
// it is found too long, and is several TLS records.
const bufferSize = 64 << 10

// readers are the buffers of closed clients. A buffer is most of what a poll allocates that finds
// nothing new.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bufferSize) }}

// wire is the connection with its buffer. TLS, if there is any, lies on conn, and conn on raw.
type wire struct {
	raw     net.Conn // closing it ends everything
	conn    *timedConn
	tls     *tls.Conn // nil without TLS
	r       *bufio.Reader
	pooled  bool // r is one of readers
	w       io.Writer
	cause   func() error // why the context ended, nil while it has not
	release func() bool  // ends the watch over the context
}

func newWire(ctx context.Context, conn net.Conn, t Timeouts) wire {
	timed := newTimedConn(conn, t)
	r := readers.Get().(*bufio.Reader)
	r.Reset(timed)
	return wire{
		raw: conn, conn: timed, r: r, pooled: true, w: timed,
		cause: func() error { return context.Cause(ctx) },
		// Closing a tls.Conn may take 5 seconds when the server does not read.
		release: context.AfterFunc(ctx, func() { conn.Close() }),
	}
}

// secure puts TLS on the connection.
func (w *wire) secure(conn *tls.Conn) {
	w.tls, w.w = conn, conn
	w.conn.small = true
	w.r.Reset(conn)
}

func (w *wire) close() error {
	w.release()
	return w.raw.Close()
}

// recycle gives the buffer to another client.
func (w *wire) recycle() {
	if !w.pooled {
		return
	}
	w.conn.recycle()
	w.r.Reset(nil)
	readers.Put(w.r)
	w.r, w.pooled = bufio.NewReaderSize(w.conn, 0), false
}

// input returns up to limit bytes of what has come, without waiting. It is valid up to the next
// read.
func (w *wire) input(limit int) []byte {
	input, _ := w.r.Peek(min(w.r.Buffered(), limit))
	return input
}

// readLine reads a line and returns it without its line end. It is valid up to
// the next read.
func (w *wire) readLine(limit int) ([]byte, error) {
	line, err := w.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || len(line) > limit {
		return line, &ProtocolError{Detail: fmt.Sprintf("more than %d bytes", limit), Err: ErrLineTooLong}
	}
	if err != nil {
		return line, err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// skipLine reads a line that readLine found too long to its end, up to limit bytes, and returns
// the first bytes of it.
func (w *wire) skipLine(line []byte, first, limit int) (beginning []byte, err error) {
	beginning = bytes.Clone(line[:first])
	for skipped := len(line); line[len(line)-1] != '\n'; skipped += len(line) {
		if skipped > limit {
			return nil, &ProtocolError{Detail: fmt.Sprintf("more than %d bytes", limit), Err: ErrLineTooLong}
		}
		if line, err = w.r.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
	return beginning, nil
}

// lineError says what a line, the connection or a time-out ended in the middle of.
func (w *wire) lineError(err error, where string) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("server closed the connection %s: %w", where, io.ErrUnexpectedEOF)
	case timedOut(err):
		text, limit := w.conn.patience()
		return &timeoutError{text + " " + where, limit, err}
	}
	var protocol *ProtocolError
	if errors.As(err, &protocol) {
		return &ProtocolError{Detail: protocol.Detail + " " + where, Err: protocol.Err}
	}
	return fmt.Errorf("connection failed %s: %w", where, err)
}
