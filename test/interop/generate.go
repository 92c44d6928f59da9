// generate.go - random scripts. One seed, one script.
//
// The seed draws a group, its options and how likely each command is (so that one script is all
// about snapshots and another has none), then command after command, each run on the model at
// once: what it says now decides what makes sense next.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand"
	"strings"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/rafttest"
	"go.etcd.io/raft/v3/tracker"
)

type generator struct {
	random *rand.Rand
	model  *model
	blocks []block
	ended  bool // the model could not do the last command

	own         bool // commands and options that only libraft's runner has
	reads       bool
	async       bool // all nodes alike, unless mixed
	mixed       bool
	lease       bool
	words       int // proposals so far: each has a payload of its own
	longWords   bool
	anyChange   bool // changes that are likely to be refused too
	hexadecimal bool
	members     string // what the first nodes start from
}

type action struct {
	weight float64
	run    func(g *generator)
}

var actions = []action{
	{12, (*generator).proposeOne},
	{4, (*generator).proposeAnywhere},
	{3, (*generator).changeMembers},
	{4, (*generator).campaign},
	{8, (*generator).stabilizeAll},
	{6, (*generator).stabilizeSome},
	{12, (*generator).deliver},
	{10, (*generator).processReady},
	{6, (*generator).processThreads},
	{6, (*generator).tickHeartbeat},
	{4, (*generator).tickElection},
	{3, (*generator).compact},
	{2, (*generator).transfer},
	{1, (*generator).forgetLeader},
	{2, (*generator).reportUnreachable},
	{1, (*generator).sendSnapshot},
	{1, (*generator).reportSnapshot},
	{4, (*generator).readIndex},
	{2, (*generator).restart},
	{4, (*generator).show},
	{0.5, (*generator).addNode},
	{1.5, (*generator).leaveBehind},
	{1.5, (*generator).diverge},
	{1.5, (*generator).electHalfway},
	{1.5, (*generator).shrink},
	{0.5, (*generator).logLevel},
	{1, (*generator).handOverJoint},
	{1, (*generator).overtake},
	{1, (*generator).crowd},
	{1, (*generator).mistake},
	{2, (*generator).tickUnprepared},
}

// generate makes the script of a seed, outputs filled in. whole: the model could do all of it.
func generate(seed int64) (blocks []block, whole bool) {
	g := &generator{random: rand.New(rand.NewSource(seed)), model: newModel()}
	g.drawStyle()
	g.begin()
	weights := g.drawWeights()
	for n := 10 + g.random.Intn(70); n > 0 && !g.ended; n-- {
		g.pick(weights).run(g)
	}
	g.end()
	return g.blocks, !g.ended
}

// --- drawing ---

func (g *generator) chance(p float64) bool { return g.random.Float64() < p }

func (g *generator) drawStyle() {
	g.own = g.chance(0.5)
	g.async = g.chance(0.4)
	g.mixed = g.chance(0.15)
	g.lease = g.chance(0.1)
	g.reads = g.own && !g.lease && g.chance(0.6)
	g.longWords = g.chance(0.3)
	g.anyChange = g.chance(0.3)
	g.hexadecimal = g.chance(0.05)
}

func (g *generator) drawWeights() []float64 {
	weights := make([]float64, len(actions))
	for i, a := range actions {
		weights[i] = a.weight * []float64{0, 0.3, 1, 1, 3}[g.random.Intn(5)]
	}
	weights[0] = 6 // never a script without proposals
	weights[4] += 1
	return weights
}

func (g *generator) pick(weights []float64) action {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	at := g.random.Float64() * total
	for i, w := range weights {
		if at -= w; at < 0 {
			return actions[i]
		}
	}
	return actions[0]
}

func (g *generator) count() int                 { return len(g.model.env.Nodes) }
func (g *generator) anyone() int                { return 1 + g.random.Intn(g.count()) }
func (g *generator) node(id int) *rafttest.Node { return &g.model.env.Nodes[id-1] }

// peer is an id that mostly exists.
func (g *generator) peer() int {
	if g.chance(0.05) {
		return g.count() + 1
	}
	return g.anyone()
}

// leader is a node that thinks it leads, anyone if there is none.
func (g *generator) leader() int {
	var leaders []int
	for id := 1; id <= g.count(); id++ {
		if g.node(id).BasicStatus().RaftState == raft.StateLeader {
			leaders = append(leaders, id)
		}
	}
	if len(leaders) == 0 {
		return g.anyone()
	}
	return leaders[g.random.Intn(len(leaders))]
}

// some are ids, each with a chance, at least one.
func (g *generator) some(p float64) []string {
	var ids []string
	for _, i := range g.random.Perm(g.count()) {
		if g.chance(p) {
			ids = append(ids, fmt.Sprint(i+1))
		}
	}
	if len(ids) == 0 {
		ids = append(ids, fmt.Sprint(g.anyone()))
	}
	return ids
}

// --- doing ---

func (g *generator) do(format string, arguments ...any) {
	g.doBlock(block{line: fmt.Sprintf(format, arguments...)})
}

func (g *generator) doBlock(b block) {
	if g.ended {
		return
	}
	if !g.model.do(&b) {
		g.ended = true
		return
	}
	g.blocks = append(g.blocks, b)
}

// --- the beginning and the end ---

func (g *generator) options() string {
	var options []string
	add := func(p float64, format string, arguments ...any) {
		if g.chance(p) {
			options = append(options, fmt.Sprintf(format, arguments...))
		}
	}
	async := g.async
	if g.mixed {
		async = g.chance(0.5)
	}
	yes := func() string {
		return []string{"true", "true", "true", "t", "T", "1", "TRUE", "True"}[g.random.Intn(8)]
	}
	no := func() string { return []string{"false", "f", "F", "0", "FALSE", "False"}[g.random.Intn(6)] }
	if async {
		add(1, "async-storage-writes=%s", yes())
	} else {
		add(0.05, "async-storage-writes=%s", no())
	}
	add(0.3, "prevote=%s", yes())
	if g.lease {
		add(1, "checkquorum=%s read-only=lease-based", yes())
	} else {
		add(0.3, "checkquorum=%s", yes())
		add(0.05, "read-only=safe")
	}
	add(0.25, "step-down-on-removal=%s", yes())
	add(0.15, "disable-conf-change-validation=%s", yes())
	add(0.3, "inflight=%d", 1+g.random.Intn(4))
	add(0.2, "max-committed-size-per-ready=%d", 1+g.random.Intn(60))
	if g.own {
		size := 1 + g.random.Intn(80)
		if g.chance(0.3) {
			add(1, "max-size-per-msg=%d", size)
			add(0.3, "max-inflight-bytes=%d", size+g.random.Intn(60))
		}
		add(0.2, "max-uncommitted-size=%d", 1+g.random.Intn(60))
		add(0.2, "disable-proposal-forwarding=true")
	}
	return strings.Join(options, " ")
}

func list(key string, ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return key + "=(" + strings.Join(ids, ",") + ")"
}

func (g *generator) begin() {
	total := []int{1, 2, 3, 3, 3, 3, 4, 5, 5, 7}[g.random.Intn(10)]
	if g.hexadecimal {
		total = 11 + g.random.Intn(8)
	}
	var voters, learners []string
	for id := 1; id <= total; id++ {
		switch {
		case id == 1 || g.chance(0.75):
			voters = append(voters, fmt.Sprint(id))
		case g.chance(0.6):
			learners = append(learners, fmt.Sprint(id))
		}
	}
	members := strings.Join([]string{list("voters", voters), list("learners", learners),
		fmt.Sprintf("index=%d", 2+g.random.Intn(10))}, " ")
	members = strings.Join(strings.Fields(members), " ")
	g.members = members
	if g.chance(0.6) {
		g.do("%s", strings.TrimSpace(fmt.Sprintf("add-nodes %d %s %s", total, members, g.options())))
	} else {
		for id := 1; id <= total; id++ {
			g.do("%s", strings.TrimSpace(fmt.Sprintf("add-nodes 1 %s %s", members, g.options())))
		}
	}
	if len(voters) == 1 {
		g.reads = false // (c) the model answers before it knows
	}
	g.do("campaign %s", voters[g.random.Intn(len(voters))])
	if g.chance(0.8) {
		g.do("stabilize")
	}
}

// end brings the group to rest, so that whatever still waits is seen.
func (g *generator) end() {
	g.tickHeartbeatOf(g.leader())
	g.do("stabilize")
	g.do("raft-state")
	g.do("status %d", g.leader())
	for id := 1; id <= g.count(); id++ {
		g.do("raft-log %d", id)
	}
}

// --- commands ---

func (g *generator) word() string {
	g.words++
	word := fmt.Sprintf("w%d", g.words)
	if g.longWords && g.chance(0.4) {
		word += strings.Repeat("x", g.random.Intn(40))
	}
	if g.chance(0.02) {
		word = []string{`"quoted"`, `back\slash`, "ünïcödé", "tab\there", "☃", "'", "%d"}[g.random.Intn(7)]
	}
	return word
}

func (g *generator) proposeOne()      { g.do("propose %d %s", g.leader(), g.word()) }
func (g *generator) proposeAnywhere() { g.do("propose %d %s", g.anyone(), g.word()) }

func (g *generator) campaign()     { g.do("campaign %d", g.anyone()) }
func (g *generator) stabilizeAll() { g.do("stabilize%s", g.quietly()) }

func (g *generator) quietly() string {
	if g.chance(0.05) {
		return " log-level=" + []string{"none", "error", "DEBUG"}[g.random.Intn(3)]
	}
	return ""
}

func (g *generator) stabilizeSome() {
	g.do("stabilize %s%s", strings.Join(g.some(0.5), " "), g.quietly())
}

func (g *generator) changeMembers() {
	who := g.leader()
	if g.chance(0.1) {
		who = g.anyone()
	}
	kinds := "vvvvlllrrru"
	if len(g.node(who).Status().Config.Voters[0]) < 2 && g.chance(0.9) {
		kinds = "vvvvu" // whoever removes the last voter ends the script
	}
	change := func() string {
		id := uint64(1 + g.random.Intn(g.count()+1))
		if g.chance(0.02) {
			id = 0
		} else if g.chance(0.02) {
			id = g.random.Uint64() >> (8 + g.random.Intn(50))
		}
		return fmt.Sprintf("%c%d", kinds[g.random.Intn(len(kinds))], id)
	}
	if g.chance(0.35) {
		g.doBlock(block{line: fmt.Sprintf("propose-conf-change %d v1=true", who), input: change()})
		return
	}
	line := fmt.Sprintf("propose-conf-change %d", who)
	if g.chance(0.5) {
		line += " transition=" + []string{"auto", "implicit", "explicit"}[g.random.Intn(3)]
	}
	var changes []string
	leave := len(g.node(who).Status().Config.Voters[1]) > 0
	if !leave || (g.anyChange && g.chance(0.3)) {
		for n := g.random.Intn(3); n >= 0; n-- {
			changes = append(changes, change())
		}
	}
	if g.anyChange && g.chance(0.1) {
		changes = nil
	}
	g.doBlock(block{line: line, input: strings.Join(changes, " ")})
}

func (g *generator) deliver() {
	var deliver, drop []string
	for _, i := range g.random.Perm(g.count()) {
		switch p := g.random.Float64(); {
		case p < 0.5:
			deliver = append(deliver, fmt.Sprint(i+1))
		case p < 0.65:
			drop = append(drop, fmt.Sprint(i+1))
		}
	}
	if g.chance(0.05) {
		drop = append(drop, fmt.Sprint(g.count()+1))
	}
	line := strings.Join(append([]string{"deliver-msgs"}, deliver...), " ")
	if len(drop) > 0 {
		line += " " + list("drop", drop)
	}
	if g.chance(0.2) {
		line += " type=" + g.messageType()
	}
	g.do("%s", line)
}

func (g *generator) messageType() string {
	if messages := g.model.env.Messages; len(messages) > 0 {
		return messages[g.random.Intn(len(messages))].GetType().String()
	}
	return "MsgApp"
}

func (g *generator) processReady() {
	g.do("process-ready %s", strings.Join(g.some(0.3), " "))
}

func (g *generator) processThreads() {
	if g.async || g.mixed {
		thread := []string{"append", "apply"}[g.random.Intn(2)]
		g.do("process-%s-thread %s", thread, strings.Join(g.some(0.3), " "))
	}
}

// The timeout that the model drew is not known to libraft: each tick has its own.
func (g *generator) setTimeout(id int) {
	g.do("set-randomized-election-timeout %d timeout=%d", id, 1+g.random.Intn(6))
}

func (g *generator) tickHeartbeatOf(id int) {
	g.setTimeout(id)
	g.do("tick-heartbeat %d", id)
}

func (g *generator) tickHeartbeat() {
	if g.chance(0.6) {
		g.tickHeartbeatOf(g.leader())
	} else {
		g.tickHeartbeatOf(g.anyone())
	}
}

func (g *generator) tickElection() {
	id := g.anyone()
	g.setTimeout(id)
	g.do("tick-election %d", id)
}

// compact stays within what the state machine has: no application may go further.
func (g *generator) compact() {
	id := g.anyone()
	if g.chance(0.6) {
		id = g.leader()
	}
	first, _ := g.node(id).Storage.FirstIndex()
	last := lastHistory(g.node(id)).GetMetadata().GetIndex()
	if g.chance(0.1) && first > 1 {
		first--
	}
	if last >= first {
		g.do("compact %d %d", id, first+uint64(g.random.Int63n(int64(last-first)+1)))
	}
}

func (g *generator) transfer() {
	from := g.leader()
	if g.chance(0.2) {
		from = g.anyone()
	}
	g.do("transfer-leadership from=%d to=%d", from, g.anyone())
}

func (g *generator) forgetLeader()      { g.do("forget-leader %d", g.anyone()) }
func (g *generator) reportUnreachable() { g.do("report-unreachable %d %d", g.leader(), g.anyone()) }

// sendSnapshot leaves out who does not lead: two that take each other for the leader would forward
// proposals to and fro for ever.
func (g *generator) sendSnapshot() {
	from, to := g.leader(), g.peer()
	leads := g.node(from).BasicStatus().RaftState == raft.StateLeader
	if leads && from != to && lastHistory(g.node(from)).GetMetadata().GetIndex() > 0 {
		g.do("send-snapshot %d %d", from, to)
	}
}

func (g *generator) reportSnapshot() {
	if !g.own {
		return
	}
	leader, to := g.leader(), uint64(g.peer())
	for id, progress := range g.node(leader).Status().Progress {
		if progress.State == tracker.StateSnapshot && (id < to || g.chance(0.5)) {
			to = id
		}
	}
	g.do("report-snapshot %d %d success=%t", leader, to, g.chance(0.5))
}

func (g *generator) readIndex() {
	if g.reads {
		g.words++
		g.do("read-index %d r%d", g.anyone(), g.words)
	}
}

func (g *generator) restart() {
	if !g.own || g.lease {
		return
	}
	id := g.anyone()
	node := g.node(id)
	first, _ := node.Storage.FirstIndex()
	last := lastHistory(node).GetMetadata().GetIndex()
	if g.chance(0.3) && last >= first {
		g.do("restart %d applied=%d", id, first-1+uint64(g.random.Int63n(int64(last-first)+2)))
	} else {
		g.do("restart %d", id)
	}
}

func (g *generator) show() {
	switch g.random.Intn(4) {
	case 0:
		g.do("status %d", g.leader())
	case 3:
		g.do("status %d", g.anyone())
	case 1:
		g.do("raft-state")
	case 2:
		g.do("raft-log %d", g.anyone())
	}
}

// addNode makes one that knows nothing, or only what the first ones started from.
func (g *generator) addNode() {
	members := ""
	if g.chance(0.2) {
		members = g.members
	}
	if g.count() < 20 {
		g.do("%s", strings.Join(strings.Fields("add-nodes 1 "+members+" "+g.options()), " "))
	}
}

// --- episodes: a few commands that lead where chance alone seldom does ---

// others are the nodes except one, each with a chance.
func (g *generator) others(id int, p float64) []string {
	var ids []string
	for i := 1; i <= g.count(); i++ {
		if i != id && g.chance(p) {
			ids = append(ids, fmt.Sprint(i))
		}
	}
	return ids
}

// leaveBehind lets a node miss what the leader then compacts away.
func (g *generator) leaveBehind() {
	leader, lagging := g.leader(), g.anyone()
	if leader == lagging {
		return
	}
	for n := 1 + g.random.Intn(3); n > 0; n-- {
		g.do("propose %d %s", leader, g.word())
	}
	for n := 2; n > 0; n-- {
		g.do("stabilize %s", strings.Join(g.others(lagging, 1), " "))
		g.do("deliver-msgs drop=(%d)", lagging)
	}
	if !g.ended {
		first, _ := g.node(leader).Storage.FirstIndex()
		last := lastHistory(g.node(leader)).GetMetadata().GetIndex()
		if last >= first {
			g.do("compact %d %d", leader, last)
		}
	}
	if g.chance(0.3) {
		g.do("report-unreachable %d %d", leader, lagging)
	}
	for n := g.random.Intn(5); n > 0; n-- {
		g.tickHeartbeatOf(leader)
	}
	g.do("process-ready %d", leader)
	if g.chance(0.7) {
		g.do("deliver-msgs %d", lagging)
	}
	if g.chance(0.5) {
		g.do("stabilize %d %d", leader, lagging)
	}
	if g.chance(0.5) && !g.ended {
		g.reportSnapshot()
	}
}

// diverge lets a leader append what nobody else hears of, and another one be elected.
func (g *generator) diverge() {
	old, next := g.leader(), g.anyone()
	for n := 1 + g.random.Intn(3); n > 0; n-- {
		g.do("propose %d %s", old, g.word())
		if g.chance(0.4) {
			g.do("process-ready %d", old)
		}
	}
	if old == next {
		return
	}
	g.do("process-ready %d", old)
	if drop := g.others(old, 0.7); len(drop) > 0 {
		g.do("deliver-msgs %s", list("drop", drop))
	}
	g.do("campaign %d", next)
	if group := g.others(old, 0.9); len(group) > 0 {
		g.do("stabilize %s", strings.Join(group, " "))
	}
	for n := g.random.Intn(3); n > 0; n-- {
		g.do("propose %d %s", next, g.word())
	}
}

// electHalfway makes a leader that has not committed anything yet.
func (g *generator) electHalfway() {
	id := g.anyone()
	g.do("campaign %d", id)
	g.do("stabilize %d", id)
	for _, other := range g.others(id, 0.8) {
		g.do("stabilize %s", other)
	}
	g.do("stabilize %d", id)
	if g.chance(0.7) {
		for n := 1 + g.random.Intn(2); n > 0 && g.reads; n-- {
			g.words++
			g.do("read-index %d r%d", id, g.words)
		}
	}
}

// shrink removes a voter while entries are under way that the smaller group can commit without it.
func (g *generator) shrink() {
	leader := g.leader()
	change := fmt.Sprintf("%c%d", "rl"[g.random.Intn(2)], g.anyone())
	g.doBlock(block{line: fmt.Sprintf("propose-conf-change %d v1=%t", leader, g.chance(0.5)), input: change})
	g.do("process-ready %d", leader)
	for _, other := range g.others(leader, 0.8) {
		g.do("stabilize %s", other)
	}
	for n := 1 + g.random.Intn(2); n > 0; n-- {
		g.do("propose %d %s", leader, g.word())
	}
	g.do("stabilize %d", leader)
	if g.chance(0.5) {
		g.do("deliver-msgs %s", list("drop", g.some(0.5)))
	}
}

// handOverJoint begins to hand over while a joint configuration waits to be left, in vain.
func (g *generator) handOverJoint() {
	leader, to := g.leader(), g.anyone()
	transition := []string{"implicit", "auto", "explicit"}[g.random.Intn(3)]
	g.doBlock(block{line: fmt.Sprintf("propose-conf-change %d transition=%s", leader, transition),
		input: fmt.Sprintf("v%d l%d", g.anyone(), g.peer())})
	g.do("process-ready %d", leader)
	for _, other := range g.others(leader, 1) {
		g.do("stabilize %s", other)
	}
	g.do("deliver-msgs %d", leader)
	g.do("transfer-leadership from=%d to=%d", leader, to)
	g.do("stabilize %d", leader)
	if leader != to {
		g.do("deliver-msgs drop=(%d)", to)
	}
	g.setTimeout(leader)
	g.do("tick-election %d", leader)
	if g.chance(0.5) {
		g.proposeOne()
	}
	g.do("stabilize")
}

// overtake sends a snapshot to a node that has not applied yet what it was handed out.
func (g *generator) overtake() {
	leader, slow := g.leader(), g.anyone()
	if leader == slow || g.node(leader).BasicStatus().RaftState != raft.StateLeader {
		return
	}
	g.doBlock(block{line: fmt.Sprintf("propose-conf-change %d v1=true", leader),
		input: fmt.Sprintf("%c%d", "vlr"[g.random.Intn(3)], 1+g.random.Intn(g.count()+2))})
	others := g.others(slow, 1)
	g.do("stabilize %s", strings.Join(others, " "))
	for n := 2; n > 0; n-- {
		g.do("deliver-msgs %d", slow)
		g.do("process-ready %d", slow)
		g.do("process-append-thread %d", slow)
		g.do("deliver-msgs %d", slow)
	}
	g.do("propose %d %s", leader, g.word())
	g.do("stabilize %s", strings.Join(others, " "))
	g.do("deliver-msgs drop=(%d)", slow)
	if g.ended || g.node(leader).BasicStatus().RaftState != raft.StateLeader {
		return
	}
	g.do("send-snapshot %d %d", leader, slow)
	g.do("deliver-msgs %d", slow)
	g.do("process-apply-thread %d", slow)
}

// crowd proposes more than a limit may let in, changes of the membership among it.
func (g *generator) crowd() {
	leader := g.leader()
	for n := 2 + g.random.Intn(3); n > 0; n-- {
		if g.chance(0.5) {
			g.do("propose %d %s", leader, g.word()+strings.Repeat("y", g.random.Intn(60)))
		} else {
			g.doBlock(block{line: fmt.Sprintf("propose-conf-change %d v1=%t", leader, g.chance(0.5)),
				input: fmt.Sprintf("%c%d", "vlu"[g.random.Intn(3)], g.peer())})
		}
	}
	if g.chance(0.5) {
		g.do("stabilize")
		g.changeMembers()
	}
}

func (g *generator) logLevel() {
	g.do("log-level %s", []string{"none", "debug", "DEBUG", "Info", "info", "warn", "error", "fatal"}[g.random.Intn(8)])
}

// tickUnprepared ticks where no chance is in it (model.predictable).
func (g *generator) tickUnprepared() {
	id, kind := g.anyone(), "tick-election"
	if g.chance(0.6) {
		kind = "tick-heartbeat"
	}
	if g.model.predictable(g.node(id).RawNode, kind) {
		g.do("%s %d", kind, id)
	}
}

// mistake is a command that is answered by an error, and changes nothing.
func (g *generator) mistake() {
	id := g.anyone()
	change := func(options, input string) {
		g.doBlock(block{line: strings.TrimSpace(fmt.Sprintf("propose-conf-change %d %s", id, options)), input: input})
	}
	switch g.random.Intn(14) {
	case 0:
		g.do("_breakpoint")
	case 1:
		g.do("no-such-command %d", id)
	case 2:
		g.do("log-level loud")
	case 3:
		g.do("stabilize log-level=loud")
	case 4:
		g.do("add-nodes 1 voters=(1,2) index=%d", g.random.Intn(2))
	case 5:
		g.do("add-nodes 1 learners=(1)")
	case 6:
		g.do("add-nodes 1 read-only=%s", []string{"unsafe", "Safe", "lease"}[g.random.Intn(3)])
	case 7:
		g.do("add-nodes 0")
	case 8:
		change("transition="+[]string{"joint", "Auto", "none"}[g.random.Intn(3)], "v1")
	case 9:
		change("v1=true", "v1 v2")
	case 10:
		change("v1=true transition=explicit", "v1")
	case 11:
		change("version=1", "v1")
	case 12:
		change("", []string{"v", "x1", "v1  v2", "v1x", "v-1", "v1 18446744073709551616", "v18446744073709551616", "v 1",
			"l2\nv3", `r"`}[g.random.Intn(10)])
	case 13:
		g.do("report-unreachable %d", id)
	}
}
