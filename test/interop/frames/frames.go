// Package frames speaks with libraft's programs over pipes: frames of requests and answers, as
// ../pipe/pipe.h describes them.
//
// SPDX-License-Identifier: Apache-2.0
package frames

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Record is a part of an answer.
type Record struct {
	Letter byte
	A, B   uint64
	Data   []byte
}

// Program is a running one.
type Program struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// Start runs the program at that path.
func Start(path string) (*Program, error) {
	p := &Program{command: exec.Command(path)}
	p.command.Stderr = os.Stderr
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.command.Start()
}

// Close ends it. The error is that of a program that did not end well.
func (p *Program) Close() error {
	p.in.Close()
	return p.command.Wait()
}

// Call makes one request. It panics when the program is gone.
func (p *Program) Call(letter byte, a, b uint64, data []byte) (int32, []Record) {
	frame := binary.LittleEndian.AppendUint32(nil, uint32(17+len(data)))
	frame = append(frame, letter)
	frame = binary.LittleEndian.AppendUint64(frame, a)
	frame = binary.LittleEndian.AppendUint64(frame, b)
	if _, err := p.in.Write(append(frame, data...)); err != nil {
		panic(fmt.Sprint("libraft's program is gone: ", err))
	}
	answer := p.read(binary.LittleEndian.Uint32(p.read(4)))
	code := int32(binary.LittleEndian.Uint32(answer))
	var records []Record
	for answer = answer[4:]; len(answer) > 0; {
		end := 21 + binary.LittleEndian.Uint32(answer[17:])
		records = append(records, Record{answer[0], binary.LittleEndian.Uint64(answer[1:]),
			binary.LittleEndian.Uint64(answer[9:]), answer[21:end]})
		answer = answer[end:]
	}
	return code, records
}

func (p *Program) read(size uint32) []byte {
	data := make([]byte, size)
	if _, err := io.ReadFull(p.out, data); err != nil {
		panic(fmt.Sprint("libraft's program is gone: ", err))
	}
	return data
}
