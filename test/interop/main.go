// main.go - compares libraft with etcd-io/raft: random scripts, answered by the model, run by
// libraft's datadriven runner.
//
// Exit status: 0 no difference, 1 differences (minimised scripts are left in -out), 2 could not
// be done.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"sort"

	"go.etcd.io/raft/v3"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "interop:", err)
	os.Exit(2)
}

func readScript(path string) []block {
	script, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	return parse(string(script))
}

// runSeeds runs the scripts of the seeds first..last, many a runner, and returns those that differ.
func runSeeds(r *runner, first, last int64, seen *tally) (different []int64) {
	const batch = 200
	for begin := first; begin <= last; begin += batch {
		var paths []string
		seeds := map[string]int64{}
		for seed := begin; seed < begin+batch && seed <= last; seed++ {
			script, whole := generate(seed)
			seen.add(script, whole)
			path := r.path(fmt.Sprintf("seed-%d.txt", seed))
			r.write(path, text(fmt.Sprintf("Seed %d.", seed), script))
			paths = append(paths, path)
			seeds[path] = seed
		}
		for _, path := range r.failures(paths) {
			different = append(different, seeds[path])
		}
		for _, path := range paths {
			os.Remove(path)
		}
	}
	return different
}

func report(r *runner, seed int64, out string) {
	blocks, _ := generate(seed)
	small := r.minimise(blocks)
	script := text(fmt.Sprintf("Seed %d, minimised.", seed), small)
	path := filepath.Join(out, fmt.Sprintf("different-%d.txt", seed))
	r.write(path, script)
	fmt.Printf("seed %d: %s, %d blocks\n%s\n", seed, path, len(small), r.explain(path))
}

func printCuts() {
	var reasons []string
	for reason := range cuts {
		reasons = append(reasons, reason)
	}
	sort.Slice(reasons, func(i, j int) bool { return cuts[reasons[i]] > cuts[reasons[j]] })
	for i, reason := range reasons {
		if i == 12 {
			break
		}
		fmt.Printf("  %6d  %.140s\n", cuts[reason], reason)
	}
}

func main() {
	first := flag.Int64("first", 1, "first seed")
	count := flag.Int64("count", 2000, "number of seeds")
	program := flag.String("runner", "build/test/datadriven", "libraft's runner")
	out := flag.String("out", "build/interop", "folder for scripts")
	shown := flag.Int("shown", 5, "differences to minimise")
	minimise := flag.String("minimise", "", "minimise this script instead")
	answer := flag.String("fill", "", "print this script with the model's answers instead")
	print := flag.Bool("print", false, "print the script of the first seed instead")
	why := flag.Bool("why", false, "print why scripts ended before their end")
	flag.Parse()
	raft.SetLogger(&raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)})
	if *print {
		blocks, _ := generate(*first)
		fmt.Print(text(fmt.Sprintf("Seed %d.", *first), blocks))
		return
	}
	if *answer != "" {
		fmt.Print(text("Answers of etcd-io/raft.", fill(readScript(*answer))))
		return
	}
	r, err := newRunner(*program, *out)
	if err != nil {
		fail(err)
	}
	defer r.close()
	if *minimise != "" {
		fmt.Print(text("Minimised.", r.minimise(readScript(*minimise))))
		return
	}
	seen := newTally()
	different := runSeeds(r, *first, *first+*count-1, seen)
	seen.print()
	if *why {
		printCuts()
	}
	for i, seed := range different {
		if i < *shown {
			report(r, seed, *out)
		}
	}
	fmt.Printf("scripts: %d random scripts, %d commands, %d differences (seeds %d to %d)\n",
		*count, seen.blocks, len(different), *first, *first+*count-1)
	if len(different) > 0 {
		fmt.Println("different seeds:", different)
		r.close()
		os.Exit(1)
	}
}
