//go:build !linux

package sink

import "os"

// glance reads the ID and the mark.
func (i Inspector) glance(is *Identity) error {
	return i.inStaging(func(staging *os.Root) error {
		id, err := readID(staging)
		if err != nil || id == "" {
			return err // Open would give it another one
		}
		is.ID = id
		is.Mark, err = readMark(staging)
		return err
	})
}
