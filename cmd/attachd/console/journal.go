package console

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/foreign"
)

// journalSocket is where journald takes entries (systemd.io/JOURNAL_NATIVE_PROTOCOL).
const journalSocket = "/run/systemd/journal/socket"

// identifier is what journalctl -t asks for.
const identifier = "attachd"

// journal writes the log into journald, each line as an entry with its priority and fields. MESSAGE
// is the line as a person reads it, without its time, which journald has; ATTACHD_EVENT is the
// constant text of it. An entry that journald does not take goes to stderr, as [prefixed] has it.
type journal struct {
	send   func(entry []byte) error
	stderr zerolog.LevelWriter
}

// Write writes a line without a level.
func (j *journal) Write(line []byte) (int, error) { return j.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel writes a line, which is zerolog's JSON.
func (j *journal) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	entry, err := journalEntry(level, line)
	if err == nil {
		err = j.send(entry)
	}
	if err != nil {
		return j.stderr.WriteLevel(level, line)
	}
	return len(line), nil
}

// prefixed writes lines for a person without a time, with the priority in front where whoever reads
// them understands it ("<3>login failed", sd-daemon(3)).
type prefixed struct {
	w      io.Writer
	prefix bool
}

func (p prefixed) Write(line []byte) (int, error) { return p.WriteLevel(zerolog.NoLevel, line) }

func (p prefixed) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	text, err := asLine(line)
	if err != nil {
		text = foreign.Text(string(line))
	}
	if p.prefix {
		text = fmt.Sprintf("<%d>%s", priority(level), text)
	}
	if _, err := io.WriteString(p.w, text+"\n"); err != nil {
		return 0, err
	}
	return len(line), nil
}

// asLine returns a line of zerolog's JSON as a person reads it, without time and level.
func asLine(line []byte) (string, error) {
	var text bytes.Buffer
	w := zerolog.ConsoleWriter{
		Out: &text, NoColor: true, FormatPrepare: inUnits, FormatFieldValue: escaped,
		PartsExclude: []string{zerolog.TimestampFieldName, zerolog.LevelFieldName},
	}
	_, err := w.Write(line)
	return strings.TrimSpace(text.String()), err
}

// priority is the syslog priority of a level (RFC 5424 section 6.2.1).
func priority(level zerolog.Level) int {
	switch level {
	case zerolog.TraceLevel, zerolog.DebugLevel:
		return 7
	case zerolog.WarnLevel:
		return 4
	case zerolog.ErrorLevel:
		return 3
	case zerolog.FatalLevel, zerolog.PanicLevel:
		return 2
	}
	return 6
}

// journalEntry turns a line of zerolog's JSON into an entry.
func journalEntry(level zerolog.Level, line []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, err
	}
	text, err := asLine(line)
	if err != nil {
		return nil, err
	}
	entry := appendField(nil, "MESSAGE", text)
	entry = appendField(entry, "PRIORITY", fmt.Sprint(priority(level)))
	entry = appendField(entry, "SYSLOG_IDENTIFIER", identifier)
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		as := fieldName(name)
		switch name {
		case zerolog.TimestampFieldName, zerolog.LevelFieldName:
			continue
		case zerolog.MessageFieldName:
			as = "ATTACHD_EVENT"
		}
		entry = appendField(entry, as, fieldValue(fields[name]))
	}
	return entry, nil
}

// appendField adds a field to an entry. A value of several lines has its length in front, so that
// none of them is taken for another field.
func appendField(entry []byte, name, value string) []byte {
	entry = append(entry, name...)
	if !strings.Contains(value, "\n") {
		entry = append(entry, '=')
	} else {
		entry = append(entry, '\n')
		entry = binary.LittleEndian.AppendUint64(entry, uint64(len(value)))
	}
	return append(append(entry, value...), '\n')
}

// fieldValue is a JSON value as a field: a string for itself, all else as JSON.
func fieldValue(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
		return foreign.Lines(text)
	}
	return string(foreign.JSON(raw))
}

const (
	// maxFieldName is the longest name of a field, in bytes.
	maxFieldName = 64
	// ownPrefix begins names of fields that would mean something else to journald.
	ownPrefix = "ATTACHD_"
)

// fieldName is the name that a field of the log has in the journal: in upper case, with "_" for all
// but letters and digits. One that journald gives a meaning of its own (systemd.journal-fields(7)),
// or that could not begin a name, has [ownPrefix] in front.
func fieldName(name string) string {
	upper := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	if upper == "" || upper[0] < 'A' || upper[0] > 'Z' || taken(upper) {
		upper = ownPrefix + strings.TrimLeft(upper, "_")
	}
	return upper[:min(len(upper), maxFieldName)]
}

// taken reports whether a name of a field has a meaning for journald or its readers.
func taken(name string) bool {
	switch name {
	case "MESSAGE", "MESSAGE_ID", "PRIORITY", "ERRNO", "INVOCATION_ID", "USER_INVOCATION_ID", "DOCUMENTATION", "TID", "UNIT", "USER_UNIT":
		return true
	}
	for _, prefix := range []string{"CODE_", "SYSLOG_", "COREDUMP_", "OBJECT_", ownPrefix} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
