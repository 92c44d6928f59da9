// main.go - encodings of both decoded by both: random messages of every type and the parts that
// embedders keep in files, field by field.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"

	"libraft.example/interop/frames"
	"libraft.example/interop/summary"
)

func main() {
	first := flag.Int64("first", 1, "seed")
	count := flag.Int("count", 20000, "random objects each way")
	path := flag.String("codec", "build/interop/codec", "libraft's program")
	flag.Parse()
	program, err := frames.Start(*path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "encodings:", err)
		os.Exit(2)
	}
	c := newComparison(program, *first)
	for n := 0; n < *count && c.differences < 10; n++ {
		c.fromGo()
		c.fromLibraft()
		c.damaged()
	}
	if err := program.Close(); err != nil {
		c.differs("libraft's program: %v", err)
	}
	fmt.Println("  encoded by Go, decoded and encoded by libraft:", summary.Of(c.ours))
	fmt.Println("  encoded by libraft, decoded and encoded by Go:", summary.Of(c.theirs))
	fmt.Println("  damaged, decoded by both:                    ", summary.Of(c.spoilt))
	fmt.Printf("encodings: %d objects by Go, %d by libraft, %d damaged, %d differences (seed %d)\n",
		total(c.ours), total(c.theirs), total(c.spoilt), c.differences, *first)
	if c.differences > 0 {
		os.Exit(1)
	}
}

func total(counts map[string]int) (sum int) {
	for _, count := range counts {
		sum += count
	}
	return sum
}
