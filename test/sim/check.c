/* check.c - remembering votes, entries, commits and configurations, and comparing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"

void sim_check_close(sim_check *check) {
  free(check->terms);
  free(check->newest_entry);
  free(check->entries);
  free(check->committed);
  memset(check, 0, sizeof *check);
}

void sim_check_broken(sim_check *check, const char *format, ...) {
  if (check->broken) {
    return;
  }
  check->broken = true;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(check->what, sizeof check->what, format, args);
  va_end(args);
}

/* Room for position `wanted` in an array that grows with zeros. */
static void *reach(void *array, size_t *count, uint64_t wanted, size_t size) {
  if (wanted < *count) {
    return array;
  }
  size_t more = (size_t)wanted + 1 + *count / 2 + 64;
  char *grown = sim_resize(array, more, size);
  memset(grown + *count * size, 0, (more - *count) * size);
  *count = more;
  return grown;
}

/* ---- terms ---- */

static sim_term *term_at(sim_check *check, uint64_t term) {
  check->terms = reach(check->terms, &check->term_count, term, sizeof *check->terms);
  return &check->terms[term];
}

void sim_check_vote(sim_check *check, uint64_t term, unsigned voter, unsigned candidate) {
  uint8_t *vote = &term_at(check, term)->votes[voter];
  if (*vote != 0 && *vote != candidate) {
    sim_check_broken(check,
                     "one vote a term: n%u gave its vote of term %" PRIu64 " to n%u and to n%u",
                     voter, term, *vote, candidate);
  }
  *vote = (uint8_t)candidate;
}

/* The newest entry that was committed before this term began. */
static uint64_t committed_before(const sim_check *check, uint64_t term) {
  uint64_t index = check->commit;
  while (index > 0 && check->committed[index].by_term >= term) {
    index--;
  }
  return index;
}

static void check_completeness(sim_check *check, uint64_t term, unsigned leader,
                               const sim_log_state *log) {
  uint64_t index = committed_before(check, term), own_term = 0, chain = 0;
  if (index <= log->cut || check->committed[index].term == 0) {
    return; /* all of it is behind the cut; or nobody saw the entry itself */
  }
  if (!sim_log_at(log, index, &own_term, &chain)) {
    sim_check_broken(check,
                     "leader completeness: n%u leads term %" PRIu64 " with a log up to %" PRIu64
                     ", but %" PRIu64 " was committed in term %" PRIu64,
                     leader, term, sim_log_last(log), index, check->committed[index].by_term);
  } else if (chain != check->committed[index].chain) {
    sim_check_broken(check,
                     "leader completeness: n%u leads term %" PRIu64
                     ", but its log differs at or below %" PRIu64 " from what was committed in "
                     "term %" PRIu64,
                     leader, term, index, check->committed[index].by_term);
  }
}

void sim_check_leader(sim_check *check, uint64_t term, unsigned leader, const sim_log_state *log) {
  sim_term *known = term_at(check, term);
  if (known->leader != 0 && known->leader != leader) {
    sim_check_broken(check, "one leader a term: n%u and n%u both lead term %" PRIu64, known->leader,
                     leader, term);
  }
  known->leader = (uint8_t)leader;
  check_completeness(check, term, leader, log);
}

/* ---- entries ---- */

void sim_check_entry(sim_check *check, unsigned node, uint64_t index, uint64_t term,
                     uint64_t chain) {
  check->newest_entry =
      reach(check->newest_entry, &check->index_count, index, sizeof *check->newest_entry);
  uint32_t at = check->newest_entry[index];
  for (; at != 0; at = check->entries[at - 1].older) {
    const sim_known_entry *known = &check->entries[at - 1];
    if (known->term != term) {
      continue;
    }
    if (known->chain != chain) {
      sim_check_broken(check,
                       "log matching: n%u has an entry of term %" PRIu64 " at %" PRIu64
                       ", as another log has, but they differ at or below it",
                       node, term, index);
    }
    return;
  }
  if (check->entry_count == check->entry_capacity) {
    check->entry_capacity = check->entry_capacity == 0 ? 256 : check->entry_capacity * 2;
    check->entries = sim_resize(check->entries, check->entry_capacity, sizeof *check->entries);
  }
  sim_known_entry known = {term, chain, check->newest_entry[index]};
  check->entries[check->entry_count++] = known;
  check->newest_entry[index] = (uint32_t)check->entry_count;
}

/* ---- commits ---- */

static sim_committed *committed_at(sim_check *check, uint64_t index) {
  check->committed =
      reach(check->committed, &check->committed_count, index, sizeof *check->committed);
  return &check->committed[index];
}

void sim_check_commit(sim_check *check, unsigned node, uint64_t node_term, const raft_entry *entry,
                      uint64_t chain) {
  sim_committed *known = committed_at(check, entry->index);
  if (known->term == 0) {
    known->term = entry->term;
    known->chain = chain;
    known->by_term = node_term;
    known->is_change = entry->type != RAFT_ENTRY_NORMAL;
  } else if (known->chain != chain) {
    sim_check_broken(check,
                     "committed entries stay: n%u has committed %" PRIu64 " with an entry of term "
                     "%" PRIu64 ", which was committed before with one of term %" PRIu64
                     ", or they differ below it",
                     node, entry->index, entry->term, known->term);
  }
  if (entry->index > check->commit) {
    check->commit = entry->index;
  }
}

void sim_check_apply(sim_check *check, unsigned node, const sim_image *machine) {
  sim_committed *known = committed_at(check, machine->index);
  if (known->term == 0) {
    sim_check_broken(check, "n%u applied %" PRIu64 ", which nobody has committed", node,
                     machine->index);
  } else if (known->chain != machine->chain) {
    sim_check_broken(check,
                     "equal applied prefixes: n%u applied something else up to %" PRIu64
                     " than was committed",
                     node, machine->index);
  } else if (known->has_conf && !sim_conf_equal(&known->conf, &machine->conf)) {
    sim_check_broken(check,
                     "configuration lineage: n%u has another membership at %" PRIu64
                     " than a node that was there before",
                     node, machine->index);
  }
  known->conf = machine->conf;
  known->has_conf = machine->index >= check->conf_from;
  known->applied = true;
  if (machine->index > check->applied) {
    check->applied = machine->index;
  }
}
