package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/attachd/attachd/cmd/attachd/status"
)

const (
	maxNear  = 5
	maxSlips = 2
)

// closest are the accounts whose names come close to one that there isn't: with some letters
// wrong, missing or too many, or with it as a part. The closest is first.
func closest(name string, all []status.Account) []string {
	type candidate struct {
		name  string
		slips int
	}
	var found []candidate
	wanted := []rune(strings.ToLower(name))
	for i := range all {
		other := strings.ToLower(all[i].Name)
		slips := distance(wanted, []rune(other), maxSlips)
		if len(wanted) > maxSlips && slips > maxSlips && (strings.Contains(other, string(wanted)) || len(other) > maxSlips && strings.Contains(string(wanted), other)) {
			slips = maxSlips
		}
		if slips <= maxSlips && slips < len(wanted) {
			found = append(found, candidate{all[i].Name, slips})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.slips, b.slips), byName(a.name, b.name)) })
	names := make([]string, 0, maxNear)
	for _, c := range found[:min(len(found), maxNear)] {
		names = append(names, c.name)
	}
	return names
}

// distance is how many letters have to be put in, taken out, replaced or swapped with the next one
// to make b of a. Beyond most it is any greater number.
func distance(a, b []rune, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, row, two := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > most {
			return most + 1
		}
	}
	return rows[len(a)%3][len(b)]
}
