package console

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/config"
)

// journald is the other end of the socket.
type journald struct {
	conn *net.UnixConn
	path string
}

func newJournald(t *testing.T) *journald {
	t.Helper()
	dir, err := os.MkdirTemp("", "journald")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &journald{conn, path}
}

// entry reads one entry as journald does, and returns its fields in the form NAME=value.
func (j *journald) entry(t *testing.T) (fields []string) {
	t.Helper()
	if err := j.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	text, rights := make([]byte, 1<<20), make([]byte, 64)
	n, oobn, _, _, err := j.conn.ReadMsgUnix(text, rights)
	if err != nil {
		t.Fatal(err)
	}
	text = text[:n]
	if n == 0 {
		text = fileOf(t, rights[:oobn])
	}
	for len(text) > 0 {
		line, rest, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			t.Fatalf("an entry without an end: %q", text)
		}
		if bytes.Contains(line, []byte("=")) {
			fields, text = append(fields, string(line)), rest
			continue
		}
		size := binary.LittleEndian.Uint64(rest)
		fields = append(fields, string(line)+"="+string(rest[8:8+size]))
		if rest[8+size] != '\n' {
			t.Fatalf("field %s ends in %q", line, rest[8+size])
		}
		text = rest[8+size+1:]
	}
	return fields
}

// fileOf returns what is in the file that was sent, which nobody may be able to change.
func fileOf(t *testing.T, rights []byte) []byte {
	t.Helper()
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		t.Fatalf("neither text nor a file: %v", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("%v, %v", fds, err)
	}
	file := os.NewFile(uintptr(fds[0]), "entry")
	defer file.Close()
	seals, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0)
	if want := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE; err != nil || seals != want {
		t.Errorf("seals %#x, %v; want %#x", seals, err, want)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<30))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestJournal: each line is one entry with priority and fields, whatever a stranger put into them.
func TestJournal(t *testing.T) {
	t.Parallel()
	j := newJournald(t)
	var stderr strings.Builder
	log := zerolog.New(newJournal(j.path, &stderr, false)).With().Timestamp().Logger()
	want := func(fields ...string) {
		t.Helper()
		if diff := cmp.Diff(fields, j.entry(t)); diff != "" {
			t.Errorf("entry differs (-want +got):\n%s", diff)
		}
	}
	log.Info().Str("account", "orders").Int64("size", 2048).Dur("dur_ms", 1500*time.Millisecond).Msg("attachment delivered")
	want(`MESSAGE=attachment delivered account=orders size=2.0KiB took=1.5s`, "PRIORITY=6", "SYSLOG_IDENTIFIER=attachd",
		"ACCOUNT=orders", "DUR_MS=1500", "ATTACHD_EVENT=attachment delivered", "SIZE=2048")
	log.Warn().Str("subject", "a\nPRIORITY=0\nb\x1b[2J\u202e").Strs("files", []string{"x", "y\n"}).Bool("last", true).Msg("left")
	want(`MESSAGE=left files=["x","y\n"] last=true subject="a\nPRIORITY=0\nb\x1b[2J\u202e"`, "PRIORITY=4", "SYSLOG_IDENTIFIER=attachd",
		`FILES=["x","y\n"]`, "LAST=true", "ATTACHD_EVENT=left", "SUBJECT=a\nPRIORITY=0\nb\\x1b[2J\\u202e")
	log.Error().Str("priority", "0").Str("unit", "ssh").Str("code_file", "x").Str("_pid", "1").Str("9lives", "").Str("a.b-ö", "x").Msg("")
	got := j.entry(t)
	for _, field := range []string{"PRIORITY=3", "ATTACHD_PRIORITY=0", "ATTACHD_UNIT=ssh", "ATTACHD_CODE_FILE=x", "ATTACHD_PID=1", "ATTACHD_9LIVES=", "A_B__=x"} {
		if !slices.Contains(got, field) {
			t.Errorf("no field %s in %q", field, got)
		}
	}
	for level, prio := range map[zerolog.Level]string{zerolog.TraceLevel: "7", zerolog.DebugLevel: "7", zerolog.NoLevel: "6"} {
		log.WithLevel(level).Msg("x")
		if got := j.entry(t); got[1] != "PRIORITY="+prio {
			t.Errorf("level %v is %q, want %s", level, got[1], prio)
		}
	}
	if stderr.Len() > 0 {
		t.Errorf("on stderr: %s", &stderr)
	}
}

// TestJournalLong: an entry that fits no datagram comes as a sealed file.
func TestJournalLong(t *testing.T) {
	t.Parallel()
	j := newJournald(t)
	log := zerolog.New(newJournal(j.path, io.Discard, false))
	long := strings.Repeat("x", 512<<10)
	log.Error().Str("error", long).Msg("failed")
	got := j.entry(t)
	if i := slices.IndexFunc(got, func(f string) bool { return strings.HasPrefix(f, "ERROR=") }); i < 0 || got[i] != "ERROR="+long {
		t.Error("the field is not as it was")
	}
}

// TestJournalGone: what journald does not take is not lost.
func TestJournalGone(t *testing.T) {
	t.Parallel()
	j := newJournald(t)
	var stderr strings.Builder
	for _, socket := range []string{j.path, j.path + "-none"} {
		log := zerolog.New(newJournal(socket, &stderr, false))
		_ = j.conn.Close()
		log.Error().Str("account", "orders").Str("error", "a\nb").Msg("poll failed")
		log.Debug().Msg("x")
	}
	terminal := zerolog.New(newJournal(j.path+"-none", &stderr, true))
	terminal.Info().Msg("y")
	want := strings.Repeat("<3>poll failed error=\"a\\nb\" account=orders\n<7>x\n", 2) + "y\n"
	if stderr.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", &stderr, want)
	}
}

// TestJournalStream: systemd's variable counts only for the stream that it names.
func TestJournalStream(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	if isJournal(file) {
		t.Error("a file is the journal")
	}
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", stat.Dev, stat.Ino))
	if !isJournal(file) || !isJournal(under(&Progress{w: file})) {
		t.Error("the stream that systemd names is not the journal")
	}
	if isJournal(os.Stdin) || isJournal(&strings.Builder{}) {
		t.Error("another stream is the journal")
	}
	// A journal that hears nothing of it would be worse than JSON.
	log, err := NewLogger(file, false, config.Log{Level: config.LevelInfo, Format: config.FormatJSON})
	if err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("x")
	if text, err := os.ReadFile(file.Name()); err != nil || !bytes.HasPrefix(text, []byte(`{"level":"info"`)) {
		t.Errorf("JSON was asked for: %s, %v", text, err)
	}
}
