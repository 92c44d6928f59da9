# table.awk - lines "name TAB unit TAB value" of two files become a table of medians and ratios.
#
# SPDX-License-Identifier: Apache-2.0

function median(values, sorted, n, i, j, v) {
  n = split(values, sorted, " ")
  for (i = 2; i <= n; i++) {
    v = sorted[i] + 0
    for (j = i - 1; j > 0 && sorted[j] + 0 > v; j--) {
      sorted[j + 1] = sorted[j]
    }
    sorted[j + 1] = v
  }
  least = sorted[1] + 0
  return (n % 2 == 1) ? sorted[(n + 1) / 2] + 0 : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

function show(value) {
  return value >= 100 || value == int(value) ? sprintf("%.0f", value) : sprintf("%.1f", value)
}

function cell(value) {
  return sprintf("%9s (%s)", show(value), show(least))
}

FNR == NR {
  if (!($1 in unit)) {
    order[++points] = $1
  }
  unit[$1] = $2
  ours[$1] = ours[$1] " " $3
  next
}

{ etcd[$1] = etcd[$1] " " $3 }

END {
  printf "%-48s %-6s %20s %24s %7s\n", "point", "unit", "libraft", "etcd-io/raft", "ratio"
  for (i = 1; i <= points; i++) {
    name = order[i]
    mine = median(ours[name])
    line = sprintf("%-48s %-6s %20s", name, unit[name], cell(mine))
    if (name in etcd) {
      theirs = median(etcd[name])
      ratio = mine > 0 ? sprintf("%.1f", theirs / mine) : "-"
      line = line sprintf(" %24s %7s", cell(theirs), ratio)
    }
    print line
  }
}
