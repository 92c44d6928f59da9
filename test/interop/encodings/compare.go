// compare.go - the three ways of comparing: from Go to libraft, from libraft to Go, and bytes that are
// no longer what anybody encoded.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"libraft.example/interop/frames"
)

// What libraft's programs call the kinds.
const kinds = "mmmmmehsc12"

type comparison struct {
	program     *frames.Program
	make        maker
	differences int
	// Counted, by kind.
	ours, theirs, spoilt map[string]int
}

func newComparison(program *frames.Program, seed int64) *comparison {
	return &comparison{program: program, make: maker{rand.New(rand.NewSource(seed))},
		ours: map[string]int{}, theirs: map[string]int{}, spoilt: map[string]int{}}
}

func (c *comparison) differs(format string, arguments ...any) {
	c.differences++
	fmt.Printf("encodings: "+format+"\n", arguments...)
}

func (c *comparison) kind() byte { return kinds[c.make.Intn(len(kinds))] }

func name(object proto.Message) string {
	if message, ok := object.(*raftpb.Message); ok {
		return message.GetType().String()
	}
	return string(object.ProtoReflect().Descriptor().Name())
}

func encoded(object proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(object)
	if err != nil {
		panic(err)
	}
	return data
}

// answer is what libraft says: its code, the fields, its bytes.
func (c *comparison) answer(kind byte, a, b uint64, data []byte) (code int32, text string, again []byte) {
	code, records := c.program.Call(kind, a, b, data)
	for _, record := range records {
		switch record.Letter {
		case 't':
			text = string(record.Data)
		case 'b':
			again = record.Data
		}
	}
	return code, text, again
}

// fromStorage: libraft takes no message from one who pretends to be a storage thread of a node.
func fromStorage(object proto.Message) bool {
	message, ok := object.(*raftpb.Message)
	return ok && message.GetFrom() >= math.MaxUint64-1
}

// fromGo: libraft decodes what Go encoded to the same fields, and encodes it to the same bytes but
// for what it leaves out (plain).
func (c *comparison) fromGo() {
	kind := c.kind()
	object := c.make.object(kind)
	data := c.make.disguised(kind, encoded(object))
	code, text, again := c.answer(kind, 0, 0, data)
	if fromStorage(object) {
		if code == 0 {
			c.differs("libraft takes a message from a storage thread: %x", data)
		}
		return
	}
	c.ours[name(object)]++
	want := fields(object)
	switch plain := encoded(plain(object)); {
	case code != 0:
		c.differs("libraft refuses %x: %d\n  %s", data, code, want)
	case text != want:
		c.differs("fields of %x\n  Go      %s\n  libraft %s", data, want, text)
	case !bytes.Equal(again, plain):
		c.differs("bytes of %s\n  Go      %x\n  libraft %x", want, plain, again)
	}
}

// fromLibraft: Go decodes what libraft encoded to the same fields, and encodes it to the same bytes.
func (c *comparison) fromLibraft() {
	kind := c.kind()
	_, text, data := c.answer(kind, 1, c.make.Uint64(), nil)
	object := empty(kind)
	if err := proto.Unmarshal(data, object); err != nil {
		c.differs("Go refuses %x: %v\n  %s", data, err, text)
		return
	}
	c.theirs[name(object)]++
	if got := fields(object); got != text {
		c.differs("fields of %x\n  libraft %s\n  Go      %s", data, text, got)
	} else if again := encoded(object); !bytes.Equal(again, data) {
		c.differs("bytes of %s\n  libraft %x\n  Go      %x", text, data, again)
	}
}

// damaged: bytes cut short or changed. What both take has the same fields for both; what Go takes cut
// short, libraft takes too. Otherwise each may refuse what the other takes: libraft is stricter where
// it says so (wire.h); it skips unread what it does not know, such as the local field 14 and numbers of
// fields that are too large. What it understood then must be what Go understands of its bytes.
func (c *comparison) damaged() {
	kind := c.kind()
	data := encoded(c.make.object(kind))
	cut := c.make.Intn(2) == 0
	if cut {
		data = data[:c.make.Intn(len(data)+1)]
	} else if len(data) > 0 {
		data[c.make.Intn(len(data))] ^= 1 << c.make.Intn(8)
	}
	code, text, again := c.answer(kind, 0, 0, data)
	object := empty(kind)
	err := proto.Unmarshal(data, object)
	switch {
	case code == 0 && err != nil:
		c.spoilt["taken by libraft alone"]++
		if err := proto.Unmarshal(again, object); err != nil || fields(object) != text {
			c.differs("Go does not understand %x as libraft does (%v)\n  %s", again, err, text)
		}
	case code != 0 && err == nil && cut && !fromStorage(object):
		c.differs("Go takes %x, cut short, libraft does not: %d", data, code)
	case code == 0 && !strange(object.ProtoReflect()):
		c.spoilt["taken by both"]++
		if want := fields(object); text != want {
			c.differs("fields of %x\n  Go      %s\n  libraft %s", data, want, text)
		}
	case code != 0 && err != nil:
		c.spoilt["refused by both"]++
	case code != 0:
		c.spoilt["refused by libraft alone"]++
	default:
		c.spoilt["taken by both, Go kept what it does not know"]++
	}
}

// From here on field numbers mean nothing, to libraft's own options neither.
const nobodys = 200

// disguised makes other bytes of the same meaning: fields that nobody knows, local fields of
// messages, lists in packed form.
func (r maker) disguised(kind byte, data []byte) []byte {
	switch r.Intn(4) {
	case 0:
		data = protowire.AppendTag(data, protowire.Number(nobodys+r.Intn(1000)), protowire.BytesType)
		data = protowire.AppendBytes(data, r.bytes())
	case 1:
		data = protowire.AppendTag(data, protowire.Number(nobodys+r.Intn(1000)), protowire.Fixed64Type)
		data = binary.LittleEndian.AppendUint64(data, r.Uint64())
	case 2:
		if kind == 'm' {
			data = protowire.AppendVarint(protowire.AppendTag(data, 13, protowire.VarintType), r.Uint64())
			data = protowire.AppendTag(data, 14, protowire.BytesType)
			data = protowire.AppendBytes(data, encoded(r.object('m')))
		}
	}
	return data
}
