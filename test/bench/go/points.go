// points.go - what is measured, under the names of test/bench/raft.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

const chunk = 2048

func plural(count int) string {
	if count == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", count)
}

// ---- proposals ----

func propose(nodes, batch, size int) float64 {
	c := openCluster(nodes, nil)
	leader := c.members[0].node
	payload := make([]byte, size)
	single := func(n int) {
		for range n {
			check(leader.Propose(payload), "propose")
			c.settle()
		}
	}
	batches := func(n int) {
		for done := 0; done < n; done += batch {
			entries := make([]*raftpb.Entry, batch)
			for i := range entries {
				entries[i] = &raftpb.Entry{Data: payload}
			}
			message := &raftpb.Message{
				Type: raftpb.MsgProp.Enum(), From: proto.Uint64(1), Entries: entries,
			}
			check(leader.Step(message), "propose a batch")
			c.settle()
		}
	}
	if batch == 1 {
		return nanoseconds(single, chunk)
	}
	return nanoseconds(batches, chunk)
}

func proposalPoints() []point {
	var points []point
	for _, nodes := range []int{1, 3, 5} {
		for _, batch := range []int{1, 64, 1024} {
			for _, size := range []int{16, 256} {
				name := fmt.Sprintf("propose, %s, batch %d, %d B", plural(nodes), batch, size)
				run := func() float64 { return propose(nodes, batch, size) }
				points = append(points, point{name, "ns", run})
			}
		}
	}
	// Payloads are never copied here: the same figures stand beside those of shared ones.
	for _, p := range [][2]int{{1, 1}, {3, 1}, {3, 64}, {3, 1024}} {
		name := fmt.Sprintf("propose shared, %s, batch %d, 256 B", plural(p[0]), p[1])
		points = append(points, point{name, "ns", func() float64 { return propose(p[0], p[1], 256) }})
	}
	return points
}

// ---- idle groups ----

func slowClock(config *raft.Config) {
	config.ElectionTick = 1 << 30
	config.HeartbeatTick = 1 << 29
}

var sink int

func takeReady(node *raft.RawNode) {
	if node.HasReady() {
		ready := node.Ready()
		sink += len(ready.Messages)
		node.Advance(ready)
	}
}

func leaderRound(count int) float64 {
	c := openCluster(count, nil)
	node := c.members[0].node
	term := node.BasicStatus().HardState.GetTerm()
	return nanoseconds(func(n int) {
		for range n {
			node.Tick()
			takeReady(node)
			for id := 2; id <= count; id++ {
				answer := &raftpb.Message{
					Type: raftpb.MsgHeartbeatResp.Enum(), From: proto.Uint64(uint64(id)),
					To: proto.Uint64(1), Term: proto.Uint64(term),
				}
				check(node.Step(answer), "step")
			}
			takeReady(node)
		}
	}, chunk)
}

func followerHeartbeat() float64 {
	c := openCluster(3, nil)
	node := c.members[1].node
	state := node.BasicStatus().HardState
	term, commit := state.GetTerm(), state.GetCommit()
	return nanoseconds(func(n int) {
		for range n {
			heartbeat := &raftpb.Message{
				Type: raftpb.MsgHeartbeat.Enum(), From: proto.Uint64(1), To: proto.Uint64(2),
				Term: proto.Uint64(term), Commit: proto.Uint64(commit),
			}
			check(node.Step(heartbeat), "step")
			takeReady(node)
		}
	}, chunk)
}

func ticks(position int) float64 {
	node := openCluster(3, slowClock).members[position].node
	return nanoseconds(func(n int) {
		for range n {
			node.Tick()
		}
	}, chunk)
}

func ticksInTurn() float64 {
	const groups = 10000
	nodes := make([]*raft.RawNode, groups)
	for i := range nodes {
		nodes[i] = openCluster(3, slowClock).members[1].node
	}
	return nanoseconds(func(n int) {
		for i := range n {
			nodes[i].Tick()
		}
	}, groups)
}

func questions() float64 {
	node := openCluster(3, slowClock).members[1].node
	return nanoseconds(func(n int) {
		for range n {
			if node.HasReady() {
				sink++
			}
		}
	}, chunk)
}

func idlePoints() []point {
	return []point{
		{"heartbeat round, leader of 3", "ns", func() float64 { return leaderRound(3) }},
		{"heartbeat round, leader of 5", "ns", func() float64 { return leaderRound(5) }},
		{"heartbeat, follower of 3", "ns", followerHeartbeat},
		{"tick, idle follower of 3", "ns", func() float64 { return ticks(1) }},
		{"tick, idle leader of 3", "ns", func() float64 { return ticks(0) }},
		{"tick, idle follower, 10 000 groups of 3 in turn", "ns", ticksInTurn},
		{"has_ready, no work", "ns", questions},
	}
}

// ---- bytes ----

func anAppend(count int) *raftpb.Message {
	message := &raftpb.Message{
		Type: raftpb.MsgApp.Enum(), From: proto.Uint64(1), To: proto.Uint64(2), Term: proto.Uint64(7),
		LogTerm: proto.Uint64(7), Index: proto.Uint64(100000), Commit: proto.Uint64(100000),
	}
	for i := range count {
		message.Entries = append(message.Entries, &raftpb.Entry{
			Term: proto.Uint64(7), Index: proto.Uint64(uint64(100001 + i)), Data: make([]byte, 256),
		})
	}
	return message
}

func encoding(count int) float64 {
	message := anAppend(count)
	return nanoseconds(func(n int) {
		for range n {
			bytes, err := proto.Marshal(message)
			check(err, "encode")
			sink += len(bytes)
		}
	}, chunk/8)
}

func decoding(count int) float64 {
	bytes, err := proto.Marshal(anAppend(count))
	check(err, "encode")
	return nanoseconds(func(n int) {
		for range n {
			message := &raftpb.Message{}
			check(proto.Unmarshal(bytes, message), "decode")
			sink += len(message.Entries)
		}
	}, chunk/8)
}

func wirePoints() []point {
	return []point{
		{"encode an append, 1 entry of 256 B", "ns", func() float64 { return encoding(1) }},
		{"encode an append, 64 entries of 256 B", "ns", func() float64 { return encoding(64) }},
		{"decode an append, 1 entry of 256 B", "ns", func() float64 { return decoding(1) }},
		{"decode an append, 64 entries of 256 B", "ns", func() float64 { return decoding(64) }},
	}
}

// ---- memory ----

func (c *cluster) tick() {
	for _, m := range c.members {
		m.node.Tick()
	}
	c.settle()
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// bytesOf is what goes when many idle nodes go, their storage left alone.
func bytesOf(nodes, position int) float64 {
	const groups = 300
	clusters := make([]*cluster, groups)
	payload := make([]byte, 256)
	for i := range clusters {
		c := openCluster(nodes, nil)
		for range 100 {
			check(c.members[0].node.Propose(payload), "propose")
			c.settle()
		}
		for _, m := range c.members {
			c.compact(m)
		}
		for range 20 {
			c.tick()
		}
		clusters[i] = c
	}
	before := heap()
	for _, c := range clusters {
		c.members[position].node = nil
	}
	after := heap()
	runtime.KeepAlive(clusters)
	return float64(before-after) / groups
}

func allocations(nodes int, work func(c *cluster)) float64 {
	const operations = 10000
	var before, after runtime.MemStats
	c := openCluster(nodes, nil)
	for range 100 {
		work(c)
	}
	runtime.ReadMemStats(&before)
	for range operations {
		work(c)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / operations
}

func memoryPoints() []point {
	payload := make([]byte, 256)
	one := func(c *cluster) {
		check(c.members[0].node.Propose(payload), "propose")
		c.settle()
	}
	return []point{
		{"memory, idle node alone", "B", func() float64 { return bytesOf(1, 0) }},
		{"memory, idle leader of 3", "B", func() float64 { return bytesOf(3, 0) }},
		{"memory, idle follower of 3", "B", func() float64 { return bytesOf(3, 2) }},
		{"memory, idle leader of 5", "B", func() float64 { return bytesOf(5, 0) }},
		{"memory, idle follower of 5", "B", func() float64 { return bytesOf(5, 4) }},
		{"allocations, proposal, 1 node", "calls", func() float64 { return allocations(1, one) }},
		{"allocations, proposal, all of 3 nodes", "calls", func() float64 { return allocations(3, one) }},
		{"allocations, heartbeat round, all of 3 nodes", "calls", func() float64 {
			return allocations(3, (*cluster).tick)
		}},
	}
}
