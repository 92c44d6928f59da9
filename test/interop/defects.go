// defects.go - looks into the model, for the one number that it draws at random and for the
// defects that libraft does not have (docs/differences-from-the-model.md).
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"reflect"
	"unsafe"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// inside is a field of the model's unexported raft.
func inside(node *raft.RawNode, name string) reflect.Value {
	return reflect.ValueOf(node).Elem().FieldByName("raft").Elem().FieldByName(name)
}

func setRandomizedElectionTimeout(node *raft.RawNode, timeout int) {
	field := inside(node, "randomizedElectionTimeout")
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().SetInt(int64(timeout))
}

// cuts counts why scripts ended early.
var cuts = map[string]int{}

func noteCut(reason string) {
	cuts[reason]++
}

// defect names the one that the model is in after a command, "" if in none.
func (m *model) defect() string {
	for i := range m.env.Nodes {
		node := m.env.Nodes[i].RawNode
		status := node.BasicStatus()
		waiting := inside(node, "pendingReadIndexMessages").Len()
		if waiting > 0 && status.RaftState != raft.StateLeader {
			noteCut("(j) reads that wait survive the leader's step-down")
			return "j"
		}
		if m.changes && m.reads && m.readsOpen() > 0 && m.changeOpen(i) {
			noteCut("(d) reads that wait while the membership changes")
			return "d"
		}
		unconfirmed := inside(node, "readOnly").Elem().FieldByName("unconfirmedReads").Len()
		voters := node.Status().Config.Voters
		singleton := len(voters[0]) == 1 && len(voters[1]) == 0
		if singleton && waiting+unconfirmed > 0 {
			noteCut("(d) reads that wait when one voter is left")
			return "d"
		}
		if m.reads && len(voters[0]) == 1 && len(voters[1]) == 1 {
			noteCut("(d) reads of one who is both majorities of a joint configuration wait for others")
			return "d"
		}
		if !m.reads || !singleton {
			continue
		}
		leads := status.RaftState == raft.StateLeader
		if _, own := voters[0][status.ID]; own && !(leads && m.committedInTerm(i)) {
			noteCut("(c) a single voter would answer reads before it has committed in its term")
			return "c"
		} else if !own && leads {
			noteCut("(c) a removed leader answers reads for the one voter left")
			return "c"
		}
	}
	return ""
}

func (m *model) committedInTerm(i int) bool {
	status := m.env.Nodes[i].RawNode.BasicStatus()
	term, _ := m.env.Nodes[i].Storage.Term(status.GetCommit())
	return term == status.GetTerm()
}

// onTheWay counts the messages of a type that were sent and not delivered.
func (m *model) onTheWay(kind raftpb.MessageType) (count int) {
	for _, message := range m.env.Messages {
		if message.GetType() == kind {
			count++
		}
	}
	for k := range m.env.Nodes {
		messages := inside(m.env.Nodes[k].RawNode, "msgs")
		for n := 0; n < messages.Len(); n++ {
			label := messages.Index(n).Elem().FieldByName("Type")
			if !label.IsNil() && label.Elem().Int() == int64(kind) {
				count++
			}
		}
	}
	return count
}

// readsOpen counts the reads that are asked for and not answered.
func (m *model) readsOpen() int {
	count := m.onTheWay(raftpb.MsgReadIndex)
	for i := range m.env.Nodes {
		node := m.env.Nodes[i].RawNode
		count += inside(node, "pendingReadIndexMessages").Len() +
			inside(node, "readOnly").Elem().FieldByName("unconfirmedReads").Len()
	}
	return count
}

// changeOpen: the node leads and may still apply a change of the membership.
func (m *model) changeOpen(i int) bool {
	node := m.env.Nodes[i].RawNode
	status := node.BasicStatus()
	return status.RaftState == raft.StateLeader &&
		(inside(node, "pendingConfIndex").Uint() > status.Applied || m.onTheWay(raftpb.MsgProp) > 0)
}
