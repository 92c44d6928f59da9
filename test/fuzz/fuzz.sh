#!/bin/bash
# fuzz.sh - go on fuzzing, or choose the inputs that are kept in git.
#
# Usage: test/fuzz/fuzz.sh run SECONDS [TARGET]    fuzz each target (or one: step) so long
#        test/fuzz/fuzz.sh merge [TARGET]          minimise what was found into test/fuzz/corpus/
#
# New inputs go to build/fuzz/corpus/, what breaks something to build/fuzz/findings/: `run` then
# ends with exit status 1, and the programs of build/fuzz/ or build/test/fuzz/ repeat it, given
# the file. One line a target says how many inputs were executed. JOBS=N targets run side by side.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly FOUND=build/fuzz/findings LOG=build/fuzz/log
readonly MOST_FILES=64 MOST_BYTES=100000
readonly JOBS=${JOBS:-1}

targets() {
  local program
  for program in build/fuzz/fuzz_*; do
    program=${program##*/}
    [ -f "test/fuzz/$program.c" ] && [[ "${1:-${program#fuzz_}}" == "${program#fuzz_}" ]] && echo "$program"
  done
}

# Longer inputs find little that short ones do not, and take long.
length() {
  case $1 in
  fuzz_datadriven) echo 2048 ;;
  *) echo 1024 ;;
  esac
}

# fuzz TARGET SECONDS
fuzz() {
  local target=$1 status=0
  mkdir -p "build/fuzz/corpus/$target" "test/fuzz/corpus/$target" "$FOUND" "$LOG"
  "build/fuzz/$target" -max_total_time="$2" -max_len="$(length "$target")" -timeout=60 \
    -rss_limit_mb=2048 -print_final_stats=1 -len_control=20 -artifact_prefix="$FOUND/$target-" \
    "build/fuzz/corpus/$target" "test/fuzz/corpus/$target" > "$LOG/$target.log" 2>&1 || status=$?
  return "$status"
}

# report TARGET STATUS
report() {
  local log=$LOG/$1.log verdict='0 findings'
  [ "$2" = 0 ] || verdict="FOUND something, see $FOUND/ and $log"
  awk -v target="$1" -v verdict="$verdict" '
    / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1) } }
    /^Done / { runs = $2; seconds = $5 }
    /stat::number_of_executed_units/ { runs = $2 }
    END { printf "fuzz  %-16s %10d executions %6d s  edges %d features %d  %s\n", target, runs, seconds, cov, ft, verdict }' \
    "$log"
}

run() {
  local seconds=$1 target failed=0 pid running=()
  for target in $(targets "${2:-}"); do
    fuzz "$target" "$seconds" &
    running+=("$!:$target")
    [ "${#running[@]}" -ge "$JOBS" ] || continue
    for pid in "${running[@]}"; do wait "${pid%%:*}"; finish "${pid#*:}" $? || failed=1; done
    running=()
  done
  for pid in ${running[@]+"${running[@]}"}; do wait "${pid%%:*}"; finish "${pid#*:}" $? || failed=1; done
  return "$failed"
}

# finish TARGET STATUS
finish() {
  report "$1" "$2"
  [ "$2" = 0 ] || { tail -n 40 "$LOG/$1.log" && return 1; }
}

# The smallest inputs that reach what all of them reach, as many as fit.
merge() {
  local target kept bytes file
  for target in $(targets "${1:-}"); do
    kept=build/fuzz/kept/$target
    rm -rf "$kept" && mkdir -p "$kept" "test/fuzz/corpus/$target" "build/fuzz/corpus/$target"
    "build/fuzz/$target" -merge=1 "$kept" "test/fuzz/corpus/$target" "build/fuzz/corpus/$target" \
      > /dev/null 2>&1
    choose "$kept" "test/fuzz/corpus/$target"
  done
}

# choose FROM TO: named regressions stay; of the rest those that libFuzzer kept, evenly over all sizes.
choose() {
  local files count step i bytes=0 size
  find "$2" -type f ! -name 'found-*' -delete
  mapfile -t files < <(find "$1" -type f -printf '%s %p\n' | sort -n | cut -d ' ' -f 2-)
  count=$((MOST_FILES - $(find "$2" -type f | wc -l)))
  step=$(((${#files[@]} + count - 1) / count))
  for ((i = ${#files[@]} - 1; i >= 0; i -= step)); do
    size=$(stat -c %s "${files[$i]}")
    [ $((bytes + size)) -le "$MOST_BYTES" ] || continue
    bytes=$((bytes + size))
    cp "${files[$i]}" "$2/"
  done
  echo "$2: $(find "$2" -type f | wc -l) files, $bytes bytes, of ${#files[@]}"
}

case ${1:-} in
run) run "${2:?seconds}" "${3:-}" ;;
merge) merge "${2:-}" ;;
*) echo 'usage: test/fuzz/fuzz.sh run SECONDS [TARGET] | merge [TARGET]' >&2 && exit 2 ;;
esac
