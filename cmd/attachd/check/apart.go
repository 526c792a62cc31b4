package check

import (
	"path/filepath"

	"github.com/attachd/attachd/config"
)

// apart looks whether links bring two accounts into one folder, or one into that of another. Each
// would take the other's staging files for what a crash left, and whoever may read the one could
// read both. The loader compares the paths alone: a link may lead to a disk that does not answer.
func (f *folderCheck) apart(c *config.Config) {
	accounts := c.Enabled()
	at := make(map[string]*config.Account, len(accounts))
	real := make([]string, len(accounts))
	for i, a := range accounts {
		folder, err := filepath.EvalSymlinks(a.Output)
		if err != nil {
			continue // it is not there yet, or folder says what is wrong
		}
		real[i] = folder
		if other := at[folder]; other != nil {
			f.fault("output of account "+a.Name, "%s is also that of account %s, by a link: give them folders apart", a.Output, other.Name)
			continue
		}
		at[folder] = a
	}
	for i, a := range accounts {
		for folder := real[i]; folder != filepath.Dir(folder); {
			folder = filepath.Dir(folder)
			if other := at[folder]; other != nil {
				f.fault("output of account "+a.Name, "%s lies in that of account %s, by a link: give them folders apart", a.Output, other.Name)
				break
			}
		}
	}
}
