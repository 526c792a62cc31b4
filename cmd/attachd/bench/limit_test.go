package bench

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A limit is a process that does one thing that cannot be left out, and nothing beside it.

// limitWork is what a limit is told, as JSON in a file.
type limitWork struct {
	Addr     string // of the server
	CertFile string
	Messages []int   // in the mailbox of each account
	Octets   []int64 // of them on the line, at least
	Delete   bool    // what was fetched
	Dir      string
	Sizes    []int64 // of the files to write
	Polls    int     // to do one after another
	Resume   bool    // TLS sessions
}

// The limits by their names.
var limits = map[string]func(limitWork) error{
	"drain":          limitWork.drain,
	"files":          limitWork.writeOneByOne,
	"files-parallel": limitWork.writeParallel,
	"poll":           limitWork.poll,
	"hello":          limitWork.hello,
	"drain+files": func(w limitWork) error {
		drained := make(chan error, 1)
		go func() { drained <- w.drain() }()
		return errors.Join(w.writeParallel(), <-drained)
	},
}

func runLimit(name string, args []string) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var work limitWork
	if err := json.Unmarshal(text, &work); err != nil {
		return err
	}
	return limits[name](work)
}

func (w limitWork) config() (*tls.Config, error) {
	pem, err := os.ReadFile(w.CertFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	if w.Polls == 0 { // a poll shakes hands as attachd does, of whose poll that is a large part
		config.CurvePreferences = []tls.CurveID{tls.X25519}
	}
	if w.Resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return config, nil
}

// hello shakes hands and ends.
func (w limitWork) hello() error {
	config, err := w.config()
	if err != nil {
		return err
	}
	conn, err := tls.Dial("tcp", w.Addr, config)
	if err != nil {
		return err
	}
	return conn.Close()
}

// pollPace is how often a limit polls: as often as the daemons that it stands beside, which find
// the processor's caches taken by others at each poll. Without a pause, a poll costs half of that.
const pollPace = 10 * time.Millisecond

// poll looks again and again for what is new.
func (w limitWork) poll() error {
	config, err := w.config()
	if err != nil {
		return err
	}
	pace := time.NewTicker(pollPace)
	defer pace.Stop()
	for range w.Polls {
		<-pace.C
		conn, err := tls.Dial("tcp", w.Addr, config)
		if err != nil {
			return err
		}
		d := &drainer{conn: conn, buffer: make([]byte, 4<<10)}
		if err := errors.Join(
			d.ask("", 1, 0),
			d.ask("USER u0\r\nPASS "+password+"\r\nSTAT\r\nUIDL\r\n", 0, 1),
			d.toTheEnd("QUIT\r\n", 0),
			conn.Close(),
		); err != nil {
			return err
		}
	}
	return nil
}

// drainAtOnce is how many mailboxes are drained at once. More gain nothing on two cores, which the
// server needs too.
const drainAtOnce = 4

// drain asks for every message of every account and lets what comes go by.
func (w limitWork) drain() error {
	config, err := w.config()
	if err != nil {
		return err
	}
	accounts := make(chan int)
	var mu sync.Mutex
	var failed error
	var drains sync.WaitGroup
	for range min(drainAtOnce, len(w.Messages)) {
		drains.Go(func() {
			for account := range accounts {
				if err := w.drainOne(account, config); err != nil {
					mu.Lock()
					failed = errors.Join(failed, fmt.Errorf("%s: %w", accountName(account), err))
					mu.Unlock()
				}
			}
		})
	}
	for account := range w.Messages {
		accounts <- account
	}
	close(accounts)
	drains.Wait()
	return failed
}

// drainOne asks each question as soon as what it depends on is known, and as much at once as the
// server's PIPELINING allows (RFC 2449 section 6.6): that it may be asked at once; who we are and
// what is there; for all messages; for their deletion. QUIT waits for the last message: when it has
// come with RETR, Dovecot's login process, which encrypts, loses the end of what it still has to
// send at times as its session process ends.
func (w limitWork) drainOne(account int, config *tls.Config) error {
	raw, err := net.Dial("tcp", w.Addr)
	if err != nil {
		return err
	}
	conn := tls.Client(&earlyReader{Conn: raw, buffer: make([]byte, earlyReads)}, config)
	defer raw.Close()
	d := &drainer{conn: conn, buffer: make([]byte, 64<<10)}
	messages, bye := w.Messages[account], "QUIT\r\n"
	if w.Delete {
		bye = commands("DELE", messages) + bye
	}
	for _, question := range []struct {
		commands     string
		lines, lists int
	}{
		{"", 1, 0},
		{"CAPA\r\n", 0, 1},
		{"USER " + accountName(account) + "\r\nPASS " + password + "\r\nSTAT\r\n", 3, 0},
		{commands("RETR", messages), 0, messages},
	} {
		if err := d.ask(question.commands, question.lines, question.lists); err != nil {
			return err
		}
	}
	return d.toTheEnd(bye, w.Octets[account])
}

func commands(verb string, n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "%s %d\r\n", verb, i+1)
	}
	return all.String()
}

// drainer is one session of a drain.
type drainer struct {
	conn   *tls.Conn
	buffer []byte
	got    int64
}

// ask sends commands and waits for that many lines, or that many replies that end with a dot.
func (d *drainer) ask(commands string, lines, lists int) error {
	go io.WriteString(d.conn, commands) // an error shows in what is read
	mark, left, kept := []byte("\r\n"), lines, 0
	if lists > 0 {
		mark, left = []byte("\r\n.\r\n"), lists
	}
	for left > 0 {
		n, err := d.conn.Read(d.buffer[kept:])
		d.got += int64(n)
		if err != nil {
			return fmt.Errorf("%.20q: %w", commands, err)
		}
		piece := d.buffer[:kept+n]
		if lists == 0 && bytes.HasPrefix(piece, []byte("-ERR")) {
			return fmt.Errorf("%.20q: %q", commands, piece)
		}
		left -= bytes.Count(piece, mark)
		kept = copy(d.buffer, piece[max(0, len(piece)-len(mark)+1):]) // where a mark may begin
	}
	return nil
}

// toTheEnd sends the last commands and reads until the server has said all it has to say: in the
// whole session, that many bytes at least.
func (d *drainer) toTheEnd(commands string, octets int64) error {
	go io.WriteString(d.conn, commands) // an error shows in what is read
	for {
		n, err := d.conn.Read(d.buffer)
		d.got += int64(n)
		switch {
		case err == nil:
		case d.got < octets || !errors.Is(err, io.EOF):
			return fmt.Errorf("%.20q: %d bytes came, want %d: %w", commands, d.got, octets, err)
		default:
			return nil
		}
	}
}

// earlyReader reads in large pieces, where crypto/tls asks for a record and a little more.
type earlyReader struct {
	net.Conn
	buffer []byte
	left   []byte
}

const earlyReads = 256 << 10 // bytes

func (e *earlyReader) Read(p []byte) (int, error) {
	if len(e.left) == 0 {
		n, err := e.Conn.Read(e.buffer)
		if n == 0 {
			return 0, err
		}
		e.left = e.buffer[:n]
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}

// content is what the files of the limits hold.
func (w limitWork) content() []byte {
	var largest int64
	for _, size := range w.Sizes {
		largest = max(largest, size)
	}
	content := make([]byte, min(largest, 1<<20))
	rand.NewChaCha8([32]byte{1}).Read(content)
	return content
}

// writeOneByOne writes the files, each durable before the next.
func (w limitWork) writeOneByOne() error {
	content := w.content()
	for i := range w.Sizes {
		f, err := w.create(i, content)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close(), w.rename(i))
		}
		if err != nil {
			return err
		}
	}
	return syncFolder(w.Dir)
}

const (
	syncsAtOnce = 16
	groupFiles  = 256
	groupBytes  = 32 << 20
)

// writeParallel writes the files in groups: while a group is made durable, as many files at once as
// pays, the next one is written.
func (w limitWork) writeParallel() error {
	content := w.content()
	last := make(chan error, 1)
	last <- nil
	for from := 0; from < len(w.Sizes); {
		var group []*os.File
		for bytes := int64(0); from+len(group) < len(w.Sizes) && len(group) < groupFiles && bytes < groupBytes; {
			f, err := w.create(from+len(group), content)
			if err != nil {
				return err
			}
			bytes += w.Sizes[from+len(group)]
			group = append(group, f)
		}
		if err := <-last; err != nil {
			return err
		}
		go func(first int) { last <- w.finish(first, group) }(from)
		from += len(group)
	}
	return <-last
}

// finish makes a group durable.
func (w limitWork) finish(first int, group []*os.File) error {
	errs := make([]error, len(group))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(syncsAtOnce, len(group)) {
		workers.Go(func() {
			for i := range next {
				errs[i] = errors.Join(group[i].Sync(), group[i].Close())
			}
		})
	}
	for i := range group {
		next <- i
	}
	close(next)
	workers.Wait()
	for i := range group {
		errs[i] = errors.Join(errs[i], w.rename(first+i))
	}
	return errors.Join(append(errs, syncFolder(w.Dir))...)
}

func (w limitWork) create(i int, content []byte) (*os.File, error) {
	f, err := os.OpenFile(w.hidden(i), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	for left := w.Sizes[i]; left > 0 && err == nil; left -= int64(len(content)) {
		_, err = f.Write(content[:min(left, int64(len(content)))])
	}
	if err != nil {
		f.Close()
	}
	return f, err
}

func (w limitWork) hidden(i int) string { return filepath.Join(w.Dir, fmt.Sprintf(".%d", i)) }

func (w limitWork) rename(i int) error {
	return os.Rename(w.hidden(i), filepath.Join(w.Dir, fmt.Sprintf("file-%d", i)))
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
