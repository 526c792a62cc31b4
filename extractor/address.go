package extractor

import (
	"slices"
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

// addresses reads a field of addresses (RFC 5322 section 3.4), at most so many. If it is broken,
// the words of its decoded text with an "@" within count.
func addresses(field, text string, most int) []Address {
	if field == "" {
		return nil
	}
	if a, ok := simpleAddress(field); ok {
		return []Address{a}
	}
	var all []Address
	if list, err := mail.ParseAddressList(field); err == nil {
		for _, a := range list[:min(len(list), most)] {
			all = append(all, Address{a.Name, a.Address})
		}
		return all
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,;<>()\"", r) }) {
		if i := strings.IndexByte(word, '@'); i > 0 && i < len(word)-1 && len(all) < most {
			all = append(all, Address{Address: strings.Clone(word)})
		}
	}
	return all
}

// longestSimple is the longest field, in bytes, that simpleAddress reads. An Address keeps its
// memory.
const longestSimple = 512

// simpleAddress reads a field of one address, "Hans Meier <hans@example.org>" or
// "hans@example.org", of ASCII letters, digits and ".-_+" alone. It reports false for any other,
// which may be as good. Most fields are such, and mail.ParseAddressList makes a dozen allocations.
func simpleAddress(field string) (a Address, ok bool) {
	if len(field) > longestSimple {
		return Address{}, false
	}
	a.Address = field
	if strings.HasSuffix(field, ">") {
		name, address, found := strings.Cut(field[:len(field)-1], " <")
		if !found {
			return Address{}, false
		}
		a.Name, a.Address = name, address
		for word := range strings.SplitSeq(name, " ") {
			if word == "" || strings.ContainsFunc(word, func(r rune) bool { return !isSimple(r) || r == '.' }) {
				return Address{}, false
			}
		}
	}
	local, domain, found := strings.Cut(a.Address, "@")
	if !found || !isDotted(local) || !isDotted(domain) {
		return Address{}, false
	}
	return a, true
}

// isDotted reports whether s is words of simple characters with a dot between two of them.
func isDotted(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return !isSimple(r) }) {
			return false
		}
	}
	return true
}

func isSimple(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '+'
}

// recipientFields name whom a message is for. The sender writes the first ones (RFC 5322 sections
// 3.6.3 and 3.6.6). Servers add the others, with the address of the envelope: Postfix, Dovecot and
// qmail the first two, Exim and Courier the next, Cyrus, Fastmail and old Sendmail the rest. They
// tell a blind copy, and which alias or +tag was used.
var recipientFields = []string{
	"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc",
	"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Rcpt-To", "X-Delivered-To", "Apparently-To",
}

// recipientField returns the usual spelling of one of the recipientFields, "" for any other.
func recipientField(name []byte) string {
	for _, field := range recipientFields {
		if len(field) == len(name) && strings.EqualFold(field, string(name)) {
			return field
		}
	}
	return ""
}

func isRecipient(field string) bool { return slices.Contains(recipientFields, field) }

// addressed returns all addresses in the values of recipientFields, each once. There are as many as
// fit a header; the first 64 KiB of a field count.
func addressed(values []string, decode func(string) string) []string {
	var all []string
	seen := make(map[string]bool)
	for _, value := range values {
		for _, a := range addresses(value, decode(value), keptField) {
			if folded := strings.ToLower(a.Address); !seen[folded] {
				seen[folded] = true
				all = append(all, a.Address)
			}
		}
	}
	return all
}
