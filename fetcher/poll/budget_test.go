package poll

import "testing"

// TestBudget checks that one alone may hold anything, and several together only their part.
func TestBudget(t *testing.T) {
	t.Parallel()
	var b budget
	b.set(1000)
	if !b.take(&b.staged, 0, 5000, stagedPart) || b.take(&b.staged, 0, 1, stagedPart) || !b.take(&b.staged, 5000, 1, stagedPart) {
		t.Error("alone, all is allowed, and nothing beside it")
	}
	b.give(&b.staged, 5001)
	if !b.take(&b.staged, 0, 100, stagedPart) || !b.take(&b.staged, 0, 25, stagedPart) || b.take(&b.staged, 0, 1, stagedPart) || !b.take(&b.listings, 0, 250, listingPart) {
		t.Errorf("an eighth of 1000 is for messages and a fourth for listings: %+v", &b)
	}
	if b.set(0); b.limit != unlimitedMemory {
		t.Errorf("limit %d where there is none", b.limit)
	}
}
