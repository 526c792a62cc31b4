package web_test

import (
	"strconv"

	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// filesViews are the pages of files and of the quarantine on a site whose every text is hostile.
var filesViews = func() []string {
	all := []string{"/attachments", "/attachments?name=%3Cscript%3E&sender=%22&account=%27", "/quarantine"}
	for i := range webtest.Hostile {
		all = append(all, "/attachments/"+strconv.FormatInt(int64(i+1), 32))
	}
	return all
}()
