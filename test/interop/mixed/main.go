// main.go - groups of etcd-io/raft and libraft nodes that exchange encoded messages under loss,
// duplication, reordering, isolation, restarts, membership and leader changes.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
)

// run plays one seed. The error of a broken promise names it.
func run(seed int64, program string, steps int, total *counts) (err error) {
	g := newGroup(seed, program)
	defer g.close()
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case broken:
			err = fmt.Errorf("seed %d: %v", seed, reason)
		default:
			err = fmt.Errorf("seed %d: %v\n%s", seed, reason, debug.Stack())
		}
		total.add(&g.counts)
	}()
	for n := 0; n < steps; n++ {
		g.act()
	}
	g.heal()
	return nil
}

func main() {
	first := flag.Int64("first", 1, "first seed")
	count := flag.Int64("count", 100, "number of seeds")
	steps := flag.Int("steps", 3000, "events before the group is healed")
	program := flag.String("peer", "build/interop/peer", "the program of a libraft node")
	flag.Parse()
	differences := 0
	var total counts
	for seed := *first; seed < *first+*count; seed++ {
		if err := run(seed, *program, *steps, &total); err != nil {
			differences++
			fmt.Println("mixed:", err)
		}
	}
	total.print()
	fmt.Printf("mixed: %d groups, %d messages, %d faults, %d applied entries, %d differences (seeds %d to %d)\n",
		*count, total.messages[etcd]+total.messages[ours], total.faults(), total.applied[etcd]+total.applied[ours],
		differences, *first, *first+*count-1)
	if differences > 0 {
		os.Exit(1)
	}
}
