package bench

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memory is a POP3S server that sends prepared bytes as fast as it can: replies to commands that
// came together leave together, in large writes. It knows what the contenders ask and no more.
type memory struct {
	listener net.Listener
	config   *tls.Config
	sessions sync.WaitGroup

	mu    sync.Mutex
	boxes [][]*stored
	open  map[net.Conn]bool
	polls int       // that ended with QUIT
	heard time.Time // when the first byte came, after it was set to zero
	quit  chan struct{}
}

// stored is a message with its reply to RETR.
type stored struct {
	uid   string
	size  int
	reply []byte
	gone  bool
}

// listenMemory starts a server for u0, u1 …, and writes its certificate to a file.
func listenMemory(r row, certFile string) (*memory, error) {
	certificate, err := newCertificate(certFile, r.rsa)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &memory{
		listener: l,
		config: &tls.Config{
			Certificates: []tls.Certificate{certificate}, DynamicRecordSizingDisabled: true, SessionTicketsDisabled: r.fullHandshakes,
		},
		boxes: make([][]*stored, r.accounts),
		open:  make(map[net.Conn]bool),
		quit:  make(chan struct{}, 1),
	}
	m.sessions.Go(m.accept)
	return m, nil
}

func (m *memory) close() {
	m.listener.Close()
	m.mu.Lock()
	for conn := range m.open {
		conn.Close()
	}
	m.mu.Unlock()
	m.sessions.Wait()
}

func (m *memory) put(account int, raw []byte) {
	if bytes.HasPrefix(raw, []byte(".")) || bytes.Contains(raw, []byte("\n.")) {
		panic("a line begins with a dot, which would have to be stuffed")
	}
	reply := make([]byte, 0, len(raw)+32)
	reply = fmt.Appendf(reply, "+OK %d octets\r\n", len(raw))
	reply = append(append(reply, raw...), ".\r\n"...)
	m.mu.Lock()
	defer m.mu.Unlock()
	uid := fmt.Sprintf("%d.%d", account, len(m.boxes[account]))
	m.boxes[account] = append(m.boxes[account], &stored{uid: uid, size: len(raw), reply: reply})
}

func (m *memory) fill() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, box := range m.boxes {
		for _, s := range box {
			s.gone = false
		}
	}
	return nil
}

func (m *memory) count(account int) (int, error) {
	return len(m.list(account)), nil
}

// list returns the messages of an account as they are now.
func (m *memory) list(account int) (there []*stored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.boxes[account] {
		if !s.gone {
			there = append(there, s)
		}
	}
	return there
}

// ended counts a poll and takes what it deleted.
func (m *memory) ended(deleted []*stored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range deleted {
		s.gone = true
	}
	m.polls++
	select {
	case m.quit <- struct{}{}:
	default:
	}
}

func (m *memory) accept() {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			return
		}
		m.mu.Lock()
		m.open[conn] = true
		m.mu.Unlock()
		m.sessions.Go(func() {
			m.serve(conn)
			m.mu.Lock()
			delete(m.open, conn)
			m.mu.Unlock()
		})
	}
}

// serve is one session. An error ends it: the client notices.
func (m *memory) serve(conn net.Conn) {
	late := &lateWriter{Conn: &heardConn{conn, m}, most: lateWrites}
	line := tls.Server(late, m.config)
	defer line.Close()
	defer func() {
		late.most = 0 // what waits now would never leave: crypto/tls forbids it before it closes
		late.flush()  // an error shows at the client
	}()
	s := &memorySession{memory: m, account: -1, out: line}
	in := bufio.NewReaderSize(line, 64<<10)
	io.WriteString(line, "+OK ready\r\n")
	for !s.over {
		command, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if err := s.answer(strings.Fields(command)); err != nil {
			return
		}
	}
}

// heardConn notes when something comes.
type heardConn struct {
	net.Conn
	memory *memory
}

func (h *heardConn) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.memory.hear(n)
	return n, err
}

func (m *memory) hear(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > 0 && m.heard.IsZero() {
		m.heard = time.Now()
	}
}

type memorySession struct {
	*memory
	out     io.Writer
	account int
	box     []*stored
	deleted []*stored
	over    bool
}

func (s *memorySession) answer(words []string) (err error) {
	say := func(format string, args ...any) { _, err = fmt.Fprintf(s.out, format+"\r\n", args...) }
	verb, argument := "", ""
	if len(words) > 0 {
		verb = strings.ToUpper(words[0])
	}
	if len(words) > 1 {
		argument = words[1]
	}
	switch n := s.number(argument); verb {
	case "CAPA":
		say("+OK\r\nUSER\r\nUIDL\r\nTOP\r\nRESP-CODES\r\nPIPELINING\r\n.")
	case "USER":
		if _, known := fmt.Sscanf(argument, "u%d", &s.account); known != nil || s.account >= len(s.boxes) {
			say("-ERR [AUTH] who is that?")
			return err
		}
		say("+OK")
	case "PASS":
		s.box = s.list(s.account)
		say("+OK logged in")
	case "STAT":
		var octets int
		for _, each := range s.box {
			octets += each.size
		}
		say("+OK %d %d", len(s.box), octets)
	case "UIDL", "LIST":
		say("%s", s.listing(verb, n))
	case "RETR":
		if n < 0 {
			say("-ERR no such message")
			return err
		}
		_, err = s.out.Write(s.box[n].reply)
	case "DELE":
		if n < 0 {
			say("-ERR no such message")
			return err
		}
		s.deleted = append(s.deleted, s.box[n])
		say("+OK")
	case "NOOP", "RSET":
		say("+OK")
	case "QUIT":
		if s.over = true; s.account >= 0 {
			s.ended(s.deleted)
		}
		say("+OK bye")
	default:
		say("-ERR unknown command")
	}
	return err
}

// number returns the index of a message, or -1.
func (s *memorySession) number(argument string) int {
	n, err := strconv.Atoi(argument)
	if err != nil || n < 1 || n > len(s.box) {
		return -1
	}
	return n - 1
}

func (s *memorySession) listing(verb string, only int) string {
	entry := func(n int) string {
		if verb == "LIST" {
			return fmt.Sprint(n+1, s.box[n].size)
		}
		return fmt.Sprint(n+1) + " " + s.box[n].uid
	}
	if only >= 0 {
		return "+OK " + entry(only)
	}
	var all strings.Builder
	all.WriteString("+OK\r\n")
	for n := range s.box {
		all.WriteString(entry(n) + "\r\n")
	}
	return all.String() + "."
}

// lateWriter gathers what is written until something is read, or much has come together: crypto/tls
// writes each record of 16 KiB by itself. One goroutine at a time may use it.
type lateWriter struct {
	net.Conn
	held []byte
	most int
}

const lateWrites = 512 << 10 // bytes

func (l *lateWriter) Write(p []byte) (int, error) {
	l.held = append(l.held, p...)
	if len(l.held) < l.most {
		return len(p), nil
	}
	return len(p), l.flush()
}

func (l *lateWriter) flush() error {
	_, err := l.Conn.Write(l.held)
	l.held = l.held[:0]
	return err
}

func (l *lateWriter) Read(p []byte) (int, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.Conn.Read(p)
}

// newCertificate makes a certificate for loopback and writes it to a file.
func newCertificate(file string, ofRSA bool) (tls.Certificate, error) {
	var key crypto.Signer
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if ofRSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(file, text, 0o644)
}
