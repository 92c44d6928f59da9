// main.go - the points of test/bench/raft, measured on etcd-io/raft: arguments and the clock.
//
// Each point is measured once and printed as "name TAB unit TAB value". Names, configuration,
// storage (the library's own, in memory, compacted as often) and what is counted are the same.
// Time is that of the goroutine's thread; the garbage collector's own threads are left out, which
// is to Go's advantage.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

type point struct {
	name string
	unit string
	run  func() float64
}

var budget = 60 * time.Millisecond

const ofThisThread = 1 // RUSAGE_THREAD

func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(ofThisThread, &usage), "getrusage")
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// nanoseconds one of the operations takes that work(n) does n of.
func nanoseconds(work func(n int), chunk int) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	work(chunk)
	begin := processorTime()
	done := 0
	elapsed := time.Duration(0)
	for elapsed < budget {
		work(chunk)
		done += chunk
		elapsed = processorTime() - begin
	}
	return float64(elapsed.Nanoseconds()) / float64(done)
}

func check(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func isWanted(name string, filters []string) bool {
	for _, filter := range filters {
		if strings.Contains(name, filter) {
			return true
		}
	}
	return len(filters) == 0
}

func main() {
	filters := os.Args[1:]
	if len(filters) > 0 && filters[0] == "--quick" {
		budget = 10 * time.Millisecond
		filters = filters[1:]
	}
	for _, list := range [][]point{proposalPoints(), idlePoints(), wirePoints(), memoryPoints()} {
		for _, p := range list {
			if isWanted(p.name, filters) {
				fmt.Printf("%s\t%s\t%.3f\n", p.name, p.unit, p.run())
			}
		}
	}
}
