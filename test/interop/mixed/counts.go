// counts.go - what happened in groups, counted.
//
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

type counts struct {
	nodes, messages, applied, reads, elections, restarts byKind
	snapshots                                            [2][2]int // by sender and receiver
	lost, duplicated, overtaken, isolations, losing      int
	changes, joint, bootstrapped, beyond                 int
}

func (c *byKind) add(other byKind) {
	for k := range c {
		c[k] += other[k]
	}
}

func (c *counts) add(o *counts) {
	c.nodes.add(o.nodes)
	c.messages.add(o.messages)
	c.applied.add(o.applied)
	c.reads.add(o.reads)
	c.elections.add(o.elections)
	c.restarts.add(o.restarts)
	for from := range c.snapshots {
		for to := range c.snapshots[from] {
			c.snapshots[from][to] += o.snapshots[from][to]
		}
	}
	c.lost += o.lost
	c.duplicated += o.duplicated
	c.overtaken += o.overtaken
	c.isolations += o.isolations
	c.losing += o.losing
	c.changes += o.changes
	c.joint += o.joint
	c.bootstrapped += o.bootstrapped
	c.beyond += o.beyond
}

func (c *counts) faults() int {
	return c.lost + c.duplicated + c.overtaken + c.isolations + c.restarts[etcd] + c.restarts[ours]
}

func (c *counts) print() {
	fmt.Printf("  nodes            %v; %d groups bootstrapped, %d with libraft's own options\n", c.nodes,
		c.bootstrapped, c.beyond)
	fmt.Println("  messages sent   ", c.messages)
	fmt.Printf("  faults           %d lost, %d duplicated, %d overtaken, %d isolations\n", c.lost, c.duplicated,
		c.overtaken, c.isolations)
	fmt.Printf("  restarts         %v; %d of them with something not yet durable\n", c.restarts, c.losing)
	fmt.Println("  leaders elected ", c.elections)
	fmt.Println("  entries applied ", c.applied)
	fmt.Println("  reads answered  ", c.reads)
	fmt.Printf("  memberships      %d, %d of them joint\n", c.changes, c.joint)
	fmt.Printf("  snapshots        %d from etcd-io/raft to libraft, %d from libraft to etcd-io/raft, %d and %d among their own\n",
		c.snapshots[etcd][ours], c.snapshots[ours][etcd], c.snapshots[etcd][etcd], c.snapshots[ours][ours])
}
