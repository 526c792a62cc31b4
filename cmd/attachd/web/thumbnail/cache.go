package thumbnail

import "container/list"

// cache keeps what was made last, by the digest of the file.
type cache struct {
	entries map[[32]byte]*list.Element
	order   list.List // of cached, the one used last in front
	bytes   int
}

// entry is a thumbnail, or why there is none.
type entry struct {
	png []byte
	err error
}

type cached struct {
	sum [32]byte
	entry
}

// overhead is about how many bytes an entry takes beside its picture.
const overhead = 256

func (c *cached) size() int { return overhead + len(c.png) }

func (c *cache) get(sum [32]byte) (entry, bool) {
	at, ok := c.entries[sum]
	if !ok {
		return entry{}, false
	}
	c.order.MoveToFront(at)
	return at.Value.(*cached).entry, true
}

func (c *cache) put(sum [32]byte, e entry) {
	if c.entries == nil {
		c.entries = make(map[[32]byte]*list.Element)
	}
	is := &cached{sum, e}
	c.entries[sum] = c.order.PushFront(is)
	for c.bytes += is.size(); c.bytes > cacheSize; {
		oldest := c.order.Remove(c.order.Back()).(*cached)
		delete(c.entries, oldest.sum)
		c.bytes -= oldest.size()
	}
}
