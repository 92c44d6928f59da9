// cluster.go - a group in one process whose messages go straight from a Ready into the others' Step.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"log"
	"math"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

const compactEvery = 512

// startStorage is a MemoryStorage that knows its voters from the start.
type startStorage struct {
	*raft.MemoryStorage
	voters []uint64
}

func (s *startStorage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	hard, _, err := s.MemoryStorage.InitialState()
	return hard, &raftpb.ConfState{Voters: s.voters}, err
}

type member struct {
	node         *raft.RawNode
	storage      *startStorage
	applied      uint64
	appliedBytes int
	compacted    uint64
}

type cluster struct{ members []*member }

var silence = &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)}

func openMember(id uint64, voters []uint64, change func(*raft.Config)) *member {
	m := &member{storage: &startStorage{raft.NewMemoryStorage(), voters}}
	config := &raft.Config{
		ID:              id,
		ElectionTick:    10,
		HeartbeatTick:   1,
		Storage:         m.storage,
		MaxSizePerMsg:   1 << 20,
		MaxInflightMsgs: 256,
		CheckQuorum:     true,
		PreVote:         true,
		Logger:          silence,
	}
	config.MaxUncommittedEntriesSize = math.MaxUint64
	if change != nil {
		change(config)
	}
	node, err := raft.NewRawNode(config)
	check(err, "open a node")
	m.node = node
	return m
}

func openCluster(count int, change func(*raft.Config)) *cluster {
	c := &cluster{}
	voters := make([]uint64, count)
	for i := range voters {
		voters[i] = uint64(i + 1)
	}
	for _, id := range voters {
		c.members = append(c.members, openMember(id, voters, change))
	}
	check(c.members[0].node.Campaign(), "campaign")
	c.settle()
	return c
}

func (c *cluster) compact(m *member) {
	if m.applied > m.compacted {
		check(m.storage.Compact(m.applied), "compact")
		m.compacted = m.applied
	}
}

func (c *cluster) turn(m *member) bool {
	if !m.node.HasReady() {
		return false
	}
	ready := m.node.Ready()
	if !raft.IsEmptyHardState(ready.HardState) {
		check(m.storage.SetHardState(ready.HardState), "set hard state")
	}
	if len(ready.Entries) > 0 {
		check(m.storage.Append(ready.Entries), "append")
	}
	for _, message := range ready.Messages {
		check(c.members[message.GetTo()-1].node.Step(message), "step")
	}
	for _, entry := range ready.CommittedEntries {
		m.applied = entry.GetIndex()
		m.appliedBytes += len(entry.Data)
	}
	m.node.Advance(ready)
	if m.applied-m.compacted >= compactEvery {
		c.compact(m)
	}
	return true
}

func (c *cluster) settle() {
	for busy := true; busy; {
		busy = false
		for _, m := range c.members {
			busy = c.turn(m) || busy
		}
	}
}
