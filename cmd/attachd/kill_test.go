package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

var (
	killMessages = testsize.Of(100, 500)
	kills        = testsize.Of(6, 20)
)

// TestKill kills the program at random moments while it works through a
// mailbox, starts it again until a run comes to its end, and counts: every
// attachment must stand once, whatever became of the runs before and whoever
// took files away in the meantime.
func TestKill(t *testing.T) {
	for _, test := range []struct {
		server, after      string
		consumed, sidecars bool
	}{
		{"pop3test", "keep", false, false},
		{"pop3test", "keep", true, false},
		{"pop3test", "delete", false, true},
		{"pop3test", "delete", true, true},
		{"dovecot", "delete", true, false},
	} {
		name := test.server + ", " + test.after
		if test.consumed {
			name += ", a consumer moves files away"
		}
		if test.sidecars {
			name += ", with sidecars in folders"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("random seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			messages, want := killMailbox(random)
			for killed := 0; killed < kills; {
				server := apptest.Servers[test.server](t, messages)
				killed += killRound(t, random, server, test.after, test.consumed, test.sidecars, want)
			}
		})
	}
}

// killRound empties one mailbox with as many kills on the way as it takes, and
// returns how many those were.
func killRound(t *testing.T, random *rand.Rand, server apptest.Server, after string, consumed, sidecars bool, want map[[32]byte]string) (killed int) {
	dir := t.TempDir()
	settings := []string{"after: " + after}
	if sidecars {
		settings = append(settings, "sidecar: true", `path: "{{.Subject}}/{{.Name}}"`)
	}
	config := server.Config(t, dir, settings...)
	output := filepath.Join(dir, "out", "lab")
	got := newCollector(t, output, filepath.Join(dir, "taken"))
	got.sidecars = sidecars
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
	if left := server.Left(); after == "delete" && left != 0 || after == "keep" && left != killMessages {
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
			size := 8 + random.IntN(20_000)
			name := []string{"scan.pdf", "rechnung.pdf", fmt.Sprintf("report-%d.csv", i)}[random.IntN(3)]
			attach(&raw, want, i, part, name, size)
		}
		raw.WriteString("--b--\r\n")
		messages[i] = pop3test.Message{UIDL: fmt.Sprintf("kill-%d", i), Raw: raw.Bytes()}
	}
	return messages, want
}

// attach adds a part with an attachment of its own to a message, and notes its digest.
func attach(raw *bytes.Buffer, want map[[32]byte]string, message, part int, name string, size int) {
	content := make([]byte, size)
	binary.BigEndian.PutUint64(content, uint64(message*10+part))
	want[sha256.Sum256(content)] = fmt.Sprintf("%d/%d %s", message, part, name)
	fmt.Fprintf(raw, "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", name)
	encoded := base64.StdEncoding.EncodeToString(content)
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		raw.WriteString(encoded[:n] + "\r\n")
		encoded = encoded[n:]
	}
}

// collector counts the files of a folder by digest, and may play the consumer
// that takes them away.
type collector struct {
	t             *testing.T
	folder, taken string
	sidecars      bool // each file has one
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

// take moves away the files that stand there, each with its sidecar, which must be
// there as soon as the file is.
func (c *collector) take() {
	c.each(c.folder, func(path string) {
		c.n++
		to := filepath.Join(c.taken, fmt.Sprint(c.n))
		if c.sidecars {
			c.checkSidecar(path)
			if err := os.Rename(path+".json", to+".json"); err != nil {
				c.t.Errorf("take sidecar: %v", err)
			}
		}
		if err := os.Rename(path, to); err != nil {
			c.t.Errorf("take file: %v", err)
		}
	})
}

// each calls f for every file that is no sidecar and not hidden.
func (c *collector) each(folder string, f func(path string)) {
	_ = filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil: // not made yet
		case e.IsDir() && strings.HasPrefix(e.Name(), "."):
			return filepath.SkipDir
		case e.IsDir() || c.sidecars && strings.HasSuffix(path, ".json"):
		default:
			f(path)
		}
		return nil
	})
}

func (c *collector) checkSidecar(path string) {
	text, err := os.ReadFile(path + ".json")
	if err != nil {
		c.t.Errorf("a file stands without its sidecar: %v", err)
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		c.t.Error(err)
	}
	var beside struct{ SHA256 string }
	if err := json.Unmarshal(text, &beside); err != nil || beside.SHA256 != fmt.Sprintf("%x", sha256.Sum256(content)) {
		c.t.Errorf("the sidecar of %s is another file's: %s, %v", path, text, err)
	}
}

// finish counts what was taken and what is still there.
func (c *collector) finish() {
	for _, folder := range []string{c.folder, c.taken} {
		c.each(folder, func(path string) {
			if c.sidecars {
				c.checkSidecar(path)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				c.t.Fatal(err)
			}
			c.count[sha256.Sum256(content)]++
		})
	}
}
