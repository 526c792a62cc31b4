package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

const (
	killMessages = 500
	kills        = 20
)

// TestKill kills the program at random moments while it works through a
// mailbox, starts it again until a run comes to its end, and counts: every
// attachment must stand once, whatever became of the runs before and whoever
// took files away in the meantime.
func TestKill(t *testing.T) {
	for _, test := range []struct {
		server, after string
		consumed      bool
	}{
		{"pop3test", "keep", false},
		{"pop3test", "keep", true},
		{"pop3test", "delete", false},
		{"pop3test", "delete", true},
		{"dovecot", "delete", true},
	} {
		name := test.server + ", " + test.after
		if test.consumed {
			name += ", a consumer moves files away"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("random seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			messages, want := killMailbox(random)
			for killed := 0; killed < kills; {
				server := mailServers[test.server](t, messages)
				killed += killRound(t, random, server, test.after, test.consumed, want)
			}
		})
	}
}

// killRound empties one mailbox with as many kills on the way as it takes, and
// returns how many those were.
func killRound(t *testing.T, random *rand.Rand, server mailServer, after string, consumed bool, want map[[32]byte]string) (killed int) {
	dir := t.TempDir()
	config := server.config(t, dir, "after: "+after)
	output := filepath.Join(dir, "out", "lab")
	got := newCollector(t, output, filepath.Join(dir, "taken"))
	stop := func() {}
	if consumed {
		stop = got.consume()
	}
	full := 500 * time.Millisecond // about what an undisturbed run takes; learned as we go
	for {
		cmd := program(t, "run", "--once", "--config", config)
		var out bytes.Buffer
		cmd.Stderr = &out
		started := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(full))), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		if cmd.ProcessState.ExitCode() >= 0 && !strings.Contains(out.String(), "IN-USE") {
			t.Fatalf("attachd ended by itself: %v\n%s", err, &out)
		}
		full = max(full, time.Since(started)) + full/4
		killed++
	}
	stop()
	got.finish()
	for sum, name := range want {
		if n := got.count[sum]; n != 1 {
			t.Errorf("attachment %s stands %d times, want once (after %d kills)", name, n, killed)
		}
		delete(got.count, sum)
	}
	for sum, n := range got.count {
		t.Errorf("%d files nobody sent, digest %x", n, sum)
	}
	if left := server.left(); after == "delete" && left != 0 || after == "keep" && left != killMessages {
		t.Errorf("%d messages left on the server with after: %s", left, after)
	}
	staging, err := os.ReadDir(filepath.Join(output, ".staging"))
	if err != nil {
		t.Error(err)
	}
	for _, e := range staging {
		if !strings.HasPrefix(e.Name(), "folder-id") { // the folder's own mark
			t.Errorf("staging file %s is left", e.Name())
		}
	}
	return killed
}

// killMailbox makes messages of different sizes with one to three attachments,
// many of the same name, all of different content. It returns the attachments
// by digest.
func killMailbox(random *rand.Rand) ([]pop3test.Message, map[[32]byte]string) {
	want := make(map[[32]byte]string)
	messages := make([]pop3test.Message, killMessages)
	for i := range messages {
		var raw bytes.Buffer
		fmt.Fprintf(&raw, "Subject: %d\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", i)
		for part := range 1 + random.IntN(3) {
			content := make([]byte, 8+random.IntN(20_000))
			binary.BigEndian.PutUint64(content, uint64(i*10+part))
			name := []string{"scan.pdf", "rechnung.pdf", fmt.Sprintf("report-%d.csv", i)}[random.IntN(3)]
			want[sha256.Sum256(content)] = fmt.Sprintf("%d/%d %s", i, part, name)
			fmt.Fprintf(&raw, "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", name)
			encoded := base64.StdEncoding.EncodeToString(content)
			for len(encoded) > 0 {
				n := min(76, len(encoded))
				raw.WriteString(encoded[:n] + "\r\n")
				encoded = encoded[n:]
			}
		}
		raw.WriteString("--b--\r\n")
		messages[i] = pop3test.Message{UIDL: fmt.Sprintf("kill-%d", i), Raw: raw.Bytes()}
	}
	return messages, want
}

// collector counts the files of a folder by digest, and may play the consumer
// that takes them away.
type collector struct {
	t             *testing.T
	folder, taken string
	n             int
	count         map[[32]byte]int
}

func newCollector(t *testing.T, folder, taken string) *collector {
	t.Helper()
	if err := os.MkdirAll(taken, 0o750); err != nil {
		t.Fatal(err)
	}
	return &collector{t: t, folder: folder, taken: taken, count: make(map[[32]byte]int)}
}

// consume moves files away as they appear until stop is called.
func (c *collector) consume() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				c.take()
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

func (c *collector) take() {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return // not made yet
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		c.n++
		if err := os.Rename(filepath.Join(c.folder, e.Name()), filepath.Join(c.taken, fmt.Sprint(c.n))); err != nil {
			c.t.Errorf("take file: %v", err)
		}
	}
}

// finish counts what was taken and what is still there.
func (c *collector) finish() {
	for _, folder := range []string{c.folder, c.taken} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			content, err := os.ReadFile(filepath.Join(folder, e.Name()))
			if err != nil {
				c.t.Fatal(err)
			}
			c.count[sha256.Sum256(content)]++
		}
	}
}
