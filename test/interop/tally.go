// tally.go - what random scripts had in them: commands, their options, messages, how they ended.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/cockroachdb/datadriven"

	"libraft.example/interop/summary"
)

type tally struct {
	scripts, blocks, whole int
	commands               map[string]int            // by name
	options                map[string]map[string]int // by command and option
	messages               map[string]int            // lines about them, by type
	errors                 map[string]int            // answers that say what is wrong
}

func newTally() *tally {
	return &tally{commands: map[string]int{}, options: map[string]map[string]int{},
		messages: map[string]int{}, errors: map[string]int{}}
}

// Options whose values are few: each counts by itself.
var fewValues = map[string]bool{"transition": true, "read-only": true, "v1": true, "log-level": true}

var messageType = regexp.MustCompile(`(?m)->\S+ (Msg[A-Za-z]+)`)

func (t *tally) add(blocks []block, whole bool) {
	t.scripts++
	t.blocks += len(blocks)
	if whole {
		t.whole++
	}
	for _, b := range blocks {
		t.addBlock(b)
	}
}

func (t *tally) addBlock(b block) {
	command, arguments, err := datadriven.ParseLine(b.line)
	if err != nil {
		return
	}
	t.commands[command]++
	if t.options[command] == nil {
		t.options[command] = map[string]int{}
	}
	for _, option := range options(command, arguments, b.input) {
		t.options[command][option]++
	}
	for _, match := range messageType.FindAllStringSubmatch(b.output, -1) {
		t.messages[match[1]]++
	}
	for _, line := range strings.Split(b.output, "\n") {
		if known := errorIn(line); known != "" {
			t.errors[known]++
		}
	}
}

func options(command string, arguments []datadriven.CmdArg, input string) []string {
	var found []string
	for _, argument := range arguments {
		if len(argument.Vals) == 0 {
			continue
		}
		if fewValues[argument.Key] {
			found = append(found, argument.Key+"="+strings.ToLower(argument.Vals[0]))
		} else {
			found = append(found, argument.Key)
		}
	}
	if command == "log-level" && len(arguments) > 0 {
		found = append(found, strings.ToLower(arguments[0].Key))
	}
	if command == "propose-conf-change" {
		found = append(found, changeKinds(input)...)
	}
	if ids := len(arguments) - len(found); ids > 1 && manyIds[command] {
		found = append(found, "several ids")
	}
	return found
}

var manyIds = map[string]bool{"stabilize": true, "process-ready": true, "deliver-msgs": true,
	"process-append-thread": true, "process-apply-thread": true}

func changeKinds(input string) []string {
	tokens := strings.Fields(input)
	if len(tokens) == 0 {
		return []string{"leave"}
	}
	kinds := map[string]bool{}
	for _, token := range tokens {
		kinds[token[:1]] = true
	}
	var found []string
	for kind := range kinds {
		if strings.Contains("vlru", kind) {
			found = append(found, kind)
		}
	}
	if len(tokens) > 1 {
		found = append(found, "several changes")
	}
	return found
}

var errorLines = []string{"raft proposal dropped", "raft: cannot step as peer not found",
	"requested index is unavailable due to compaction", "no messages", "no append work to perform",
	"no apply work to perform", "log is empty", "unknown ", "must specify", "invalid ", "strconv.", "log levels must be",
	"index must", "v1 conf change"}

func errorIn(line string) string {
	line = strings.TrimSpace(line)
	for _, begin := range errorLines {
		if strings.HasPrefix(line, begin) {
			return strings.TrimSpace(begin)
		}
	}
	return ""
}

// --- printing ---

// wrapped puts words on lines behind a first column.
func wrapped(head, body string) string {
	var lines []string
	line := fmt.Sprintf("  %-32s ", head)
	for _, word := range strings.SplitAfter(body, ", ") {
		if len(line)+len(word) > 118 {
			lines = append(lines, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", 35)
		}
		line += word
	}
	return strings.Join(append(lines, strings.TrimRight(line, " ")), "\n")
}

func (t *tally) print() {
	fmt.Println("  commands, with their options")
	for _, name := range summary.Names(t.commands) {
		fmt.Println(wrapped(fmt.Sprintf("%s %d", name, t.commands[name]), summary.Of(t.options[name])))
	}
	fmt.Println(wrapped("messages", summary.Of(t.messages)))
	fmt.Println(wrapped("answers", summary.Of(t.errors)))
	fmt.Printf("  %d of %d scripts came to their end\n", t.whole, t.scripts)
}
