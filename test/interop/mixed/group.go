// group.go - a group of both kinds of nodes, the network between them, and what must hold.
//
// The state of the state machine at an index is a hash over all that was applied up to there; it is
// also what snapshots carry. Whatever a node applies, in whatever order it came to it, must give
// the state that the first node had at that index.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

type packet struct {
	from, to uint64
	kind     raftpb.MessageType
	data     []byte
}

type member struct {
	node    node
	applied uint64
	state   []byte
	role    byte
}

type group struct {
	random  *rand.Rand
	members []*member // member i has id i + 1
	network []packet
	cut     map[uint64]bool   // nodes that nothing reaches or leaves
	states  map[uint64][]byte // of the state machine, by index
	leaders map[uint64]uint64 // by term
	words   int
	highest uint64            // index that anybody has applied
	asked   map[uint64]uint64 // by number of a read: what was applied when it began

	applied, faults, messages, snapshots, reads int // counted
}

// A broken promise ends the run of the seed.
type broken string

func (g *group) fail(format string, arguments ...any) {
	panic(broken(fmt.Sprintf(format, arguments...)))
}

func newGroup(seed int64, program string) *group {
	g := &group{random: rand.New(rand.NewSource(seed)), cut: map[uint64]bool{},
		states: map[uint64][]byte{startIndex: []byte("start")}, leaders: map[uint64]uint64{},
		asked: map[uint64]uint64{}}
	size := uint64([]int{3, 3, 5, 5, 4}[g.random.Intn(5)])
	o := options{preVote: g.random.Intn(2) == 0, checkQuorum: g.random.Intn(2) == 0,
		maxSize: uint64(1 + g.random.Intn(200)), maxInflight: uint64(1 + g.random.Intn(8)),
		seed: uint64(seed)}
	for id := uint64(1); id <= size; id++ {
		m := &member{applied: startIndex, state: []byte("start")}
		if id == 1 || (id > 2 && g.random.Intn(2) == 0) {
			m.node = newPeerNode(program, id, size, o)
		} else {
			m.node = newModelNode(id, size, o)
		}
		g.members = append(g.members, m)
	}
	return g
}

func (g *group) close() {
	for _, m := range g.members {
		m.node.close()
	}
}

// call makes a request of a node and takes in what came of it.
func (g *group) call(id uint64, letter byte, a, b uint64, data []byte) int32 {
	m := g.members[id-1]
	code, records := m.node.call(letter, a, b, data)
	if code <= -900 || code == -550 || code == -551 || (code == -511 || code == -512) && letter == 's' {
		g.fail("node %d (%s) answered %q with %d", id, m.node.name(), letter, code)
	}
	for _, r := range records {
		g.absorb(id, m, r)
	}
	return code
}

func (g *group) absorb(id uint64, m *member, r record) {
	switch r.letter {
	case 'm':
		g.send(id, r)
	case 'a':
		if r.a != m.applied+1 {
			g.fail("node %d (%s) applied %d after %d", id, m.node.name(), r.a, m.applied)
		}
		head := binary.LittleEndian.AppendUint64(append([]byte{}, m.state...), r.a)
		state := sha256.Sum256(append(binary.LittleEndian.AppendUint64(head, r.b), r.data...))
		m.applied, m.state = r.a, state[:]
		g.applied++
		g.highest = max(g.highest, r.a)
		g.compare(id, m)
	case 's':
		if r.a <= m.applied {
			g.fail("node %d (%s) went back from %d to snapshot %d", id, m.node.name(), m.applied, r.a)
		}
		m.applied, m.state = r.a, r.data
		g.snapshots++
		g.compare(id, m)
	case 'q':
		g.reads++
		if before := g.asked[binary.LittleEndian.Uint64(r.data)]; r.a < before {
			g.fail("node %d (%s) may read at %d what was at %d when it asked", id, m.node.name(), r.a, before)
		}
	case 'i':
		m.role = r.data[0]
		if m.role == 2 {
			if other := g.leaders[r.a]; other != 0 && other != id {
				g.fail("nodes %d and %d both lead in term %d", other, id, r.a)
			}
			g.leaders[r.a] = id
		}
	}
}

func (g *group) compare(id uint64, m *member) {
	state, known := g.states[m.applied]
	if !known {
		g.states[m.applied] = m.state
	} else if !bytes.Equal(state, m.state) {
		g.fail("node %d (%s) has another state at %d", id, m.node.name(), m.applied)
	}
}

// send puts a message on the network; what libraft encoded must be what Go would have encoded.
func (g *group) send(from uint64, r record) {
	message := &raftpb.Message{}
	if err := proto.Unmarshal(r.data, message); err != nil {
		g.fail("node %d sent what is no message: %v", from, err)
	}
	again, _ := proto.Marshal(message)
	if !bytes.Equal(again, r.data) {
		g.fail("node %d encoded %v as %x, not %x", from, message, r.data, again)
	}
	g.messages++
	g.network = append(g.network, packet{from, r.a, message.GetType(), r.data})
}

// --- what happens ---

func (g *group) anyone() uint64 { return 1 + uint64(g.random.Intn(len(g.members))) }

func (g *group) leader() uint64 {
	for i, m := range g.members {
		if m.role == 2 && !g.cut[uint64(i)+1] {
			return uint64(i) + 1
		}
	}
	return g.anyone()
}

// deliver takes packet k from the network and brings it to its node, or not.
func (g *group) deliver(k int, lose, twice bool) {
	p := g.network[k]
	if !twice {
		g.network = append(g.network[:k], g.network[k+1:]...)
	}
	lose = lose || g.cut[p.from] || g.cut[p.to] || p.to > uint64(len(g.members))
	if lose || twice {
		g.faults++
	}
	if !lose {
		g.call(p.to, 's', 0, 0, p.data)
	}
	if p.kind == raftpb.MsgSnap {
		g.call(p.from, 'f', p.to, truth(!lose), nil)
	} else if lose && p.kind == raftpb.MsgApp {
		g.call(p.from, 'u', p.to, 0, nil)
	}
}

func (g *group) deliverSome() {
	if len(g.network) == 0 {
		return
	}
	k := 0
	if g.random.Intn(3) == 0 { // overtakes others
		k = g.random.Intn(len(g.network))
	}
	g.deliver(k, g.random.Intn(12) == 0, len(g.network) < 500 && g.random.Intn(12) == 0)
}

func (g *group) propose(id uint64) {
	g.words++
	word := fmt.Sprintf("w%d", g.words)
	if g.random.Intn(4) == 0 {
		word += string(bytes.Repeat([]byte{'x'}, g.random.Intn(300)))
	}
	g.call(id, 'p', 0, 0, []byte(word))
}

// read asks for a linearizable read, which must see all that anybody had applied by now.
func (g *group) read(id uint64) {
	number := uint64(len(g.asked)) + 1
	g.asked[number] = g.highest
	g.call(id, 'q', 0, 0, binary.LittleEndian.AppendUint64(nil, number))
}

// changeMembers makes voters learners and learners voters. A majority of all nodes stays voters for
// ever: a change that takes effect when it is applied can otherwise leave a group without anybody
// who may be elected, with the model as with libraft (etcd-io/etcd issue 12359).
func (g *group) changeMembers() {
	change := &raftpb.ConfChangeV2{}
	for n := 1 + g.random.Intn(2); n > 0; n-- {
		kind := raftpb.ConfChangeAddNode
		if g.random.Intn(2) == 0 {
			kind = raftpb.ConfChangeAddLearnerNode
		}
		stay := len(g.members)/2 + 1
		id := uint64(stay + 1 + g.random.Intn(len(g.members)-stay))
		change.Changes = append(change.Changes, &raftpb.ConfChangeSingle{Type: kind.Enum(), NodeId: &id})
	}
	data, _ := proto.Marshal(change)
	g.call(g.leader(), 'c', 0, 0, data)
}

func (g *group) restart(id uint64) {
	m := g.members[id-1]
	g.faults++
	g.call(id, 'r', m.applied, 0, m.state)
}

func (g *group) compact(id uint64) {
	m := g.members[id-1]
	upTo := m.applied
	if back := uint64(g.random.Intn(4)); upTo > startIndex+back {
		upTo -= back
	}
	g.call(id, 'k', m.applied, upTo, m.state)
}

func (g *group) isolate() {
	g.cut = map[uint64]bool{}
	for n := g.random.Intn(1 + len(g.members)/2); n > 0; n-- {
		g.cut[g.anyone()] = true
	}
}

func (g *group) act() {
	switch p := g.random.Float64() * 100; {
	case p < 65:
		g.deliverSome()
	case p < 87:
		g.call(g.anyone(), 't', 0, 0, nil)
	case p < 93:
		g.propose(g.leader())
	case p < 94:
		g.read(g.anyone())
	case p < 95:
		g.propose(g.anyone())
	case p < 96:
		g.changeMembers()
	case p < 96.5:
		g.call(g.leader(), 'l', g.anyone(), 0, nil)
	case p < 96.8:
		g.call(g.anyone(), 'h', 0, 0, nil)
	case p < 97.6:
		g.restart(g.anyone())
	case p < 99.2:
		g.compact(g.anyone())
	default:
		g.isolate()
	}
}

// heal ends all faults: the group must then get a proposal to everybody.
func (g *group) heal() {
	g.cut = map[uint64]bool{}
	for round := 0; round < 300; round++ {
		for id := range g.members {
			g.call(uint64(id)+1, 't', 0, 0, nil)
		}
		if round > 60 && round%20 == 0 {
			g.propose(g.leader())
		}
		for n := 0; len(g.network) > 0 && n < 20000; n++ {
			g.deliver(0, false, false)
		}
	}
	last := g.members[0].applied
	for i, m := range g.members {
		if m.applied != last {
			g.fail("healed, node %d (%s) applied %d and node 1 %d", i+1, m.node.name(), m.applied, last)
		}
	}
	if g.leaders == nil || last == startIndex {
		g.fail("healed, nothing was applied")
	}
}
