// group.go - a group of both kinds of nodes, and what must hold of it.
//
// The state of the state machine at an index is a hash over all that was applied up to there; it is
// also what snapshots carry. Whatever a node applies, in whatever order it came to it, must give
// the state that the first node had at that index, and the membership.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand"
	"slices"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

type packet struct {
	from, to uint64
	kind     raftpb.MessageType
	data     []byte
}

type member struct {
	id      uint64
	kind    kind
	node    node
	options options
	applied uint64
	state   []byte
	conf    *raftpb.ConfState // as of applied
	role    byte
	term    uint64
	lead    uint64
	waits   [4]byte // for the append thread, the apply thread, to be heard, in Ready
	renewed bool    // its membership changed
	fed     uint64  // who sent the snapshot that it took in last
}

const leads = 2 // a role

type group struct {
	random  *rand.Rand
	program string
	members []*member // member i has id i + 1
	core    uint64    // these are voters for ever
	options func(id uint64) options

	network []packet
	cut     map[uint64]bool   // nodes that nothing reaches or leaves
	states  map[uint64][]byte // of the state machine, by index
	confs   map[uint64][]byte // memberships that began at an index
	leaders map[uint64]uint64 // by term
	last    uint64            // the term of the last of them
	words   int
	highest uint64            // index that anybody has applied
	conf    *raftpb.ConfState // as of highest
	asked   map[uint64]read   // by number

	counts
}

// read is one that was asked for: what anybody had applied by then, and who asked.
type read struct {
	highest uint64
	by      kind
}

// A broken promise ends the run of the seed.
type broken string

func (g *group) fail(format string, arguments ...any) {
	panic(broken(fmt.Sprintf(format, arguments...)))
}

func newGroup(seed int64, program string) *group {
	g := &group{random: rand.New(rand.NewSource(seed)), program: program, cut: map[uint64]bool{},
		states: map[uint64][]byte{startIndex: []byte("start")}, leaders: map[uint64]uint64{},
		confs: map[uint64][]byte{}, asked: map[uint64]read{}}
	g.core = uint64([]int{3, 3, 3, 4, 5}[g.random.Intn(5)])
	g.options = g.drawOptions(uint64(seed))
	g.begin()
	return g
}

// begin makes the core, either from a state that all have, or bootstrapped from nothing.
func (g *group) begin() {
	g.conf = coreOf(g.core)
	if g.random.Intn(3) > 0 {
		for id := uint64(1); id <= g.core; id++ {
			g.add(g.core)
		}
		return
	}
	g.bootstrapped++
	delete(g.states, startIndex)
	for id := uint64(1); id <= g.core; id++ {
		m := g.add(0)
		g.call(m, 'b', 0, g.core, nil)
		g.workAll(m)
	}
}

// drawOptions draws what all nodes have in common, and how likely each has what. CheckQuorum is for all or
// none: a node without it that is ahead in its term neither is voted for by those that have it, nor
// tells their leader, with the model as with libraft.
func (g *group) drawOptions(seed uint64) func(id uint64) options {
	often := func() float64 { return []float64{0, 1, 0.5}[g.random.Intn(3)] }
	preVote, async, stepDown, checkQuorum := often(), often(), often(), g.random.Intn(2) == 0
	chance := func(p float64) bool { return g.random.Float64() < p }
	limit := func(p float64, most int) uint64 {
		if chance(p) {
			return uint64(1 + g.random.Intn(most))
		}
		return 0
	}
	beyond := 0.0
	if g.chance(0.4) {
		beyond = 0.5
		g.beyond++
	}
	return func(id uint64) options {
		o := options{preVote: chance(preVote), checkQuorum: checkQuorum, async: chance(async),
			stepDown: chance(stepDown), noForwarding: chance(0.1), maxSize: uint64(1 + g.random.Intn(300)),
			maxInflight: uint64(1 + g.random.Intn(8)), maxUncommitted: limit(0.2, 2000),
			maxCommitted: limit(0.3, 400), seed: seed,
			handOver: chance(beyond), batch: chance(beyond), skipCommit: chance(beyond), commitInVotes: chance(beyond)}
		if chance(beyond) {
			o.priority = int64(g.random.Intn(4)) - 1
		}
		if o.async {
			o.unpersisted = limit(beyond, 10)
		}
		return o
	}
}

func coreOf(voters uint64) *raftpb.ConfState {
	conf := &raftpb.ConfState{}
	for id := uint64(1); id <= voters; id++ {
		conf.Voters = append(conf.Voters, id)
	}
	return conf
}

// add makes the next node, with a membership to start from or with none. Both kinds are there.
func (g *group) add(voters uint64) *member {
	id := uint64(len(g.members)) + 1
	m := &member{id: id, options: g.options(id), conf: coreOf(voters)}
	if id == 1 || (id > 2 && g.random.Intn(2) == 0) {
		m.kind = ours
	}
	if voters > 0 {
		m.applied, m.state = startIndex, []byte("start")
	}
	m.node = newNode(m.kind, g.program, id, voters, m.options)
	g.members = append(g.members, m)
	g.nodes[m.kind]++
	return m
}

func (g *group) close() {
	for _, m := range g.members {
		m.node.close()
	}
}

func (g *group) member(id uint64) *member { return g.members[id-1] }

// --- requests and what comes of them ---

// Errors of libraft that nothing here may cause.
func unheardOf(letter byte, code int32) bool {
	switch code {
	case 0, 1, -510, -520, -521, -522, -523, -524, -530, -531:
		return false
	}
	return letter != 'k' // there may be nothing to compact
}

// call makes a request of a node and takes in what came of it.
func (g *group) call(m *member, letter byte, a, b uint64, data []byte) {
	code, records := m.node.call(letter, a, b, data)
	if unheardOf(letter, code) {
		g.fail("node %d (%s) answered %q with %d", m.id, m.kind, letter, code)
	}
	for _, r := range records {
		g.absorb(m, r)
	}
	if m.renewed { // whoever was added must be in the snapshots that it is sent, or refuses them
		m.renewed = false
		g.call(m, 'k', 0, 0, m.state)
	}
}

func (g *group) absorb(m *member, r record) {
	switch r.Letter {
	case 'm':
		g.send(m.id, r)
	case 'a':
		g.applied1(m, r)
	case 's':
		g.restored(m, r)
	case 'c':
		g.changed(m, r)
	case 'q':
		g.answered(m, r)
	case 'i':
		m.role, m.term, m.lead = r.Data[0], r.A, r.B
		copy(m.waits[:], r.Data[1:])
		if m.role == leads {
			g.elected(m, r.A)
		}
	}
}

func (g *group) applied1(m *member, r record) {
	if r.A != m.applied+1 {
		g.fail("node %d (%s) applied %d after %d", m.id, m.kind, r.A, m.applied)
	}
	head := binary.LittleEndian.AppendUint64(append([]byte{}, m.state...), r.A)
	state := sha256.Sum256(append(binary.LittleEndian.AppendUint64(head, r.B), r.Data...))
	m.applied, m.state = r.A, state[:]
	g.applied[m.kind]++
	g.compare(m)
}

func (g *group) restored(m *member, r record) {
	if r.A <= m.applied {
		g.fail("node %d (%s) went back from %d to snapshot %d", m.id, m.kind, m.applied, r.A)
	}
	m.applied, m.state = r.A, r.Data
	g.snapshots[g.member(m.fed).kind][m.kind]++
	g.compare(m)
}

func (g *group) compare(m *member) {
	state, known := g.states[m.applied]
	if !known {
		g.states[m.applied] = m.state
	} else if !bytes.Equal(state, m.state) {
		g.fail("node %d (%s) has another state at %d", m.id, m.kind, m.applied)
	}
	g.highest = max(g.highest, m.applied)
}

// changed: from this index on the node has this membership. A snapshot may tell it for an index
// where it did not begin.
func (g *group) changed(m *member, r record) {
	m.conf = &raftpb.ConfState{}
	if err := proto.Unmarshal(r.Data, m.conf); err != nil {
		g.fail("node %d (%s) has a membership that is none: %v", m.id, m.kind, err)
	}
	m.renewed = true
	if g.bootstrapped > 0 && r.A <= g.core {
		return // these entries are in force before they are applied, unless a node restarts in between
	}
	sorted := sortedConf(m.conf)
	if conf, known := g.confs[r.A]; !known {
		g.confs[r.A] = sorted
		g.changes++
		if len(m.conf.VotersOutgoing) > 0 {
			g.joint++
		}
	} else if !bytes.Equal(conf, sorted) {
		g.fail("node %d (%s) has another membership at %d", m.id, m.kind, r.A)
	}
	if r.A >= g.highest {
		g.conf = m.conf
	}
}

func sortedConf(conf *raftpb.ConfState) []byte {
	sorted := proto.Clone(conf).(*raftpb.ConfState)
	for _, ids := range [][]uint64{sorted.Voters, sorted.Learners, sorted.VotersOutgoing, sorted.LearnersNext} {
		slices.Sort(ids)
	}
	sorted.AutoLeave = proto.Bool(conf.GetAutoLeave())
	data, _ := proto.Marshal(sorted)
	return data
}

func (g *group) answered(m *member, r record) {
	asked, known := g.asked[binary.LittleEndian.Uint64(r.Data)]
	if !known || asked.by != m.kind {
		g.fail("node %d (%s) answers a read that it was not asked", m.id, m.kind)
	}
	if r.A < asked.highest {
		g.fail("node %d (%s) may read at %d what was at %d when it asked", m.id, m.kind, r.A, asked.highest)
	}
	g.reads[m.kind]++
}

func (g *group) elected(m *member, term uint64) {
	other, known := g.leaders[term]
	if known && other != m.id {
		g.fail("nodes %d and %d both lead in term %d", other, m.id, term)
	}
	if !known {
		g.leaders[term] = m.id
		g.elections[m.kind]++
		g.last = max(g.last, term)
	}
}

// send puts a message on the network; what libraft encoded must be what Go would have encoded.
func (g *group) send(from uint64, r record) {
	message := &raftpb.Message{}
	if err := proto.Unmarshal(r.Data, message); err != nil {
		g.fail("node %d sent what is no message: %v", from, err)
	}
	if again, _ := proto.Marshal(message); !bytes.Equal(again, r.Data) {
		g.fail("node %d encoded %v as %x, not %x", from, message, r.Data, again)
	}
	if message.GetFrom() != from && message.GetType() != raftpb.MsgProp &&
		message.GetType() != raftpb.MsgReadIndex && message.GetType() != raftpb.MsgTransferLeader {
		g.fail("node %d sent a message from %d", from, message.GetFrom())
	}
	g.messages[g.member(from).kind]++
	g.network = append(g.network, packet{from, r.A, message.GetType(), r.Data})
}
