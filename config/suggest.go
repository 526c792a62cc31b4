package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// elsewhere has the right place for keys that people often write one level too high, and the right
// key for names from other programs.
var elsewhere = map[string]string{
	"ca_file": "tls.ca_file", "server_name": "tls.server_name", "insecure_skip_verify": "tls.insecure_skip_verify",
	"min_version": "tls.min_version", "pin_sha256": "tls.pin_sha256", "cert_file": "tls.cert_file",
	"key_file": "tls.key_file", "starttls": "tls.mode", "stls": "tls.mode", "ssl": "tls",
	"server": "host", "hostname": "host", "login": "username", "passwd": "password", "poll": "interval",
	"level": "log.level", "format": "log.format", "loglevel": "log.level", "log_level": "log.level",
	"parts": "limits.parts", "depth": "limits.depth", "header_size": "limits.header_size",
	"passwordeval": "password_command", "disabled": "enabled", "retain": "delete_after",
	"since": startHint, "from_date": startHint, "start_date": startHint, "since_date": startHint, "newer_than": startHint,
	"max_age": startHint, "maxage": startHint, "fetch_since": startHint, "days": startHint, "not_before": startHint,
	"younger_than": startHint, "max_days": startHint, "start_from": startHint, "skip_existing": startHint, "only_new": startHint,
	"listen": "http.listen", "web": "http", "webui": "http", "status_page": "http", "prometheus": "metrics",
	"notifications": "notify", "notification": "notify", "alerts": "notify", "webhook": "notify.to", "ntfy": "notify.to",
	"slack": "notify.to", "email": "notify.to", "mail": "notify.to", "shoutrrr": "notify.to", "healthchecks": "ping", "healthcheck": "ping",
	"ping_url": "ping", "heartbeat": "ping", "recipient": "to", "expect_mail": "mail_within",
}

// startHint says which key decides how far back an account fetches.
const startHint = "start"

// hint returns the text to add to "unknown key": the key that was probably meant, or where this one
// belongs, or nothing.
func hint(key string, fields map[string]decodable) string {
	for _, s := range [...]struct {
		section any
		where   string
	}{{&rawDefaults{}, "in an account or in defaults"}, {&rawAccount{}, "in an account"}, {&rawConfig{}, "at the top level"}} {
		if _, ok := fieldsOf(reflect.ValueOf(s.section).Elem(), map[string]decodable{})[key]; ok {
			return ", it belongs " + s.where
		}
	}
	if to, ok := elsewhere[key]; ok {
		section, _, _ := strings.Cut(to, ".")
		_, ok := fields[section]
		switch {
		case ok && to == startHint:
			return `, did you mean "start"? start: 30d fetches what is younger than 30 days at the first poll, start: now only what comes from then on`
		case ok:
			return fmt.Sprintf(", did you mean %q?", to)
		case to == startHint:
			if _, top := fields["accounts"]; top {
				return `, did you mean "start" in an account or in defaults? start: 30d fetches what is younger than 30 days at the first poll, start: now only what comes from then on`
			}
		}
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	best, distance := "", max(1, len(key)/3)+1
	for _, name := range names {
		if d := edits(strings.ToLower(key), name, distance); d < distance {
			best, distance = name, d
		}
	}
	if best == "" && len(key) >= 3 {
		for _, name := range names {
			if strings.HasPrefix(name, key) {
				best = name
				break
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// edits returns the restricted Damerau-Levenshtein distance: the insertions, deletions,
// replacements and swaps of neighbours that turn a into b. It returns limit+1 if the lengths alone
// exceed limit.
func edits(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// printable returns a key for a message, up to the first character that no key has. The rest may be
// a password, if the space after the colon is missing.
func printable(key string) string {
	i := 0
	for i < len(key) && i < maxQuoted && isKeyByte(key[i]) {
		i++
	}
	if i < len(key) {
		return key[:i] + "…"
	}
	return key
}

func isKeyByte(c byte) bool {
	return c == '_' || c == '-' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
