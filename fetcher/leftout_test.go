package fetcher

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// TestLeftOutIsLogged: the log says what a setting left out of a message and counts it. A message
// that is deleted although a rule left something out, or although nothing came of it, has that at
// the level info; other lines, as of the logo of a mail that brought its file, are for debugging.
func TestLeftOutIsLogged(t *testing.T) {
	t.Parallel()
	const deleted = "attachments left out by a setting, and the message is to be deleted on the server"
	for name, tt := range map[string]struct {
		setting             string
		file, keep, noEmpty bool
		level, text         string
	}{
		"rule, no file":              {setting: "exclude[0]", level: "info", text: deleted},
		"rule, beside a file":        {setting: "include", file: true, level: "info", text: deleted},
		"noise, no file":             {setting: "noise", level: "info", text: deleted},
		"noise, beside a file":       {setting: "noise", file: true, level: "debug", text: deleted},
		"picture, beside a file":     {setting: "inline_images", file: true, level: "debug", text: deleted},
		"rule, and the mail is kept": {setting: "exclude[0]", keep: true, level: "debug", text: "attachments left out by a setting"},
		"rule, and the mail stays":   {setting: "exclude[0]", noEmpty: true, level: "debug", text: "attachments left out by a setting"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one")
			w.account.Delete, w.account.DeleteEmpty = !tt.keep, !tt.noEmpty
			w.sink.told = func(_ string, s *delivery.Staged) {
				if !tt.file {
					s.Attachments = nil
				}
				s.Envelope.Subject = "Offer"
				for i := range 22 {
					s.LeftOut = append(s.LeftOut, ledger.LeftOut{Name: fmt.Sprintf("%d\u202e.exe", i), Size: 9, Why: "a reason", Setting: tt.setting})
				}
			}
			var log bytes.Buffer
			w.supervisor.Log = zerolog.New(zerolog.SyncWriter(&log))
			w.start(t)
			for range 2 {
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
			}
			said, done := lines(t, &log, "attachments left out by a setting"), lines(t, &log, "poll done")
			if values(said, "message") != tt.text || values(said, "level") != tt.level || values(said, "attachments") != "22" ||
				values(said, "subject") != "Offer" || values(said, "reasons") != "[a reason]" || values(done, "left_out") != "22 0" || values(done, "received_before") != "0 0" {
				t.Errorf("log says %s", &log)
			}
			if files, ok := said[0]["files"].([]any); !ok || len(files) != 20 || files[0] != `0\u202e.exe` {
				t.Errorf("log names %q", said[0]["files"])
			}
		})
	}
}
