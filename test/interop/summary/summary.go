// Package summary puts counts by name into words, the same ones every time.
//
// SPDX-License-Identifier: Apache-2.0
package summary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Names are those that were counted, in order.
func Names(counts map[string]int) []string {
	return slices.Sorted(maps.Keys(counts))
}

// Of says how often each was.
func Of(counts map[string]int) string {
	var parts []string
	for _, name := range Names(counts) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}
