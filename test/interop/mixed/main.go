// main.go - groups of etcd-io/raft and libraft nodes that exchange encoded messages under loss,
// duplication, reordering, isolation and restarts; and messages decoded and encoded by both.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
)

// run plays one seed. The error of a broken promise names it.
func run(seed int64, program string, steps int, total *group) (err error) {
	g := newGroup(seed, program)
	defer g.close()
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("seed %d: %v", seed, reason)
		}
		total.applied += g.applied
		total.faults += g.faults
		total.messages += g.messages
		total.snapshots += g.snapshots
		total.reads += g.reads
	}()
	for n := 0; n < steps; n++ {
		g.act()
	}
	g.heal()
	return nil
}

func main() {
	first := flag.Int64("first", 1, "first seed")
	count := flag.Int64("count", 50, "number of seeds")
	steps := flag.Int("steps", 3000, "events before the group is healed")
	messages := flag.Int("messages", 20000, "random messages that both decode and encode")
	program := flag.String("peer", "build/interop/peer", "the program of a libraft node")
	flag.Parse()
	broken := 0
	report := func(err error) {
		if err != nil {
			broken++
			fmt.Println("mixed:", err)
		}
	}
	var total group
	for seed := *first; seed < *first+*count; seed++ {
		report(run(seed, *program, *steps, &total))
	}
	report(exchange(*first, *program, *messages))
	fmt.Printf("mixed: %d groups, %d messages, %d faults, %d applied entries, %d snapshots taken in, "+
		"%d reads; %d random messages by both codecs; %d differences\n", *count, total.messages, total.faults,
		total.applied, total.snapshots, total.reads, *messages, broken)
	if broken > 0 {
		os.Exit(1)
	}
}
