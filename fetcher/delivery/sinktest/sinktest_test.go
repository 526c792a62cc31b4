package sinktest_test

import (
	"testing"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/delivery/sinktest"
)

type place struct{ *sinktest.Memory }

func (p place) Open(*testing.T) delivery.Sink { return p.Memory }

func (p place) Files(*testing.T) map[string]string {
	all := make(map[string]string)
	for path, body := range p.Memory.Files() {
		all[path] = string(body)
	}
	return all
}

// TestMemory: the sink in memory is one.
func TestMemory(t *testing.T) {
	t.Parallel()
	sinktest.Test(t, func(*testing.T) sinktest.Place { return place{&sinktest.Memory{Room: 1 << 30}} })
}
