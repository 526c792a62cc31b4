// Package sinktest says what every [delivery.Sink] must do, and has one in memory.
//
// A package that implements a sink runs [Test] in its own tests, on a [Place] of its kind: a
// folder, a bucket, a share. Run it with -race, too: the sink is called from two goroutines as a
// poll does.
//
// [Memory] is the sink for tests of what stands upon one. It does all that a folder does, keeps
// files in maps, and has a place where a test can fail each step.
package sinktest
