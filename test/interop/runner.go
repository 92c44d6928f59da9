// runner.go - libraft's datadriven runner, and how a script on which it differs is made small.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"
)

type runner struct {
	program string
	scratch string
}

func newRunner(program, out string) (*runner, error) {
	if _, err := os.Stat(program); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp(out, "run-")
	return &runner{program, scratch}, err
}

func (r *runner) close() { os.RemoveAll(r.scratch) }

func (r *runner) path(name string) string { return filepath.Join(r.scratch, name) }

func (r *runner) write(path, script string) {
	if err := os.WriteFile(path, []byte(script), 0o666); err != nil {
		fail(err)
	}
}

// run gives what libraft's runner printed, and whether it came to a good end.
func (r *runner) run(paths ...string) (string, bool) {
	limit, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(limit, r.program, append([]string{"interaction"}, paths...)...)
	output, err := command.CombinedOutput()
	return string(output), err == nil
}

var outcome = regexp.MustCompile(`(?m)^(ok  |FAIL) ([^\s:]+)`)

// failures are the scripts that libraft answers otherwise. A crash is the failure of the script that
// has no outcome yet; those behind it are run again.
func (r *runner) failures(paths []string) []string {
	var failed []string
	for len(paths) > 0 {
		output, _ := r.run(paths...)
		outcomes := outcome.FindAllStringSubmatch(output, -1)
		for _, match := range outcomes {
			if match[1] == "FAIL" {
				failed = append(failed, match[2])
			}
		}
		if len(outcomes) >= len(paths) {
			break
		}
		failed = append(failed, paths[len(outcomes)])
		paths = paths[len(outcomes)+1:]
	}
	return failed
}

func (r *runner) explain(path string) string {
	output, _ := r.run(path)
	return output
}

// differs says whether libraft answers these commands otherwise than the model; the script with
// the model's answers.
func (r *runner) differs(blocks []block) ([]block, bool) {
	filled := fill(blocks)
	if len(filled) == 0 {
		return nil, false
	}
	path := r.path("candidate.txt")
	r.write(path, text("Candidate.", filled))
	_, good := r.run(path)
	return filled, !good
}

// minimise takes out what is not needed for a difference: blocks, in pieces of shrinking size, then
// single arguments, as long as anything can go.
func (r *runner) minimise(blocks []block) []block {
	filled, bad := r.differs(blocks)
	if !bad {
		return blocks
	}
	for smaller := true; smaller; {
		before := len(filled)
		for size := (len(filled) + 1) / 2; size > 0; size /= 2 {
			filled = r.withoutPieces(filled, size)
		}
		filled = r.withoutArguments(filled)
		smaller = len(filled) < before
	}
	return filled
}

func (r *runner) withoutPieces(blocks []block, size int) []block {
	for at := len(blocks) - size; at >= 0; at -= size {
		if at >= len(blocks) {
			continue
		}
		end := min(at+size, len(blocks))
		candidate := append(append([]block{}, blocks[:at]...), blocks[end:]...)
		if filled, bad := r.differs(candidate); bad {
			blocks = filled
		}
	}
	return blocks
}

func (r *runner) withoutArguments(blocks []block) []block {
	for i := len(blocks) - 1; i >= 0; i-- {
		if i >= len(blocks) {
			continue
		}
		_, arguments, _ := datadriven.ParseLine(blocks[i].line)
		for k := len(arguments) - 1; k > 0; k-- {
			words := strings.Fields(blocks[i].line)
			if k+1 >= len(words) || !needless(words[0], words[k+1]) {
				continue
			}
			candidate := append([]block{}, blocks...)
			candidate[i].line = strings.Join(append(words[:k+1:k+1], words[k+2:]...), " ")
			if filled, bad := r.differs(candidate); bad && len(filled) > i {
				blocks = filled
			}
		}
	}
	return blocks
}

// needless arguments may be left out of a valid command.
func needless(command, argument string) bool {
	switch command {
	case "add-nodes":
		return strings.Contains(argument, "=")
	case "stabilize", "process-ready", "deliver-msgs":
		return true
	}
	return false
}
