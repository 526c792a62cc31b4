package console

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config"
)

// TestConsole: numbers have units and the date stands where it changes; what a stranger chose can't
// steer the terminal.
func TestConsole(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := zerolog.New(NewWriter(&out, false))
	at := func(e *zerolog.Event, text string) *zerolog.Event {
		t.Helper()
		parsed, err := time.ParseInLocation(time.DateTime, text, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return e.Time(zerolog.TimestampFieldName, parsed)
	}
	at(log.Info(), "2026-11-28 23:59:58").Int64("size", 116).Str("subject", "März\x1b[2J\u202e").Msg("attachment delivered")
	at(log.Info(), "2026-11-28 23:59:59").Int64("octets", 3<<20).Int("messages", 7).Dur("dur_ms", 47*time.Millisecond+16381).Msg("poll done")
	at(log.Warn(), "2026-11-29 00:00:00").Int64("max_message_size", 100<<20).Dur("dur_ms", 83*time.Second+400*time.Millisecond).Msg("left")
	at(log.Info(), "2026-11-29 00:00:01").Dur("dur_ms", 1234*time.Millisecond).Msg("x")
	want := []string{
		`2026-11-28 23:59:58 INF attachment delivered size=116B subject="März\x1b[2J\u202e"`,
		`23:59:59 INF poll done messages=7 octets=3.0MiB took=47ms`,
		`2026-11-29 00:00:00 WRN left max_message_size=100.0MiB took=1m23s`,
		`00:00:01 INF x took=1.2s`,
		``,
	}
	if diff := cmp.Diff(want, strings.Split(out.String(), "\n")); diff != "" {
		t.Errorf("log differs (-want +got):\n%s", diff)
	}

	out.Reset()
	json, err := NewLogger(&out, false, config.Log{Level: config.LevelInfo, Format: config.FormatAuto})
	if err != nil {
		t.Fatal(err)
	}
	json.Info().Int64("size", 116).Dur("dur_ms", 47*time.Millisecond).Msg("x")
	if !strings.Contains(out.String(), `"size":116,"dur_ms":47,`) {
		t.Errorf("as JSON: %s", &out)
	}
}
