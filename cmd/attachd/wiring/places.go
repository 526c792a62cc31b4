package wiring

import (
	"os"
	"runtime"
	"sync"

	"github.com/attachd/attachd/extractor/sink"
)

// A goroutine that waits for the disk keeps its place among those that may run (GOMAXPROCS) until
// the Go runtime notices, some 30 µs later. On one or two processors, the goroutines that fsync
// often have all places, while mail waits on the line. With leastPlaces there is one to go on.
// Between polls with much mail there are as many as usual, as polls that find nothing take a little
// longer with more. Large files take longer on the line than in fsyncs: with more places, a visit
// with such files is no faster, and takes 4 % more of the processor.
const (
	leastPlaces = 4
	// manyFiles is how many files a visit stages before it takes more places, which stops all
	// goroutines for a moment.
	manyFiles = 100
	// largeFile is how many bytes a file has that does not count.
	largeFile = 256 << 10
)

// notLarge returns how many files count.
func notLarge(files []*sink.Staged) (n int) {
	for _, f := range files {
		if f.Size < largeFile {
			n++
		}
	}
	return n
}

// places counts the visits that need more places.
var places struct {
	sync.Mutex
	visits int // guarded by the mutex
}

// takePlaces makes more places, until freePlaces is called as often. GOMAXPROCS in the environment
// takes precedence.
func takePlaces() {
	places.Lock()
	defer places.Unlock()
	places.visits++
	if places.visits == 1 && os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < leastPlaces {
		runtime.GOMAXPROCS(leastPlaces)
	}
}

func freePlaces() {
	places.Lock()
	defer places.Unlock()
	places.visits--
	if places.visits == 0 && os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS()
	}
}
