package fetcher

import "github.com/attachd/attachd/fetcher/ledger"

// countFiles counts attachments without what only accompanies them, and without what lies in quarantine.
func countFiles(files []ledger.Attachment) int {
	n := 0
	for _, f := range files {
		if !f.Sidecar && !f.Quarantine {
			n++
		}
	}
	return n
}
