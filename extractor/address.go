package extractor

import (
	"strings"

	"github.com/emersion/go-message/mail"
)

// Address is one address in From or To (RFC 5322 section 3.4).
type Address struct {
	Name    string // decoded; "" when there is none
	Address string // "hans@example.org"
}

// Local returns the local part, before the last "@"; "" if there is no "@".
func (a Address) Local() string {
	return a.Address[:max(strings.LastIndexByte(a.Address, '@'), 0)]
}

// Domain returns the domain, behind the last "@", in lower case; "" if there is no "@".
func (a Address) Domain() string {
	_, domain, _ := strings.Cut(a.Address[len(a.Local()):], "@")
	return strings.ToLower(domain)
}

// maxAddresses bounds what is kept of a field; a To of thousands is common.
const maxAddresses = 100

// addresses reads a field of addresses (RFC 5322 section 3.4). If it is broken, the words
// of its decoded text with an "@" within count.
func addresses(h *mail.Header, field, text string) []Address {
	var all []Address
	if list, err := h.AddressList(field); err == nil {
		for _, a := range list[:min(len(list), maxAddresses)] {
			all = append(all, Address{a.Name, a.Address})
		}
		return all
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,;<>()\"", r) }) {
		if i := strings.IndexByte(word, '@'); i > 0 && i < len(word)-1 && len(all) < maxAddresses {
			all = append(all, Address{Address: strings.Clone(word)})
		}
	}
	return all
}
