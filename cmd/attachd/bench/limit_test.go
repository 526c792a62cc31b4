package bench

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	content []byte   // of the files, as much as is written at once
	records *records // unless nil, of what was written
	decode  bool     // what comes is what the files hold
}

// The limits by their names.
var limits = map[string]func(limitWork) error{
	"drain":          func(w limitWork) error { return w.drain(false) },
	"drain+records":  limitWork.drainAndRecord,
	"drain+decode":   limitWork.drainAndDecode,
	"files":          limitWork.writeOneByOne,
	"files-parallel": limitWork.writeParallel,
	"poll":           limitWork.poll,
	"hello":          limitWork.hello,
	"drain+files":    func(w limitWork) error { return w.drain(true) },
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
	work.fill()
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

// drain asks for every message of every account and lets what comes go by, or else keeps a file of
// each.
func (w limitWork) drain(keep bool) error {
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
				if err := w.drainOne(account, config, keep); err != nil {
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
// send at times as its session process ends. If files are kept, the deletions and QUIT wait until
// they are durable: a server may take either as the end of its copy.
func (w limitWork) drainOne(account int, config *tls.Config, keep bool) error {
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
	} {
		if err := d.ask(question.commands, question.lines, question.lists); err != nil {
			return err
		}
	}
	if w.decode {
		got, err := w.of(account).retrieve(conn, messages)
		if d.got += got; err != nil {
			return err
		}
		return d.toTheEnd(bye, w.Octets[account])
	}
	kept := make(chan error, 1)
	if keep {
		d.came = make(chan int, messages)
		go func() { kept <- w.of(account).write(d.came) }()
	} else {
		kept <- nil
	}
	if err := d.ask(commands("RETR", messages), 0, messages); err != nil {
		return err
	}
	if keep {
		close(d.came)
	}
	if err := <-kept; err != nil {
		return err
	}
	return d.toTheEnd(bye, w.Octets[account])
}

// of is the work for one account, whose files have a folder of their own.
func (w limitWork) of(account int) limitWork {
	first := 0
	for _, n := range w.Messages[:account] {
		first += n
	}
	w.Sizes = w.Sizes[first : first+w.Messages[account]]
	w.Dir = filepath.Join(w.Dir, accountName(account))
	return w
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
	came   chan int // hears how many replies have ended, unless nil
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
		ended := bytes.Count(piece, mark)
		left -= ended
		if d.came != nil && ended > 0 {
			d.came <- ended
		}
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
