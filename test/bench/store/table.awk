# table.awk - points of all rounds to a table: a row an operation and number of connections, beside
# each other the systems; ratios are ours to theirs, of the medians.
#
# Columns: round, system, operation, connections, rate, p50, p99, us of CPU an operation, processors,
# errors.
#
# SPDX-License-Identifier: Apache-2.0

function median(key, column, n, i, j, list, swap) {
  n = count[key]
  for (i = 1; i <= n; i++) list[i] = value[key, i, column]
  for (i = 1; i < n; i++)
    for (j = i + 1; j <= n; j++)
      if (list[j] + 0 < list[i] + 0) { swap = list[i]; list[i] = list[j]; list[j] = swap }
  return n == 0 ? "" : n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

function cell(key) {
  if (!(key in count)) return "-"
  return sprintf("%.0f (%.2f/%.2f), %.0f us%s", median(key, 5), median(key, 6), median(key, 7), median(key, 8),
    errors[key] > 0 ? ", " errors[key] " errors" : "")
}

function ratio(ours, theirs) {
  if (!(ours in count) || !(theirs in count) || median(theirs, 5) == 0) return "-"
  return sprintf("%.2f", median(ours, 5) / median(theirs, 5))
}

{
  key = $2 SUBSEP $3 SUBSEP $4
  n = ++count[key]
  for (column = 5; column <= 9; column++) value[key, n, column] = $column
  errors[key] += $10
  row = $3 SUBSEP $4
  if (!(row in seen)) { seen[row] = 1; rows[++last] = row }
}

END {
  print "| operation, connections | kvexample: op/s (p50/p99 ms), CPU of the servers | etcd 3.4 | Redis 7 | ours/etcd | ours/Redis |"
  print "| --- | --- | --- | --- | --- | --- |"
  for (i = 1; i <= last; i++) {
    split(rows[i], part, SUBSEP)
    tail = SUBSEP part[1] SUBSEP part[2]
    printf "| %s, %s | %s | %s | %s | %s | %s |\n", part[1], part[2], cell("kvexample" tail), cell("etcd" tail),
      cell("redis" tail), ratio("kvexample" tail, "etcd" tail), ratio("kvexample" tail, "redis" tail)
  }
}
