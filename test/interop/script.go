// script.go - an interaction script: blocks of a command, its input and its output, as text.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"regexp"
	"strings"
)

// block is one command of a script.
type block struct {
	line   string // command and arguments
	input  string // lines below the command, joined by newlines; mostly none
	output string // what the model answered; without log lines
}

var logLine = regexp.MustCompile(`^\s*(DEBUG|INFO|WARN|ERROR|FATAL) `)

// withoutLogs takes out the log lines, whose words need not be the same everywhere.
func withoutLogs(output string) string {
	var kept strings.Builder
	for _, line := range strings.SplitAfter(output, "\n") {
		if !logLine.MatchString(line) {
			kept.WriteString(line)
		}
	}
	if kept.Len() == 0 {
		return "ok"
	}
	return kept.String()
}

// text is the script as the datadriven runner reads it.
func text(comment string, blocks []block) string {
	var script strings.Builder
	script.WriteString("# " + comment + "\n\n")
	for i, b := range blocks {
		if i > 0 {
			script.WriteString("\n")
		}
		script.WriteString(b.line + "\n")
		if b.input != "" {
			script.WriteString(b.input + "\n")
		}
		script.WriteString("----\n" + strings.TrimRight(b.output, "\n") + "\n")
	}
	return script.String()
}

// parse reads blocks back from a script, for running it again.
func parse(script string) []block {
	var blocks []block
	lines := strings.Split(script, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		b := block{line: line}
		var input []string
		for i++; i < len(lines) && lines[i] != "----"; i++ {
			input = append(input, lines[i])
		}
		b.input = strings.TrimSpace(strings.Join(input, "\n"))
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
		}
		blocks = append(blocks, b)
	}
	return blocks
}
