// model.go - the model: etcd-io/raft itself in its own test environment, plus what libraft's
// runner has beyond it: read-index, report-snapshot, restart and a few options of add-nodes.
//
// A command that makes the model panic ends the script before it: what libraft does there is its
// own affair. So does one after which the model is in one of its known defects (defects.go).
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/rafttest"
)

type model struct {
	env     *rafttest.InteractionEnv
	extra   func(*raft.Config) // options of the add-nodes that is running
	calls   int                // of storage, by the command that is running
	reads   bool               // there were some
	changes bool               // of the membership, there were some
	spoiled bool               // a node's storage is not what the node thinks
	timed   string             // the node whose election timeout was just set
}

// A command that asks storage so often never ends.
const maxCalls = 200000

func (m *model) countCall() {
	if m.calls++; m.calls > maxCalls {
		panic("no end")
	}
}

func newModel() *model {
	m := &model{}
	m.env = rafttest.NewInteractionEnv(&rafttest.InteractionOpts{
		OnConfig:                     m.onConfig,
		SetRandomizedElectionTimeout: setRandomizedElectionTimeout,
	})
	return m
}

func (m *model) onConfig(config *raft.Config) {
	config.Storage = &startStorage{Storage: config.Storage, model: m, id: config.ID}
	if m.extra != nil {
		m.extra(config)
	}
}

// startStorage gives a restarted node the membership of the state that it starts from.
type startStorage struct {
	raft.Storage
	model *model
	id    uint64
}

func (s *startStorage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	hard, conf, err := s.Storage.InitialState()
	if nodes := s.model.env.Nodes; s.id <= uint64(len(nodes)) {
		node := &nodes[s.id-1]
		conf = historyAt(node, node.Config.Applied).GetMetadata().GetConfState()
	}
	return hard, conf, err
}

func (s *startStorage) Term(index uint64) (uint64, error) {
	s.model.countCall()
	return s.Storage.Term(index)
}

func (s *startStorage) FirstIndex() (uint64, error) {
	s.model.countCall()
	return s.Storage.FirstIndex()
}

func (s *startStorage) LastIndex() (uint64, error) {
	s.model.countCall()
	return s.Storage.LastIndex()
}

// nodeStorage makes a snapshot that a node received its state machine's state too; upstream's
// environment forgets that, and sends older ones later on.
type nodeStorage struct {
	rafttest.Storage
	model *model
	id    uint64
}

func (s *nodeStorage) ApplySnapshot(snapshot *raftpb.Snapshot) error {
	err := s.Storage.ApplySnapshot(snapshot)
	if err == nil {
		node := &s.model.env.Nodes[s.id-1]
		node.History = append(node.History, snapshot)
	}
	return err
}

func (s *nodeStorage) Append(entries []*raftpb.Entry) error {
	s.model.countCall()
	return s.Storage.Append(entries)
}

func lastHistory(node *rafttest.Node) *raftpb.Snapshot {
	return node.History[len(node.History)-1]
}

// historyAt is the last state at or before the index, the first one if there is none.
func historyAt(node *rafttest.Node, index uint64) *raftpb.Snapshot {
	return node.History[historyPosition(node, index)]
}

func historyPosition(node *rafttest.Node, index uint64) int {
	i := len(node.History) - 1
	for i > 0 && node.History[i].GetMetadata().GetIndex() > index {
		i--
	}
	return i
}

// What the environment cannot store is lost, and the node does not know: the script ends there.
const lost = "can't apply snapshot and entries at the same time"

// do runs one command. False: the script ends before it.
func (m *model) do(b *block) (good bool) {
	if m.spoiled {
		noteCut(lost)
		return false
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if reason := recover(); reason != nil {
				noteCut(fmt.Sprint(reason))
				good = false
			}
		}()
		b.output = withoutLogs(m.handle(b))
		m.spoiled = strings.Contains(b.output, lost)
		good = m.defect() == ""
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		fmt.Fprintf(os.Stderr, "interop: the model does not come back from %q\n", b.line)
		os.Exit(2)
	}
	return good
}

func (m *model) handle(b *block) string {
	command, arguments, err := datadriven.ParseLine(b.line)
	if err != nil {
		panic(err)
	}
	m.calls = 0
	m.check(command, arguments)
	data := datadriven.TestData{Cmd: command, CmdArgs: arguments, Input: b.input}
	switch command {
	case "add-nodes":
		return m.addNodes(data)
	case "read-index":
		m.reads = true
		m.env.Output.Reset()
		m.node(arguments[0].Key).ReadIndex([]byte(arguments[1].Key))
		return m.env.Output.String()
	case "propose-conf-change":
		m.changes = true
	case "report-snapshot":
		return m.reportSnapshot(arguments)
	case "restart":
		return m.restart(arguments)
	}
	return m.env.Handle(new(testing.T), data)
}

// check refuses what is no valid command, for scripts that were made shorter: nodes that do not
// exist, ticks that depend on chance, snapshots that no leader would send.
func (m *model) check(command string, arguments []datadriven.CmdArg) {
	if command == "add-nodes" || command == "no-such-command" {
		return
	}
	if timed := m.timed; strings.HasPrefix(command, "tick-") && timed != arguments[0].Key &&
		!m.predictable(m.node(arguments[0].Key).RawNode, command) {
		panic("a tick without a timeout of its own: the model draws one, and nobody knows it")
	}
	m.timed = ""
	if command == "set-randomized-election-timeout" {
		m.timed = arguments[0].Key
	}
	for i, argument := range arguments {
		peer := i == 1 && (command == "send-snapshot" || command == "report-unreachable" ||
			command == "report-snapshot")
		data := i > 0 && (command == "propose" || command == "read-index" || command == "compact")
		if command == "log-level" || len(argument.Vals) > 0 || peer || data {
			continue
		}
		if number(argument.Key) > uint64(len(m.env.Nodes)) {
			panic("no such node")
		}
	}
	if command == "send-snapshot" {
		leads := m.node(arguments[0].Key).BasicStatus().RaftState == raft.StateLeader
		if !leads || arguments[0].Key == arguments[1].Key {
			panic("a snapshot that no leader sends")
		}
	}
}

// The model draws its timeouts from these, and nobody knows what it drew.
const leastTimeout, mostTimeout = 3, 5

// predictable: what the ticks do does not depend on a timeout that was drawn. Leaders do not look
// at theirs; others have none that ends so early, or one that was set and never is drawn.
func (m *model) predictable(node *raft.RawNode, command string) bool {
	ticks := int64(1)
	if command == "tick-election" {
		ticks = leastTimeout
	}
	timeout := inside(node, "randomizedElectionTimeout").Int()
	return node.BasicStatus().RaftState == raft.StateLeader || timeout < leastTimeout || timeout > mostTimeout ||
		inside(node, "electionElapsed").Int()+ticks < leastTimeout
}

func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (m *model) node(id string) *rafttest.Node {
	return &m.env.Nodes[number(id)-1]
}

func (m *model) addNodes(data datadriven.TestData) string {
	m.extra = func(config *raft.Config) {
		for _, argument := range data.CmdArgs[1:] {
			switch argument.Key {
			case "max-size-per-msg":
				config.MaxSizePerMsg = number(argument.Vals[0])
			case "max-uncommitted-size":
				config.MaxUncommittedEntriesSize = number(argument.Vals[0])
			case "max-inflight-bytes":
				config.MaxInflightBytes = number(argument.Vals[0])
			case "disable-proposal-forwarding":
				config.DisableProposalForwarding = argument.Vals[0] == "true"
			}
		}
	}
	before := len(m.env.Nodes)
	output := m.env.Handle(new(testing.T), data)
	m.extra = nil
	for i := before; i < len(m.env.Nodes); i++ {
		node := &m.env.Nodes[i]
		node.Storage = &nodeStorage{Storage: node.Storage, model: m, id: uint64(i) + 1}
	}
	return output
}

func (m *model) reportSnapshot(arguments []datadriven.CmdArg) string {
	status := raft.SnapshotFinish
	for _, argument := range arguments[2:] {
		if argument.Key == "success" && argument.Vals[0] == "false" {
			status = raft.SnapshotFailure
		}
	}
	m.env.Output.Reset()
	m.node(arguments[0].Key).ReportSnapshot(number(arguments[1].Key), status)
	return m.env.Output.String()
}

// restart loses what was in memory: the node's own messages and the work of its threads.
func (m *model) restart(arguments []datadriven.CmdArg) string {
	m.env.Output.Reset()
	node := m.node(arguments[0].Key)
	if node.Config.ReadOnlyOption == raft.ReadOnlyLeaseBased {
		panic("(a) a restart ends the lease that a voter granted")
	}
	config := *node.Config
	config.Applied = lastHistory(node).GetMetadata().GetIndex()
	for _, argument := range arguments[1:] {
		if argument.Key == "applied" {
			config.Applied = number(argument.Vals[0])
		}
	}
	node.Config = &config
	rawNode, err := raft.NewRawNode(&config)
	if err != nil {
		panic(err)
	}
	node.RawNode = rawNode
	node.History = node.History[:historyPosition(node, config.Applied)+1]
	node.AppendWork = nil
	node.ApplyWork = nil
	m.env.Messages = withoutOwn(m.env.Messages, config.ID)
	return m.env.Output.String()
}

func withoutOwn(messages []*raftpb.Message, id uint64) []*raftpb.Message {
	var kept []*raftpb.Message
	for _, message := range messages {
		from := message.GetFrom()
		if message.GetTo() != id || (from != id && from < math.MaxUint64-1) {
			kept = append(kept, message)
		}
	}
	return kept
}

// fill runs the commands of a script on a fresh model and returns those that it can show.
func fill(blocks []block) []block {
	m := newModel()
	var filled []block
	for _, b := range blocks {
		if !m.do(&b) {
			break
		}
		filled = append(filled, b)
	}
	return filled
}
