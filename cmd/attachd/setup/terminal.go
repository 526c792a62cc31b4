package setup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/attachd/attachd/fetcher/foreign"
)

// ErrNoAnswer says that the input ended before a question was answered.
var ErrNoAnswer = errors.New("no answer: the input has ended")

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 4096

// maxAttempts is how often a question is asked whose answers are wrong.
const maxAttempts = 10

// Terminal asks questions. Answers come from a terminal, a pipe or a file, one line each.
type Terminal struct {
	out   io.Writer
	in    *bufio.Reader
	file  *os.File // what in reads, if it is a file
	bare  bool     // one byte at a time, as the rest of the input is somebody else's
	ctx   context.Context
	wake  [2]*os.File // a pipe that ends a wait for input
	asked bool
}

// NewTerminal returns a Terminal. ctx ends a wait for an answer. Close it.
func NewTerminal(ctx context.Context, in io.Reader, out io.Writer) (*Terminal, error) {
	t := &Terminal{out: out, ctx: ctx}
	t.file, _ = in.(*os.File)
	t.in = bufio.NewReader(readFunc(func(p []byte) (int, error) {
		if err := t.await(); err != nil {
			return 0, err
		}
		if t.bare {
			p = p[:1]
		}
		return in.Read(p)
	}))
	if t.file == nil {
		return t, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("prepare to ask: %w", err)
	}
	t.wake = [2]*os.File{r, w}
	context.AfterFunc(ctx, func() { _, _ = w.Write([]byte{0}) }) // or it is closed
	return t, nil
}

// Close gives back what the Terminal holds. The input stays open.
func (t *Terminal) Close() {
	for _, f := range t.wake {
		if f != nil {
			_ = f.Close()
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// await waits until there is input, or ctx ends. A read of a terminal can't be interrupted.
func (t *Terminal) await() error {
	if err := t.ctx.Err(); err != nil || t.file == nil {
		return err
	}
	fds := []unix.PollFd{{Fd: int32(t.file.Fd()), Events: unix.POLLIN}, {Fd: int32(t.wake[0].Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait for an answer: %w", err)
		case fds[1].Revents != 0:
			return t.ctx.Err()
		}
		return nil
	}
}

// Say prints lines. What others chose is escaped.
func (t *Terminal) Say(format string, args ...any) {
	_, _ = io.WriteString(t.out, foreign.Lines(fmt.Sprintf(format, args...))+"\n")
}

// ask asks for a text. An empty answer is the preset. check says what is wrong with an answer; it
// is asked again then.
func (t *Terminal) ask(question, preset string, check func(answer string) error) (string, error) {
	for range maxAttempts {
		shown := question
		if preset != "" {
			shown += " [" + preset + "]"
		}
		_, _ = io.WriteString(t.out, foreign.Text(shown)+": ")
		answer, err := t.line()
		if err != nil {
			return "", err
		}
		if answer = strings.TrimSpace(answer); answer == "" {
			answer = preset
		}
		if err := check(answer); err != nil {
			t.Say("  %s", sentence(err.Error()))
			continue
		}
		return answer, nil
	}
	return "", fmt.Errorf("%q was answered wrongly %d times", question, maxAttempts)
}

// sentence makes one of the text of an error.
func sentence(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[n:] + "."
}

// line reads an answer.
func (t *Terminal) line() (string, error) {
	t.asked = true
	line, err := t.in.ReadSlice('\n')
	if !t.echoes() {
		_, _ = io.WriteString(t.out, "\n") // nobody typed the end of the line
	}
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || len(line) > maxAnswer:
		return "", errors.New("the answer is too long")
	case errors.Is(err, io.EOF) && len(line) == 0:
		return "", ErrNoAnswer
	case err != nil && !errors.Is(err, io.EOF):
		return "", err
	}
	if !utf8.Valid(line) {
		return "", errors.New("the answer is not UTF-8")
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// echoes reports whether the input is a terminal, which shows what is typed.
func (t *Terminal) echoes() bool { return t.file != nil && term.IsTerminal(int(t.file.Fd())) }

// askSecret asks for a text that a terminal does not show.
func (t *Terminal) askSecret(question string) (string, error) {
	for range maxAttempts {
		answer, err := t.secretLine(foreign.Text(question) + ": ")
		if err != nil || answer != "" {
			return answer, err
		}
		t.Say("  It can't be empty.")
	}
	return "", errors.New("no password was given")
}

func (t *Terminal) secretLine(prompt string) (string, error) {
	if !t.echoes() {
		_, _ = io.WriteString(t.out, prompt)
		return t.line()
	}
	// Raw: the terminal shows nothing, and Ctrl-C comes as a byte, so that it can't end the program
	// while the terminal is like that.
	fd := int(t.file.Fd())
	old, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("hide what is typed: %w", err)
	}
	defer func() { _ = term.Restore(fd, old) }()
	defer restoreOnSignal(fd, old)()
	t.bare = true
	defer func() { t.bare = false }()
	keys := struct {
		io.Reader
		io.Writer
	}{t.in, t.out}
	answer, err := term.NewTerminal(keys, "").ReadPassword(prompt)
	if errors.Is(err, io.EOF) {
		return "", ErrNoAnswer
	}
	return answer, err
}

// restoreOnSignal gives the terminal back before a signal ends the program that main does not
// catch. stop leaves the signals to others again.
func restoreOnSignal(fd int, old *term.State) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, unix.SIGHUP, unix.SIGQUIT)
	go func() {
		select {
		case s := <-signals:
			_ = term.Restore(fd, old)
			signal.Reset(s)
			if number, ok := s.(unix.Signal); ok {
				_ = unix.Kill(unix.Getpid(), number)
			}
		case <-done:
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// choose asks for one of some words; the first letters of one do.
func (t *Terminal) choose(question, preset string, words ...string) (string, error) {
	chosen := ""
	_, err := t.ask(question, preset, func(answer string) error {
		for _, word := range words {
			if answer != "" && strings.HasPrefix(word, strings.ToLower(answer)) {
				chosen = word
				return nil
			}
		}
		return fmt.Errorf("answer %s", strings.Join(words, " or "))
	})
	return chosen, err
}

// Confirm asks a question whose answer is yes or no.
func (t *Terminal) Confirm(question string, preset bool) (bool, error) {
	words := map[bool]string{true: "yes", false: "no"}
	answer, err := t.choose(question, words[preset], "yes", "no")
	return answer == "yes", err
}

func anything(string) error { return nil }
