package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// lookedUp is a history that is only read.
type lookedUp struct {
	*history.Reader
	*webtest.Unread
}

// BenchmarkViewsOfMillion makes every view of a site with 10,000 accounts and 1,000,000 files, in
// the history that BenchmarkQueries of package history leaves in the folder for temporary files.
func BenchmarkViewsOfMillion(b *testing.B) {
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "attachd-bench-history-*-1000000.db"))
	if err != nil || len(found) == 0 {
		b.Skip("make the history first: go test -run none -bench Queries -benchtime 1x ./cmd/attachd/history")
	}
	reader, err := history.OpenReader(b.Context(), found[len(found)-1])
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = reader.Close() })
	snapshot := webtest.Many(10000)
	for i := range snapshot.Accounts {
		snapshot.Accounts[i].Name = fmt.Sprintf("mailbox-%05d", i)
	}
	w := newSite(b, snapshot, func(o *web.Options) {
		o.History, o.Now = lookedUp{reader, &webtest.Unread{}}, time.Now
	})
	latest, err := reader.Search(b.Context(), history.Search{Limit: 1})
	if err != nil || len(latest.Items) == 0 {
		b.Fatal(latest, err)
	}
	answerTime(b, w, []string{
		"/", "/accounts", "/accounts/mailbox-00001", "/accounts/mailbox-05000", "/attachments", "/attachments?name=rechnung", "/attachments?sender=supplier17.example.org",
		"/attachments?name=scan&account=mailbox-00001", "/attachments?kind=xml", "/attachments?name=nothing-like-it", "/attachments?name=rechnung&sender=bank",
		fmt.Sprintf("/attachments/%s", web.ItemKey(latest.Items[0].ID)), "/quarantine",
	})
}
