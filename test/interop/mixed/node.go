// node.go - a member of a mixed group: an etcd-io/raft node in this process (model.go), or a
// libraft node in a process of its own. Both take the same requests and answer with the same
// records (../peer/peer.c).
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"

	"libraft.example/interop/frames"
)

const startIndex = 10

type record = frames.Record

// node is one member. call returns libraft's error code, or 1 for an error of etcd-io/raft.
type node interface {
	call(letter byte, a, b uint64, data []byte) (code int32, records []record)
	close()
}

type kind int

const (
	etcd kind = iota
	ours
)

func (k kind) String() string { return [...]string{"etcd-io/raft", "libraft"}[k] }

// byKind counts something for each kind of node.
type byKind [2]int

func (c byKind) String() string {
	return fmt.Sprintf("%d by etcd-io/raft, %d by libraft", c[etcd], c[ours])
}

type options struct {
	preVote, checkQuorum, async, stepDown, noForwarding bool
	maxSize, maxInflight, maxUncommitted, maxCommitted  uint64
	seed                                                uint64

	// What only libraft has.
	handOver, batch, skipCommit, commitInVotes bool
	priority                                   int64
	unpersisted                                uint64
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// newNode makes one that starts with voters 1 to n, or with nothing.
func newNode(k kind, program string, id, voters uint64, o options) node {
	if k == etcd {
		return newModelNode(id, voters, o)
	}
	p, err := frames.Start(program)
	if err != nil {
		panic(fmt.Sprint("a libraft node does not start: ", err))
	}
	var data []byte
	for _, n := range []uint64{truth(o.preVote), truth(o.checkQuorum), o.maxSize, o.maxInflight, o.seed + id,
		truth(o.async), truth(o.stepDown), o.maxUncommitted, o.maxCommitted, truth(o.noForwarding),
		truth(o.handOver), truth(o.batch), truth(o.skipCommit), truth(o.commitInVotes), uint64(o.priority),
		o.unpersisted} {
		data = binary.LittleEndian.AppendUint64(data, n)
	}
	if code, _ := p.Call('o', id, voters, data); code != 0 {
		panic(fmt.Sprint("a libraft node does not open: ", code))
	}
	return &peerNode{p}
}

type peerNode struct{ program *frames.Program }

func (p *peerNode) call(letter byte, a, b uint64, data []byte) (int32, []record) {
	return p.program.Call(letter, a, b, data)
}

func (p *peerNode) close() { p.program.Close() }
