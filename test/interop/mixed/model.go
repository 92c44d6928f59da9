// model.go - an etcd-io/raft node with its storage, and what an application does for it.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"log"
	"reflect"
	"unsafe"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

type modelNode struct {
	config  raft.Config
	storage *raft.MemoryStorage
	raw     *raft.RawNode
	members *raftpb.ConfState // as of applied
	applied uint64
	seed    uint64
	records []record

	// Of an asynchronous node: what waits for its storage threads, and what these answered.
	toAppend, toApply, toSelf []*raftpb.Message
}

func newModelNode(id, voters uint64, o options) *modelNode {
	m := &modelNode{storage: raft.NewMemoryStorage(), members: &raftpb.ConfState{}, seed: o.seed + id}
	if voters > 0 {
		m.start(voters)
	}
	m.config = raft.Config{ID: id, ElectionTick: 10, HeartbeatTick: 1, Storage: m.storage,
		Applied: m.applied, MaxSizePerMsg: o.maxSize, MaxInflightMsgs: int(o.maxInflight),
		CheckQuorum: o.checkQuorum, PreVote: o.preVote, AsyncStorageWrites: o.async,
		StepDownOnRemoval: o.stepDown, MaxUncommittedEntriesSize: o.maxUncommitted,
		MaxCommittedSizePerReady: o.maxCommitted, DisableProposalForwarding: o.noForwarding,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)}}
	m.open()
	return m
}

func (m *modelNode) start(voters uint64) {
	for i := uint64(1); i <= voters; i++ {
		m.members.Voters = append(m.members.Voters, i)
	}
	m.applied = startIndex
	must(m.storage.ApplySnapshot(&raftpb.Snapshot{Data: []byte("start"), Metadata: &raftpb.SnapshotMetadata{
		ConfState: m.members, Index: proto.Uint64(startIndex), Term: proto.Uint64(1)}}))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (m *modelNode) open() {
	raw, err := raft.NewRawNode(&m.config)
	must(err)
	m.raw = raw
}

func (m *modelNode) close() {}

func few(count int) byte { return byte(min(count, 255)) }

func (m *modelNode) call(letter byte, a, b uint64, data []byte) (int32, []record) {
	m.records = nil
	err := m.serve(letter, a, b, data)
	status := m.raw.BasicStatus()
	m.put('i', status.GetTerm(), status.Lead, []byte{byte(status.RaftState), few(len(m.toAppend)),
		few(len(m.toApply)), few(len(m.toSelf)), byte(truth(m.raw.HasReady()))})
	if err != nil {
		return 1, m.records
	}
	return 0, m.records
}

func (m *modelNode) put(letter byte, a, b uint64, data []byte) {
	m.records = append(m.records, record{Letter: letter, A: a, B: b, Data: data})
}

// --- requests ---

func (m *modelNode) serve(letter byte, a, b uint64, data []byte) error {
	switch letter {
	case 'w':
		m.work()
	case 'A':
		m.appendOne()
	case 'Y':
		m.applyOne()
	case 'D':
		return m.hearOne()
	case 'r':
		m.restart(b == 1, data)
	case 'k':
		m.compact(b, data)
	case 't':
		m.setTimeout()
		m.raw.Tick()
	default:
		return m.ask(letter, a, b, data)
	}
	return nil
}

func (m *modelNode) ask(letter byte, a, b uint64, data []byte) error {
	switch letter {
	case 'b':
		var peers []raft.Peer
		for id := uint64(1); id <= b; id++ {
			peers = append(peers, raft.Peer{ID: id})
		}
		return m.raw.Bootstrap(peers)
	case 'h':
		return m.raw.Campaign()
	case 'g':
		return m.raw.ForgetLeader()
	case 's':
		message := &raftpb.Message{}
		must(proto.Unmarshal(data, message))
		return m.raw.Step(message)
	case 'p':
		return m.raw.Propose(data)
	case 'c':
		change := &raftpb.ConfChangeV2{}
		must(proto.Unmarshal(data, change))
		return m.raw.ProposeConfChange(change)
	case 'C':
		change := &raftpb.ConfChange{}
		must(proto.Unmarshal(data, change))
		return m.raw.ProposeConfChange(change)
	case 'q':
		m.raw.ReadIndex(data)
	case 'l':
		m.raw.TransferLeader(a)
	case 'f':
		status := raft.SnapshotFailure
		if b != 0 {
			status = raft.SnapshotFinish
		}
		m.raw.ReportSnapshot(a, status)
	case 'u':
		m.raw.ReportUnreachable(a)
	default:
		return errors.New("no such request")
	}
	return nil
}

// setTimeout makes the election timeout a function of seed and term: the model draws it.
func (m *modelNode) setTimeout() {
	field := reflect.ValueOf(m.raw).Elem().FieldByName("raft").Elem().FieldByName("randomizedElectionTimeout")
	drawn := (m.seed*2654435761 + m.raw.BasicStatus().GetTerm()*40503) >> 7 % 10
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().SetInt(int64(10 + drawn))
}

func (m *modelNode) compact(upTo uint64, data []byte) {
	m.storage.CreateSnapshot(m.applied, m.members, data)
	// Not further than the node has heard that it is applied.
	if upTo = min(upTo, m.raw.BasicStatus().Applied); upTo > 0 {
		m.storage.Compact(upTo)
	}
}

// restart loses what is not durable; wrote: the next Ready still was.
func (m *modelNode) restart(wrote bool, data []byte) {
	if wrote && !m.config.AsyncStorageWrites && m.raw.HasReady() {
		ready := m.raw.Ready()
		m.save(ready.HardState, ready.Entries, ready.Snapshot)
	}
	m.compact(0, data)
	m.toAppend, m.toApply, m.toSelf = nil, nil, nil
	// What was applied was committed, whether or not the disk has heard of it.
	if hard, _, _ := m.storage.InitialState(); hard.GetCommit() < m.applied {
		m.storage.SetHardState(&raftpb.HardState{Term: proto.Uint64(hard.GetTerm()),
			Vote: proto.Uint64(hard.GetVote()), Commit: proto.Uint64(m.applied)})
	}
	m.config.Applied = m.applied
	m.open()
}

// --- the disk and the state machine ---

func (m *modelNode) save(hard *raftpb.HardState, entries []*raftpb.Entry, snapshot *raftpb.Snapshot) {
	if !raft.IsEmptyHardState(hard) {
		must(m.storage.SetHardState(hard))
	}
	if !raft.IsEmptySnap(snapshot) {
		must(m.storage.ApplySnapshot(snapshot))
		meta := snapshot.GetMetadata()
		m.members = meta.GetConfState()
		m.applied = meta.GetIndex()
		m.put('s', meta.GetIndex(), meta.GetTerm(), snapshot.GetData())
		m.putMembers()
	}
	must(m.storage.Append(entries))
}

func (m *modelNode) putMembers() {
	data, err := proto.Marshal(m.members)
	must(err)
	m.put('c', m.applied, 0, data)
}

// apply leaves out what a snapshot overtook.
func (m *modelNode) apply(entries []*raftpb.Entry) {
	for _, entry := range entries {
		if entry.GetIndex() <= m.applied {
			continue
		}
		change := changeIn(entry)
		if change != nil && m.overtaken() {
			return
		}
		m.applied = entry.GetIndex()
		m.put('a', entry.GetIndex(), entry.GetTerm(), append([]byte{byte(entry.GetType())}, entry.GetData()...))
		if change != nil {
			m.members = m.raw.ApplyConfChange(change)
			m.putMembers()
		}
	}
}

// overtaken: a snapshot has come in, its membership is in force. The model would apply an older
// change to that.
func (m *modelNode) overtaken() bool {
	unstable := reflect.ValueOf(m.raw).Elem().FieldByName("raft").Elem().FieldByName("raftLog").Elem().FieldByName("unstable")
	return !unstable.FieldByName("snapshot").IsNil()
}

func changeIn(entry *raftpb.Entry) raftpb.ConfChangeI {
	switch entry.GetType() {
	case raftpb.EntryConfChange:
		change := &raftpb.ConfChange{}
		must(proto.Unmarshal(entry.GetData(), change))
		return change
	case raftpb.EntryConfChangeV2:
		change := &raftpb.ConfChangeV2{}
		must(proto.Unmarshal(entry.GetData(), change))
		return change
	}
	return nil
}

// --- Readies ---

func (m *modelNode) work() {
	for m.raw.HasReady() {
		ready := m.raw.Ready()
		if !m.config.AsyncStorageWrites {
			m.save(ready.HardState, ready.Entries, ready.Snapshot)
		}
		for _, message := range ready.Messages {
			m.send(message)
		}
		for _, read := range ready.ReadStates {
			m.put('q', read.Index, 0, read.RequestCtx)
		}
		if !m.config.AsyncStorageWrites {
			m.apply(ready.CommittedEntries)
			m.raw.Advance(ready)
		}
	}
}

func (m *modelNode) send(message *raftpb.Message) {
	switch message.GetTo() {
	case raft.LocalAppendThread:
		m.toAppend = append(m.toAppend, message)
	case raft.LocalApplyThread:
		m.toApply = append(m.toApply, message)
	case m.config.ID:
		m.toSelf = append(m.toSelf, message)
	default:
		data, err := proto.Marshal(message)
		must(err)
		m.put('m', message.GetTo(), uint64(message.GetType()), data)
	}
}

// --- the threads of an asynchronous node ---

func (m *modelNode) appendOne() {
	if len(m.toAppend) == 0 {
		return
	}
	work := m.toAppend[0]
	m.toAppend = m.toAppend[1:]
	hard := &raftpb.HardState{Term: proto.Uint64(work.GetTerm()), Vote: proto.Uint64(work.GetVote()),
		Commit: proto.Uint64(work.GetCommit())}
	m.save(hard, work.GetEntries(), work.GetSnapshot())
	for _, response := range work.GetResponses() {
		m.send(response)
	}
}

func (m *modelNode) applyOne() {
	if len(m.toApply) == 0 {
		return
	}
	work := m.toApply[0]
	m.toApply = m.toApply[1:]
	m.apply(work.GetEntries())
	for _, response := range work.GetResponses() {
		m.send(response)
	}
}

func (m *modelNode) hearOne() error {
	if len(m.toSelf) == 0 {
		return nil
	}
	message := m.toSelf[0]
	m.toSelf = m.toSelf[1:]
	return m.raw.Step(message)
}
