package config

import (
	"crypto/tls"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"
)

// settledAfter is how long ago a file must have been written before its time of change tells it
// from a later one. Within that time, two writes may leave the same time.
const settledAfter = 2 * time.Second

// TLSClient is the configuration of a client for many connections, which share its sessions. It
// reads the certificate files once, and again after a change: parsing them would take a good part
// of a poll. Its methods may be called from many goroutines at once.
type TLSClient struct {
	tls TLS

	mu   sync.Mutex
	made *tls.Config   // guarded by mu, as is all that follows; nil: none yet, or of files that may change unseen
	seen []fs.FileInfo // of the files, as they were before they were read last
	// sessions are those that the next connection resumes. A resumed session is not verified anew,
	// so what was verified by other files is forgotten with them.
	sessions tls.ClientSessionCache
}

// NewTLSClient returns a client that has read nothing yet.
func NewTLSClient(t TLS) *TLSClient { return &TLSClient{tls: t} }

// Config returns what [TLS.ClientConfig] does for the files as they are now. It is not to be
// changed.
func (c *TLSClient) Config() (*tls.Config, error) {
	files, settled := c.look()
	c.mu.Lock()
	defer c.mu.Unlock()
	same := slices.EqualFunc(c.seen, files, sameFile)
	if same && c.made != nil {
		return c.made, nil
	}
	c.made, c.seen = nil, files
	made, err := c.tls.ClientConfig()
	if err != nil {
		return nil, err
	}
	if !same || c.sessions == nil {
		c.sessions = tls.NewLRUClientSessionCache(1)
	}
	made.ClientSessionCache = c.sessions
	if settled {
		c.made = made
	}
	return made, nil
}

// look returns what the system says of the files, nil for one that it says nothing of, and whether
// a later change would show.
func (c *TLSClient) look() (files []fs.FileInfo, settled bool) {
	settled = true
	for _, name := range []string{c.tls.CAFile, c.tls.CertFile, c.tls.KeyFile} {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			info = nil // ClientConfig says why
		}
		if info == nil || time.Since(info.ModTime()) < settledAfter {
			settled = false
		}
		files = append(files, info)
	}
	return files, settled
}

func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
