// codec.go - random messages of every type, encoded by Go, decoded and encoded again by libraft.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

type maker struct{ *rand.Rand }

// number is absent, zero, small or anything.
func (r maker) number() *uint64 {
	switch r.Intn(4) {
	case 0:
		return nil
	case 1:
		return proto.Uint64(0)
	case 2:
		return proto.Uint64(uint64(r.Intn(300)))
	}
	return proto.Uint64(r.Uint64())
}

func (r maker) bytes() []byte {
	if r.Intn(3) == 0 {
		return nil
	}
	data := make([]byte, r.Intn(200))
	r.Read(data)
	return data
}

func (r maker) ids() []uint64 {
	var ids []uint64
	for n := r.Intn(4); n > 0; n-- {
		ids = append(ids, r.Uint64()>>r.Intn(64))
	}
	return ids
}

func (r maker) message() *raftpb.Message {
	m := &raftpb.Message{Type: raftpb.MessageType(r.Intn(24)).Enum(), To: r.number(), From: r.number(),
		Term: r.number(), LogTerm: r.number(), Index: r.number(), Commit: r.number(),
		RejectHint: r.number(), Context: r.bytes()}
	if r.Intn(2) == 0 {
		m.Reject = proto.Bool(r.Intn(2) == 0)
	}
	for n := r.Intn(5); n > 0; n-- {
		entry := &raftpb.Entry{Term: r.number(), Index: r.number(), Data: r.bytes()}
		if r.Intn(2) == 0 {
			entry.Type = raftpb.EntryType(r.Intn(3)).Enum()
		}
		m.Entries = append(m.Entries, entry)
	}
	if r.Intn(4) == 0 {
		m.Snapshot = &raftpb.Snapshot{Data: r.bytes(), Metadata: &raftpb.SnapshotMetadata{
			Index: r.number(), Term: r.number(), ConfState: &raftpb.ConfState{Voters: r.ids(),
				Learners: r.ids(), VotersOutgoing: r.ids(), LearnersNext: r.ids(),
				AutoLeave: proto.Bool(r.Intn(2) == 0)}}}
	}
	return m
}

// fields are those of a message that mean something: absent and zero are the same.
func fields(m *raftpb.Message) string {
	s := fmt.Sprint(m.GetType(), m.GetTo(), m.GetFrom(), m.GetTerm(), m.GetLogTerm(), m.GetIndex(),
		m.GetCommit(), m.GetReject(), m.GetRejectHint(), m.GetContext())
	for _, e := range m.GetEntries() {
		s += fmt.Sprint("/", e.GetTerm(), e.GetIndex(), e.GetType(), e.GetData())
	}
	meta := m.GetSnapshot().GetMetadata()
	conf := meta.GetConfState()
	return s + fmt.Sprint("|", m.GetSnapshot().GetData(), meta.GetIndex(), meta.GetTerm(), conf.GetVoters(),
		conf.GetLearners(), conf.GetVotersOutgoing(), conf.GetLearnersNext(), conf.GetAutoLeave())
}

func exchange(seed int64, program string, count int) error {
	r := maker{rand.New(rand.NewSource(seed))}
	peer := newPeerNode(program, 1, 1, options{maxSize: 1, maxInflight: 1})
	defer peer.close()
	for n := 0; n < count; n++ {
		sent := r.message()
		data, err := proto.Marshal(sent)
		if err != nil {
			return err
		}
		code, records := peer.call('e', 0, 0, data)
		if code != 0 || records[0].letter != 'e' {
			return fmt.Errorf("libraft does not decode %x (%v): %d", data, sent, code)
		}
		back := &raftpb.Message{}
		if err := proto.Unmarshal(records[0].data, back); err != nil {
			return fmt.Errorf("Go does not decode %x: %w", records[0].data, err)
		}
		if fields(sent) != fields(back) {
			return fmt.Errorf("message %v came back as %v", sent, back)
		}
	}
	return nil
}
