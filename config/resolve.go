package config

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

const (
	// maxSecretBytes bounds a secret from any source.
	maxSecretBytes = 64 << 10
	// commandTimeout bounds a password_command. It may ask a key ring, but nobody is there to
	// answer.
	commandTimeout = 30 * time.Second
	// commandGrace is how long a command's children may keep its output open after its end.
	commandGrace = 2 * time.Second
	// maxHintBytes bounds the part of a command's standard error that the log shows.
	maxHintBytes = 160
)

// Resolve fetches the secret. It counts
//
//   - of a file, a variable or a credential: everything but one trailing newline (LF or CRLF);
//   - of a command's output: the first line;
//   - of a token_command's output and of a key_file: everything.
//
// Files and outputs in UTF-16 with a byte order mark are converted to UTF-8. An empty secret, one
// of several lines (unless everything counts) and one over 64 KiB are errors. Only a command takes
// time, at most 30 s; ctx ends it sooner. The errors name the source and never hold the secret.
func (r SecretRef) Resolve(ctx context.Context) (Secret, error) {
	var text string
	var err error
	switch r.source {
	case fromConfig:
		text = r.value()
	case fromFile:
		text, err = readSecret(r.value())
	case fromEnv:
		text, err = lookupSecret(r.value())
	case fromCommand:
		text, err = runSecret(ctx, strings.Split(r.value(), "\x00"), r.whole)
	case fromCredential:
		var path string
		if path, err = credentialPath(r.value()); err == nil {
			text, err = readSecret(path)
		}
	default:
		err = errors.New("none is configured")
	}
	if err == nil && !r.whole {
		text, err = cleanSecret(text)
	}
	if err != nil {
		return "", &ReadError{What: r.String(), Secret: true, Err: err}
	}
	return Secret(text), nil
}

// ReadError reports that something could not be read that the configuration names.
type ReadError struct {
	// What is the key and the file, the variable, the program or the credential, never the secret:
	// "password_file /etc/attachd/secrets/orders".
	What string
	// Secret says that it is a secret. Without, it is a certificate or its key.
	Secret bool
	Err    error
}

// Error returns "read WHAT: CAUSE".
func (e *ReadError) Error() string { return "read " + e.What + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// path returns the file that r refers to, if any.
func (r SecretRef) path() (string, bool) {
	switch r.source {
	case fromFile:
		return r.value(), true
	case fromCredential:
		path, err := credentialPath(r.value())
		return path, err == nil
	}
	return "", false
}

// cleanSecret removes one trailing newline and a leading byte order mark (as editors on Windows
// write it). It refuses a line break or a NUL in the rest, because neither could be sent.
func cleanSecret(s string) (string, error) {
	s = strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r"), "\ufeff")
	first := strings.TrimRight(s, "\r\n")
	switch {
	case s == "":
		return "", errors.New("it is empty")
	case first == "":
		return "", errors.New("it holds line ends and nothing else")
	case len(s) > 3 && 2*strings.Count(s, "\x00") >= len(s)-1:
		return "", errors.New("it holds NUL characters, as a file in UTF-16 without a byte order mark does: save it as UTF-8")
	case strings.ContainsRune(s, 0):
		return "", errors.New("it holds a NUL character")
	case len(first) < len(s) && !strings.ContainsAny(first, "\r\n"):
		return "", fmt.Errorf("it holds more than one line: remove the empty ones behind the first, %d in all", lines(s)-1)
	case strings.ContainsAny(s, "\r\n"):
		return "", fmt.Errorf("it holds more than one line, %d in all: leave only one", lines(s))
	}
	return s, nil
}

// lines counts the lines of a text whose last line has no end.
func lines(s string) int {
	return 1 + strings.Count(s, "\n") + strings.Count(s, "\r") - strings.Count(s, "\r\n")
}

// readSecret reads a file. It may be UTF-16 with a byte order mark, as editors on Windows write it.
func readSecret(path string) (string, error) {
	data, _, err := readRegular(path, maxSecretBytes)
	if err != nil {
		return "", explain(path, err)
	}
	return fromUTF16(data)
}

// fromUTF16 converts a text to UTF-8 if it begins with a byte order mark of UTF-16.
func fromUTF16(data []byte) (string, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return string(data), nil
	}
	if len(data)%2 != 0 {
		return "", errors.New("it is UTF-16 by its byte order mark and ends within a character: save it as UTF-8")
	}
	units := make([]uint16, 0, len(data)/2-1)
	for rest := data[2:]; len(rest) > 0; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	runes := utf16.Decode(units)
	if slices.Contains(runes, unicode.ReplacementChar) {
		return "", errors.New("it is UTF-16 by its byte order mark and holds an invalid character: save it as UTF-8")
	}
	return string(runes), nil
}

func lookupSecret(name string) (string, error) {
	s, ok := os.LookupEnv(name)
	if !ok {
		return "", errors.New("the variable is not set")
	}
	return s, nil
}

// credentialPath returns the path of a systemd credential (systemd.exec(5), LoadCredential=).
func credentialPath(name string) (string, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", errors.New("$CREDENTIALS_DIRECTORY is not set; does the unit have LoadCredential=?")
	}
	return filepath.Join(dir, name), nil
}

// errNotRegular is for FIFOs and the like: reading them might never end.
var errNotRegular = errors.New("not a regular file")

// readRegular reads a regular file of at most limit bytes.
func readRegular(path string, limit int64) ([]byte, fs.FileInfo, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fi, fmt.Errorf("%s: %w", path, errNotRegular)
	}
	return readBounded(path, limit)
}

// readBounded reads a whole file. One longer than limit bytes is an error.
func readBounded(path string, limit int64) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fi, err
	}
	if int64(len(data)) > limit {
		return nil, fi, fmt.Errorf("%s: more than %d KiB", path, limit>>10)
	}
	return data, fi, nil
}

// runSecret runs a command without a shell and returns the first line of its output, or all of it.
func runSecret(ctx context.Context, argv []string, all bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	stdout, stderr := &head{limit: maxSecretBytes}, &head{limit: 4 << 10}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, commandGrace
	ownGroup(cmd)
	err := cmd.Run()
	output, what := stdout.data, "its output"
	text, badText := fromUTF16(stdout.data)
	if !all {
		output, _, _ = bytes.Cut(output, []byte("\n"))
		text, _, _ = strings.Cut(text, "\n")
		what = "the first line of its output"
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "", fmt.Errorf("no result within %s", commandTimeout)
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return "", commandError(err, stderr.data, output)
	case len(output) == maxSecretBytes:
		return "", errors.New(what + " is too long")
	}
	return text, badText
}

// CommandError reports that a password_command or the like failed. Its text quotes no output of the
// program, because that may be the secret.
type CommandError struct {
	err    error
	stderr string
}

// Error returns the exit status.
func (e *CommandError) Error() string {
	if e.stderr == "" {
		return e.err.Error()
	}
	return e.err.Error() + " (log.level debug shows what it wrote; so does running it by hand)"
}

// Unwrap returns the cause.
func (e *CommandError) Unwrap() error { return e.err }

// Detail returns the beginning of the program's standard error, for the log at debug level.
func (e *CommandError) Detail() string { return e.stderr }

// commandError returns the exit status and, as detail, the first line of standard error. It leaves
// the detail out if standard error repeats a word of the output: that may be the secret.
func commandError(err error, stderr, stdout []byte) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		// The program could not be started; the error holds its name only.
		return err
	}
	hint, _, _ := bytes.Cut(bytes.TrimSpace(stderr), []byte("\n"))
	for word := range bytes.FieldsSeq(stdout) {
		if bytes.Contains(stderr, word) {
			hint = nil
		}
	}
	if len(hint) == 0 {
		return err
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, string(hint[:min(len(hint), maxHintBytes)]))
	return &CommandError{err, text}
}

// head keeps the first limit bytes written to it and drops the rest. A talkative program can
// neither fill the memory nor get a broken pipe.
type head struct {
	data  []byte
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.data = append(h.data, p[:min(len(p), h.limit-len(h.data))]...)
	return len(p), nil
}
