// fields.go - the text of an object, as ../codec/fields.c writes it; and what libraft leaves out when
// it encodes.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

type writer struct{ strings.Builder }

func (w *writer) number(name string, value uint64) { fmt.Fprintf(w, "%s=%d ", name, value) }

func (w *writer) truth(name string, value bool) {
	if value {
		w.number(name, 1)
	} else {
		w.number(name, 0)
	}
}

func (w *writer) bytes(name string, value []byte) {
	if value == nil {
		fmt.Fprintf(w, "%s=- ", name)
	} else {
		fmt.Fprintf(w, "%s=%x ", name, value)
	}
}

func (w *writer) ids(name string, value []uint64) {
	w.number(name, uint64(len(value)))
	for _, id := range value {
		w.number("id", id)
	}
}

func (w *writer) entry(e *raftpb.Entry) {
	w.number("type", uint64(e.GetType()))
	w.number("term", e.GetTerm())
	w.number("index", e.GetIndex())
	w.bytes("data", e.GetData())
}

func (w *writer) confState(c *raftpb.ConfState) {
	w.ids("voters", c.GetVoters())
	w.ids("learners", c.GetLearners())
	w.ids("voters_outgoing", c.GetVotersOutgoing())
	w.ids("learners_next", c.GetLearnersNext())
	w.truth("auto_leave", c.GetAutoLeave())
}

func (w *writer) snapshot(s *raftpb.Snapshot) {
	w.bytes("data", s.GetData())
	w.confState(s.GetMetadata().GetConfState())
	w.number("index", s.GetMetadata().GetIndex())
	w.number("term", s.GetMetadata().GetTerm())
}

func (w *writer) message(m *raftpb.Message) {
	w.number("type", uint64(m.GetType()))
	w.number("to", m.GetTo())
	w.number("from", m.GetFrom())
	w.number("term", m.GetTerm())
	w.number("log_term", m.GetLogTerm())
	w.number("index", m.GetIndex())
	w.number("entries", uint64(len(m.GetEntries())))
	for _, entry := range m.GetEntries() {
		w.entry(entry)
	}
	w.number("commit", m.GetCommit())
	w.truth("snapshot", m.Snapshot != nil)
	if m.Snapshot != nil {
		w.snapshot(m.Snapshot)
	}
	w.truth("reject", m.GetReject())
	w.number("reject_hint", m.GetRejectHint())
	w.bytes("context", m.GetContext())
	w.number("vote", m.GetVote())
	w.number("responses", uint64(len(m.GetResponses())))
}

func fields(object proto.Message) string {
	w := &writer{}
	switch o := object.(type) {
	case *raftpb.Message:
		w.message(o)
	case *raftpb.Entry:
		w.entry(o)
	case *raftpb.HardState:
		w.number("term", o.GetTerm())
		w.number("vote", o.GetVote())
		w.number("commit", o.GetCommit())
	case *raftpb.Snapshot:
		w.snapshot(o)
	case *raftpb.ConfState:
		w.confState(o)
	case *raftpb.ConfChange:
		w.number("id", o.GetId())
		w.number("type", uint64(o.GetType()))
		w.number("node_id", o.GetNodeId())
		w.bytes("context", o.GetContext())
	case *raftpb.ConfChangeV2:
		w.number("transition", uint64(o.GetTransition()))
		w.number("changes", uint64(len(o.GetChanges())))
		for _, change := range o.GetChanges() {
			w.number("type", uint64(change.GetType()))
			w.number("node_id", change.GetNodeId())
		}
		w.bytes("context", o.GetContext())
	}
	return w.String()
}

// Fields that libraft always writes, zero or not; other numbers only when they are not zero. All as
// etcd-io/raft itself sends them.
var always = map[protoreflect.FullName]bool{
	"raftpb.Message.type": true, "raftpb.HardState.term": true, "raftpb.HardState.vote": true,
	"raftpb.HardState.commit": true, "raftpb.Snapshot.metadata": true,
	"raftpb.SnapshotMetadata.conf_state": true, "raftpb.ConfState.auto_leave": true,

	"raftpb.ConfChange.type": true, "raftpb.ConfChange.node_id": true, "raftpb.ConfChangeSingle.type": true,
	"raftpb.ConfChangeSingle.node_id": true, "raftpb.ConfChangeV2.transition": true,
}

// plain is a copy with exactly the fields that libraft writes.
func plain(object proto.Message) proto.Message {
	copied := proto.Clone(object)
	adapt(copied.ProtoReflect())
	return copied
}

func adapt(m protoreflect.Message) {
	m.SetUnknown(nil)
	fields := m.Descriptor().Fields()
	for i := 0; i < fields.Len(); i++ {
		field := fields.Get(i)
		switch {
		case field.IsList() && field.Kind() == protoreflect.MessageKind:
			for n := 0; n < m.Get(field).List().Len(); n++ {
				adapt(m.Get(field).List().Get(n).Message())
			}
		case field.IsList() || field.Kind() == protoreflect.BytesKind:
		case field.Kind() == protoreflect.MessageKind:
			if m.Has(field) || always[field.FullName()] {
				adapt(m.Mutable(field).Message())
			}
		case always[field.FullName()]:
			m.Set(field, m.Get(field))
		case m.Get(field).Equal(field.Default()):
			m.Clear(field)
		}
	}
}

// strange: it has fields or values that Go keeps without knowing them.
func strange(m protoreflect.Message) bool {
	found := len(m.GetUnknown()) > 0
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Parent().Name() == "Message" && field.Number() > 12: // local
			found = true
		case field.IsList() && field.Kind() == protoreflect.MessageKind:
			for n := 0; n < value.List().Len(); n++ {
				found = found || strange(value.List().Get(n).Message())
			}
		case !field.IsList() && field.Kind() == protoreflect.MessageKind:
			found = found || strange(value.Message())
		}
		return true
	})
	return found
}
