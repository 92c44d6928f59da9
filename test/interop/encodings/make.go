// make.go - random objects: every field absent, zero, where encodings change their length, or
// anything.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/rand"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

type maker struct{ *rand.Rand }

func (r maker) number() uint64 {
	switch r.Intn(5) {
	case 0:
		return 0
	case 1:
		return uint64(1)<<r.Intn(64) - uint64(r.Intn(2))
	case 2:
		return math.MaxUint64 - uint64(r.Intn(3))
	case 3:
		return uint64(r.Intn(300))
	}
	return r.Uint64() >> r.Intn(64)
}

func (r maker) field() *uint64 {
	if r.Intn(4) == 0 {
		return nil
	}
	return proto.Uint64(r.number())
}

func (r maker) truth() *bool {
	if r.Intn(3) == 0 {
		return nil
	}
	return proto.Bool(r.Intn(2) == 0)
}

// bytes are absent, empty or some.
func (r maker) bytes() []byte {
	switch r.Intn(4) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	data := make([]byte, r.Intn(300))
	r.Read(data)
	return data
}

func (r maker) ids() []uint64 {
	var ids []uint64
	for n := r.Intn(5); n > 0; n-- {
		ids = append(ids, r.number())
	}
	return ids
}

func (r maker) entry() *raftpb.Entry {
	entry := &raftpb.Entry{Term: r.field(), Index: r.field(), Data: r.bytes()}
	if r.Intn(3) > 0 {
		entry.Type = raftpb.EntryType(r.Intn(3)).Enum()
	}
	return entry
}

func (r maker) confState() *raftpb.ConfState {
	return &raftpb.ConfState{Voters: r.ids(), Learners: r.ids(), VotersOutgoing: r.ids(),
		LearnersNext: r.ids(), AutoLeave: r.truth()}
}

func (r maker) snapshot() *raftpb.Snapshot {
	snapshot := &raftpb.Snapshot{Data: r.bytes()}
	if r.Intn(8) > 0 {
		snapshot.Metadata = &raftpb.SnapshotMetadata{Index: r.field(), Term: r.field()}
		if r.Intn(8) > 0 {
			snapshot.Metadata.ConfState = r.confState()
		}
	}
	return snapshot
}

func (r maker) message() *raftpb.Message {
	m := &raftpb.Message{To: r.field(), From: r.field(), Term: r.field(), LogTerm: r.field(), Index: r.field(),
		Commit: r.field(), RejectHint: r.field(), Reject: r.truth(), Context: r.bytes()}
	if r.Intn(8) > 0 {
		m.Type = raftpb.MessageType(r.Intn(24)).Enum()
	}
	for n := r.Intn(6); n > 0; n-- {
		m.Entries = append(m.Entries, r.entry())
	}
	if r.Intn(3) == 0 {
		m.Snapshot = r.snapshot()
	}
	return m
}

func (r maker) changeType() *raftpb.ConfChangeType {
	if r.Intn(5) == 0 {
		return nil
	}
	return raftpb.ConfChangeType(r.Intn(4)).Enum()
}

func (r maker) changeV2() *raftpb.ConfChangeV2 {
	change := &raftpb.ConfChangeV2{Context: r.bytes()}
	if r.Intn(4) > 0 {
		change.Transition = raftpb.ConfChangeTransition(r.Intn(3)).Enum()
	}
	for n := r.Intn(5); n > 0; n-- {
		change.Changes = append(change.Changes, &raftpb.ConfChangeSingle{Type: r.changeType(), NodeId: r.field()})
	}
	return change
}

func (r maker) object(kind byte) proto.Message {
	switch kind {
	case 'm':
		return r.message()
	case 'e':
		return r.entry()
	case 'h':
		return &raftpb.HardState{Term: r.field(), Vote: r.field(), Commit: r.field()}
	case 's':
		return r.snapshot()
	case 'c':
		return r.confState()
	case '1':
		return &raftpb.ConfChange{Id: r.field(), Type: r.changeType(), NodeId: r.field(), Context: r.bytes()}
	}
	return r.changeV2()
}

func empty(kind byte) proto.Message {
	switch kind {
	case 'm':
		return &raftpb.Message{}
	case 'e':
		return &raftpb.Entry{}
	case 'h':
		return &raftpb.HardState{}
	case 's':
		return &raftpb.Snapshot{}
	case 'c':
		return &raftpb.ConfState{}
	case '1':
		return &raftpb.ConfChange{}
	}
	return &raftpb.ConfChangeV2{}
}
