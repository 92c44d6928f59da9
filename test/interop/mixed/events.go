// events.go - what happens to a group: messages, time, clients, faults; and how it is healed.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

func (g *group) chance(p float64) bool { return g.random.Float64() < p }
func (g *group) anyone() *member       { return g.members[g.random.Intn(len(g.members))] }

// leader is a node that thinks it leads, anyone if there is none. The newest, mostly.
func (g *group) leader() *member {
	if id := g.leaders[g.last]; id != 0 && g.member(id).role == leads && g.chance(0.8) {
		return g.member(id)
	}
	for _, i := range g.random.Perm(len(g.members)) {
		if m := g.members[i]; m.role == leads && !g.cut[m.id] {
			return m
		}
	}
	return g.anyone()
}

// --- the work of a node ---

const (
	waitsAppend = iota
	waitsApply
	waitsHear
	waitsReady
)

// workSome does a part of what is due, mostly all.
func (g *group) workSome(m *member) {
	if g.chance(0.75) {
		g.call(m, 'w', 0, 0, nil)
	}
	for m.options.async && g.chance(0.6) {
		g.call(m, "wAAYYDD"[g.random.Intn(7)], 0, 0, nil)
	}
}

func (g *group) workAll(m *member) {
	for again := true; again; {
		again = false
		for i, letter := range []byte{'A', 'Y', 'D', 'w'} {
			for m.waits[i] > 0 {
				g.call(m, letter, 0, 0, nil)
				again = true
			}
		}
	}
}

// --- the network ---

// deliver takes packet k from the network and brings it to its node, or not.
func (g *group) deliver(k int, lose, twice bool) {
	p := g.network[k]
	if !twice {
		g.network = append(g.network[:k], g.network[k+1:]...)
	} else {
		g.duplicated++
	}
	if k > 0 {
		g.overtaken++
	}
	if lose = lose || g.cut[p.from] || g.cut[p.to] || p.to > uint64(len(g.members)); lose {
		g.lost++
	} else {
		if p.kind == raftpb.MsgSnap {
			g.member(p.to).fed = p.from
		}
		g.call(g.member(p.to), 's', 0, 0, p.data)
	}
	switch from := g.member(p.from); {
	case p.kind == raftpb.MsgSnap && (from.kind == etcd || g.chance(0.8)):
		// The model waits for ever for a report that gets lost, libraft does not.
		g.call(from, 'f', p.to, truth(!lose), nil)
	case p.kind == raftpb.MsgApp && lose && g.chance(0.5):
		g.call(from, 'u', p.to, 0, nil)
	}
}

func (g *group) deliverSome() {
	if len(g.network) == 0 {
		return
	}
	k := 0
	if g.chance(0.33) { // overtakes others
		k = g.random.Intn(len(g.network))
	}
	to := g.network[k].to
	g.deliver(k, g.chance(0.08), len(g.network) < 500 && g.chance(0.08))
	if to <= uint64(len(g.members)) {
		g.workSome(g.member(to))
	}
}

// --- clients ---

func (g *group) propose(m *member) {
	g.words++
	word := fmt.Sprintf("w%d", g.words)
	if g.chance(0.25) {
		word += string(bytes.Repeat([]byte{'x'}, g.random.Intn(300)))
	}
	g.call(m, 'p', 0, 0, []byte(word))
}

// read asks for a linearizable read, which must see all that anybody had applied by now.
func (g *group) read(m *member) {
	number := uint64(len(g.asked)) + 1
	g.asked[number] = read{g.highest, m.kind}
	g.call(m, 'q', 0, 0, binary.LittleEndian.AppendUint64(nil, number))
}

// --- membership ---

const mostNodes = 14

// drawChange draws one for a leader with this membership. The core stay voters for ever, and are
// always a majority: a change that takes effect when it is applied can otherwise leave a group
// without anybody who may be elected, with the model as with libraft (etcd-io/etcd issue 12359).
// Who was removed does not come back: a node's number means its log.
func (g *group) drawChange(conf *raftpb.ConfState) *raftpb.ConfChangeV2 {
	change := &raftpb.ConfChangeV2{Transition: raftpb.ConfChangeTransition(g.random.Intn(3)).Enum()}
	guests := slices.DeleteFunc(slices.Concat(conf.Voters, conf.Learners), func(id uint64) bool { return id <= g.core })
	voters := len(conf.Voters) - int(g.core)
	add := func(kind raftpb.ConfChangeType, id uint64) {
		change.Changes = append(change.Changes, &raftpb.ConfChangeSingle{Type: kind.Enum(), NodeId: proto.Uint64(id)})
	}
	for n := 1 + g.random.Intn(3); n > 0; n-- {
		promotes := voters+1 < int(g.core) && g.chance(0.6)
		switch p := g.random.Float64(); {
		case p < 0.4 && len(g.members) < mostNodes:
			id := g.add(0).id
			if promotes {
				voters++
				add(raftpb.ConfChangeAddNode, id)
			} else {
				add(raftpb.ConfChangeAddLearnerNode, id)
			}
		case p < 0.9 && len(guests) > 0:
			k := g.random.Intn(len(guests))
			id := guests[k]
			guests = slices.Delete(guests, k, k+1)
			switch {
			case p < 0.55 && promotes:
				voters++
				add(raftpb.ConfChangeAddNode, id)
			case p < 0.7:
				add(raftpb.ConfChangeAddLearnerNode, id)
			default:
				add(raftpb.ConfChangeRemoveNode, id)
			}
		default:
			add(raftpb.ConfChangeUpdateNode, 1+uint64(g.random.Intn(int(g.core))))
		}
	}
	return change
}

// changeMembers asks a leader, and nobody else: only it knows what is in force.
func (g *group) changeMembers(m *member) {
	if m.role != leads {
		return
	}
	change := &raftpb.ConfChangeV2{}
	if len(m.conf.VotersOutgoing) == 0 || g.chance(0.1) {
		change = g.drawChange(m.conf)
	}
	letter, data := byte('c'), []byte(nil)
	if len(change.Changes) == 1 && g.chance(0.5) {
		single := change.Changes[0]
		letter = 'C'
		data, _ = proto.Marshal(&raftpb.ConfChange{Type: single.Type, NodeId: single.NodeId})
	} else {
		data, _ = proto.Marshal(change)
	}
	g.call(m, letter, 0, 0, data)
}

// --- faults ---

func (g *group) restart(m *member) {
	g.restarts[m.kind]++
	if m.waits != [4]byte{} {
		g.losing++
	}
	g.call(m, 'r', 0, uint64(g.random.Intn(2)), m.state)
}

func (g *group) compact(m *member) {
	upTo := m.applied
	if back := uint64(g.random.Intn(4)); upTo > startIndex+back {
		upTo -= back
	}
	g.call(m, 'k', 0, upTo, m.state)
}

func (g *group) isolate() {
	g.cut = map[uint64]bool{}
	for n := g.random.Intn(1 + len(g.members)/2); n > 0; n-- {
		g.cut[g.anyone().id] = true
	}
	if len(g.cut) > 0 {
		g.isolations++
	}
}

func (g *group) act() {
	m := g.anyone()
	switch p := g.random.Float64() * 100; {
	case p < 62:
		g.deliverSome()
		return
	case p < 84:
		g.call(m, 't', 0, 0, nil)
	case p < 90:
		m = g.leader()
		g.propose(m)
	case p < 91.5:
		g.read(m)
	case p < 92.5:
		m = g.leader()
		g.read(m)
	case p < 93.5:
		g.propose(m)
	case p < 95:
		m = g.leader()
		g.changeMembers(m)
	case p < 95.7:
		m = g.leader()
		g.call(m, 'l', g.anyone().id, 0, nil)
	case p < 96.2:
		g.call(m, 'h', 0, 0, nil)
	case p < 96.4:
		g.call(m, 'g', 0, 0, nil)
	case p < 96.5 && m.kind == ours:
		g.call(m, 'P', 0, 0, nil) // the model has nothing like it
	case p < 97.3:
		g.restart(m)
	case p < 99:
		g.compact(m)
	default:
		g.isolate()
	}
	g.workSome(m)
}

// --- the end ---

func (g *group) belongs(id uint64) bool {
	c := g.conf
	return slices.Contains(c.Voters, id) || slices.Contains(c.Learners, id) ||
		slices.Contains(c.VotersOutgoing, id) || slices.Contains(c.LearnersNext, id)
}

// heal ends all faults: the group must then get a proposal to everybody who belongs to it.
func (g *group) heal() {
	for round := 0; round < 400; round++ {
		for _, m := range g.members {
			if g.cut[m.id] = !g.belongs(m.id); !g.cut[m.id] {
				g.call(m, 't', 0, 0, nil)
				g.workAll(m)
			}
		}
		if round > 60 && round%20 == 0 {
			g.proposeHealed()
		}
		for n := 0; len(g.network) > 0; n++ {
			if n == 20000 {
				g.fail("healed, there is no end to messages: %v", describe(g.network))
			}
			to := g.network[0].to
			g.deliver(0, false, false)
			if to <= uint64(len(g.members)) && !g.cut[to] {
				g.workAll(g.member(to))
			}
		}
	}
	g.checkHealed()
}

// describe tells the first few messages.
func describe(network []packet) string {
	text := ""
	for _, p := range network[:min(len(network), 8)] {
		message := &raftpb.Message{}
		proto.Unmarshal(p.data, message)
		text += fmt.Sprintf("\n  to %d: %v", p.to, message)
	}
	return text
}

// proposeHealed also ends what was begun: a joint membership that waits to be left.
func (g *group) proposeHealed() {
	for _, m := range g.members {
		if m.role == leads && !g.cut[m.id] {
			if len(m.conf.VotersOutgoing) > 0 && !m.conf.GetAutoLeave() {
				g.call(m, 'c', 0, 0, nil)
			}
			g.propose(m)
			g.workAll(m)
		}
	}
}

// describe tells how everybody is.
func (g *group) describe() string {
	text := ""
	for _, m := range g.members {
		text += fmt.Sprintf("\n  node %d (%s): role %d, term %d, leader %d, applied %d, waiting %v, %+v", m.id, m.kind, m.role,
			m.term, m.lead, m.applied, m.waits, m.options)
	}
	return text
}

func (g *group) checkHealed() {
	if g.highest <= startIndex {
		g.fail("healed, nothing was applied")
	}
	if len(g.conf.VotersOutgoing) > 0 {
		g.fail("healed, the membership is still joint: %v", g.conf)
	}
	for _, m := range g.members {
		if !g.belongs(m.id) {
			continue
		}
		if m.applied != g.highest {
			g.fail("healed, node %d (%s) applied %d of %d; %v%s", m.id, m.kind, m.applied, g.highest, g.conf, g.describe())
		}
		if !bytes.Equal(sortedConf(m.conf), sortedConf(g.conf)) {
			g.fail("healed, node %d (%s) has another membership", m.id, m.kind)
		}
	}
}
