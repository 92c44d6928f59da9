// node.go - a member of a mixed group: an etcd-io/raft node in this process, or a libraft node in a
// process of its own. Both take the same requests and answer with the same records (../peer/peer.c).
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"reflect"
	"unsafe"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

const startIndex = 10

type record struct {
	letter byte
	a, b   uint64
	data   []byte
}

// node is one member. call returns libraft's error code, or 1 for an error of etcd-io/raft.
type node interface {
	call(letter byte, a, b uint64, data []byte) (code int32, records []record)
	name() string
	close()
}

type options struct {
	preVote, checkQuorum bool
	maxSize, maxInflight uint64
	seed                 uint64
}

// --- libraft, behind pipes ---

type peerNode struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func newPeerNode(program string, id, voters uint64, o options) *peerNode {
	p := &peerNode{command: exec.Command(program)}
	p.command.Stderr = os.Stderr
	p.in, _ = p.command.StdinPipe()
	out, _ := p.command.StdoutPipe()
	p.out = bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		log.Fatal("mixed: ", err)
	}
	var data []byte
	for _, n := range []uint64{truth(o.preVote), truth(o.checkQuorum), o.maxSize, o.maxInflight, o.seed + id} {
		data = binary.LittleEndian.AppendUint64(data, n)
	}
	if code, _ := p.call('o', id, voters, data); code != 0 {
		log.Fatalf("mixed: a libraft node did not open: %d", code)
	}
	return p
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (p *peerNode) name() string { return "libraft" }

func (p *peerNode) close() {
	p.in.Close()
	p.command.Wait()
}

func (p *peerNode) call(letter byte, a, b uint64, data []byte) (int32, []record) {
	frame := binary.LittleEndian.AppendUint32(nil, uint32(17+len(data)))
	frame = append(frame, letter)
	frame = binary.LittleEndian.AppendUint64(frame, a)
	frame = binary.LittleEndian.AppendUint64(frame, b)
	if _, err := p.in.Write(append(frame, data...)); err != nil {
		panic(fmt.Sprint("a libraft node is gone: ", err))
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(p.out, head); err != nil {
		panic(fmt.Sprint("a libraft node is gone: ", err))
	}
	answer := make([]byte, binary.LittleEndian.Uint32(head))
	if _, err := io.ReadFull(p.out, answer); err != nil {
		panic(fmt.Sprint("a libraft node is gone: ", err))
	}
	code := int32(binary.LittleEndian.Uint32(answer))
	var records []record
	for answer = answer[4:]; len(answer) > 0; {
		size := binary.LittleEndian.Uint32(answer[17:])
		records = append(records, record{answer[0], binary.LittleEndian.Uint64(answer[1:]),
			binary.LittleEndian.Uint64(answer[9:]), answer[21 : 21+size]})
		answer = answer[21+size:]
	}
	return code, records
}

// --- etcd-io/raft, in this process ---

type modelNode struct {
	config  raft.Config
	storage *raft.MemoryStorage
	raw     *raft.RawNode
	members *raftpb.ConfState
	seed    uint64
	records []record
}

func newModelNode(id, voters uint64, o options) *modelNode {
	m := &modelNode{storage: raft.NewMemoryStorage(), members: &raftpb.ConfState{}, seed: o.seed + id}
	for i := uint64(1); i <= voters; i++ {
		m.members.Voters = append(m.members.Voters, i)
	}
	start := &raftpb.Snapshot{Data: []byte("start"), Metadata: &raftpb.SnapshotMetadata{
		ConfState: m.members, Index: proto.Uint64(startIndex), Term: proto.Uint64(1)}}
	if err := m.storage.ApplySnapshot(start); err != nil {
		panic(err)
	}
	m.config = raft.Config{ID: id, ElectionTick: 10, HeartbeatTick: 1, Storage: m.storage,
		Applied: startIndex, MaxSizePerMsg: o.maxSize, MaxInflightMsgs: int(o.maxInflight),
		CheckQuorum: o.checkQuorum, PreVote: o.preVote,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)}}
	m.open()
	return m
}

func (m *modelNode) open() {
	raw, err := raft.NewRawNode(&m.config)
	if err != nil {
		panic(err)
	}
	m.raw = raw
}

func (m *modelNode) name() string { return "etcd-io/raft" }
func (m *modelNode) close()       {}

func (m *modelNode) call(letter byte, a, b uint64, data []byte) (int32, []record) {
	m.records = nil
	err := m.serve(letter, a, b, data)
	m.work()
	status := m.raw.BasicStatus()
	m.records = append(m.records, record{'i', status.GetTerm(), status.Lead, []byte{byte(status.RaftState)}})
	if err != nil {
		return 1, m.records
	}
	return 0, m.records
}

func (m *modelNode) serve(letter byte, a, b uint64, data []byte) error {
	switch letter {
	case 'r':
		m.compact(a, 0, data)
		m.config.Applied = a
		m.open()
	case 'k':
		m.compact(a, b, data)
	case 't':
		m.setTimeout()
		m.raw.Tick()
	case 'h':
		return m.raw.Campaign()
	case 's':
		message := &raftpb.Message{}
		if err := proto.Unmarshal(data, message); err != nil {
			return err
		}
		return m.raw.Step(message)
	case 'p':
		return m.raw.Propose(data)
	case 'c':
		change := &raftpb.ConfChangeV2{}
		if err := proto.Unmarshal(data, change); err != nil {
			return err
		}
		return m.raw.ProposeConfChange(change)
	case 'q':
		m.raw.ReadIndex(data)
	case 'l':
		m.raw.TransferLeader(a)
	case 'f':
		m.raw.ReportSnapshot(a, map[bool]raft.SnapshotStatus{true: raft.SnapshotFinish, false: raft.SnapshotFailure}[b != 0])
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

func (m *modelNode) compact(index, upTo uint64, data []byte) {
	m.storage.CreateSnapshot(index, m.members, data)
	if upTo > 0 {
		m.storage.Compact(upTo)
	}
}

func (m *modelNode) work() {
	for m.raw.HasReady() {
		ready := m.raw.Ready()
		if !raft.IsEmptyHardState(ready.HardState) {
			m.storage.SetHardState(ready.HardState)
		}
		if !raft.IsEmptySnap(ready.Snapshot) {
			if err := m.storage.ApplySnapshot(ready.Snapshot); err != nil {
				panic(err)
			}
			meta := ready.Snapshot.GetMetadata()
			m.members = meta.GetConfState()
			m.records = append(m.records, record{'s', meta.GetIndex(), meta.GetTerm(), ready.Snapshot.GetData()})
		}
		if err := m.storage.Append(ready.Entries); err != nil {
			panic(err)
		}
		for _, message := range ready.Messages {
			data, err := proto.Marshal(message)
			if err != nil {
				panic(err)
			}
			m.records = append(m.records, record{'m', message.GetTo(), uint64(message.GetType()), data})
		}
		for _, read := range ready.ReadStates {
			m.records = append(m.records, record{'q', read.Index, 0, read.RequestCtx})
		}
		for _, entry := range ready.CommittedEntries {
			m.apply(entry)
		}
		m.raw.Advance(ready)
	}
}

func (m *modelNode) apply(entry *raftpb.Entry) {
	var change raftpb.ConfChangeI
	switch entry.GetType() {
	case raftpb.EntryConfChange:
		v1 := &raftpb.ConfChange{}
		if err := proto.Unmarshal(entry.GetData(), v1); err != nil {
			panic(err)
		}
		change = v1
	case raftpb.EntryConfChangeV2:
		v2 := &raftpb.ConfChangeV2{}
		if err := proto.Unmarshal(entry.GetData(), v2); err != nil {
			panic(err)
		}
		change = v2
	}
	if change != nil {
		m.members = m.raw.ApplyConfChange(change)
	}
	m.records = append(m.records, record{'a', entry.GetIndex(), entry.GetTerm(),
		append([]byte{byte(entry.GetType())}, entry.GetData()...)})
}
