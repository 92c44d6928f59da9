/* quorum_kind.c - scripts about quorum math: `committed` and `vote`.
 *
 *   committed cfg=(1,2,3) cfgj=(3,4) idx=(10,_,12,13)
 *   vote cfg=(1,2,3) votes=(y,_,n)
 *
 * cfg is a majority, cfgj makes it a joint quorum (cfgj=zero: with nobody). Values go to the
 * ids in written order, each id once; `_` is an answer that is missing. Besides the answer itself
 * each command tries other ways to get it, and prints a line `<--` for one that disagrees.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"
#include "libraft/quorum.h"

/* What one command is about. */
struct question {
  uint64_t *ids; /* cfg, then cfgj */
  raft_ids majority;
  raft_ids second;
  bool joint;
  uint64_t *voters; /* the union, in written order */
  uint64_t *values; /* of each of them; 0: missing. Votes: 1 no, 2 yes */
  size_t voter_count;
  size_t value_count; /* as many as were given */
};

/* --- reading the question -------------------------------------------------------------------- */

static size_t position_of(const struct question *question, uint64_t id) {
  size_t position = 0;
  while (position < question->voter_count && question->voters[position] != id) {
    position++;
  }
  return position;
}

/* Takes the ids of an argument, which may be absent, into a list. False: not a number. */
static bool read_ids(struct question *question, const struct argument *argument, uint64_t *place,
                     raft_ids *list) {
  size_t count = argument == NULL ? 0 : argument->value_count;
  for (size_t i = 0; i < count; i++) {
    if (!parse_u64(argument->values[i], &place[i])) {
      return false;
    }
    if (position_of(question, place[i]) == question->voter_count) {
      question->voters[question->voter_count++] = place[i];
    }
  }
  *list = (raft_ids){place, count};
  return true;
}

static bool read_configurations(struct question *question, const struct directive *directive) {
  const struct argument *cfg = directive_find(directive, "cfg");
  const struct argument *cfgj = directive_find(directive, "cfgj");
  size_t first = cfg == NULL ? 0 : cfg->value_count;
  bool zero = cfgj != NULL && cfgj->value_count == 1 && strcmp(cfgj->values[0], "zero") == 0;
  size_t count = first + (cfgj == NULL ? 0 : cfgj->value_count);
  question->joint = cfgj != NULL;
  question->ids = must_allocate(count * sizeof *question->ids);
  question->voters = must_allocate(count * sizeof *question->voters);
  return read_ids(question, cfg, question->ids, &question->majority) &&
         read_ids(question, zero ? NULL : cfgj, question->ids + first, &question->second);
}

static bool read_index(const char *string, uint64_t *value) {
  *value = 0;
  return strcmp(string, "_") == 0 || (parse_u64(string, value) && *value > 0);
}

static bool read_vote(const char *string, uint64_t *value) {
  const char *letter = strchr("_ny", *string);
  if (*string == '\0' || letter == NULL || string[1] != '\0') {
    return false;
  }
  *value = (uint64_t)(letter - strchr("_ny", '_'));
  return true;
}

static bool read_values(struct question *question, const struct argument *argument,
                        bool (*read_value)(const char *string, uint64_t *value)) {
  size_t count = argument == NULL ? 0 : argument->value_count;
  question->values = must_allocate(count * sizeof *question->values);
  question->value_count = count;
  for (size_t i = 0; i < count; i++) {
    if (!read_value(argument->values[i], &question->values[i])) {
      return false;
    }
  }
  return true;
}

static void question_free(struct question *question) {
  free(question->ids);
  free(question->voters);
  free(question->values);
}

static int compare_ids(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left;
  uint64_t b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static void print_mismatch(struct question *question, struct text *out) {
  qsort(question->voters, question->voter_count, sizeof *question->voters, compare_ids);
  text_puts(out, "error: mismatched input (explicit or _) for voters map[");
  for (size_t i = 0; i < question->voter_count; i++) {
    text_printf(out, "%s%" PRIu64 ":{}", i == 0 ? "" : " ", question->voters[i]);
  }
  text_puts(out, "]: [");
  for (size_t i = 0; i < question->value_count; i++) {
    text_printf(out, "%s%" PRIu64, i == 0 ? "" : " ", question->values[i]);
  }
  text_puts(out, "]");
}

/* --- what the quorum code is told ------------------------------------------------------------ */

static bool acked(const void *ctx, uint64_t id, uint64_t *index) {
  const struct question *question = ctx;
  size_t position = position_of(question, id);
  if (position == question->voter_count || question->values[position] == 0) {
    return false;
  }
  *index = question->values[position];
  return true;
}

static bool voted(const void *ctx, uint64_t id, bool *granted) {
  uint64_t vote = 0;
  if (!acked(ctx, id, &vote)) {
    return false;
  }
  *granted = vote == 2;
  return true;
}

/* --- committed ------------------------------------------------------------------------------- */

static uint64_t index_of(const struct question *question, uint64_t id) {
  uint64_t index = 0;
  return acked(question, id, &index) ? index : 0;
}

/* Voters sorted by (index, id) have ranks; equal indexes share the rank of their first. */
static size_t rank_of(const struct question *question, uint64_t id) {
  size_t rank = 0;
  for (size_t i = 0; i < question->voter_count; i++) {
    rank += index_of(question, question->voters[i]) < index_of(question, id) ? 1 : 0;
  }
  return rank;
}

static void print_repeated(struct text *out, const char *string, size_t times) {
  for (; times > 0; times--) {
    text_puts(out, string);
  }
}

static void print_voter(const struct question *question, uint64_t id, struct text *out) {
  uint64_t index = 0;
  bool known = acked(question, id, &index);
  size_t rank = known ? rank_of(question, id) : 0;
  print_repeated(out, "x", rank);
  text_puts(out, known ? ">" : "?");
  print_repeated(out, " ", question->voter_count - rank);
  text_printf(out, " %5" PRIu64 "    (id=%" PRIx64 ")\n", index, id);
}

/* A line for each voter with a bar as long as there are voters behind it. */
static void print_bars(const struct question *question, struct text *out) {
  size_t count = question->voter_count;
  if (count == 0) {
    text_puts(out, "<empty majority quorum>");
    return;
  }
  uint64_t *ids = must_allocate(count * sizeof *ids);
  memcpy(ids, question->voters, count * sizeof *ids);
  qsort(ids, count, sizeof *ids, compare_ids);
  print_repeated(out, " ", count);
  text_puts(out, "    idx\n");
  for (size_t i = 0; i < count; i++) {
    print_voter(question, ids[i], out);
  }
  free(ids);
}

static void print_index(uint64_t index, struct text *out) {
  if (index == UINT64_MAX) {
    text_puts(out, "\xe2\x88\x9e"); /* the sign of infinity */
  } else {
    text_printf(out, "%" PRIu64, index);
  }
}

/* Prints what another way came to, if it is not the result. */
static void check_index(uint64_t index, uint64_t result, const char *way, struct text *out) {
  if (index != result) {
    print_index(index, out);
    text_printf(out, " <-- via %s\n", way);
  }
}

/* The definition, word by word: the largest index that enough voters have. */
static uint64_t committed_by_definition(const struct question *question) {
  raft_ids voters = question->majority;
  uint64_t best = voters.count == 0 ? UINT64_MAX : 0;
  for (size_t i = 0; i < voters.count; i++) {
    uint64_t index = index_of(question, voters.ids[i]);
    size_t have = 0;
    for (size_t j = 0; j < voters.count; j++) {
      have += index_of(question, voters.ids[j]) >= index ? 1 : 0;
    }
    best = have > voters.count / 2 && index > best ? index : best;
  }
  return best;
}

/* A voter that is behind the result may as well be further behind: nothing changes. */
static void check_overlay(struct question *question, size_t voter, uint64_t lower, uint64_t result,
                          struct text *out) {
  uint64_t index = question->values[voter];
  question->values[voter] = lower;
  uint64_t overlaid = raft_majority_committed(question->majority, acked, question);
  question->values[voter] = index;
  if (overlaid != result) {
    print_index(overlaid, out);
    text_printf(out, " <-- overlaying %" PRIu64 "->%" PRIu64, question->voters[voter], lower);
  }
}

static void committed_by_majority(struct question *question, struct text *out) {
  raft_ids none = {NULL, 0};
  raft_ids voters = question->majority;
  uint64_t result = raft_majority_committed(voters, acked, question);
  check_index(committed_by_definition(question), result, "alternative computation", out);
  check_index(raft_joint_committed(voters, none, acked, question), result, "zero-joint quorum",
              out);
  check_index(raft_joint_committed(voters, voters, acked, question), result, "self-joint quorum",
              out);
  for (size_t i = 0; i < question->voter_count; i++) {
    if (question->values[i] > 0 && question->values[i] < result) {
      check_overlay(question, i, question->values[i] - 1, result, out);
      check_overlay(question, i, 0, result, out);
    }
  }
  print_index(result, out);
}

static void committed_by_both(struct question *question, struct text *out) {
  raft_ids one = question->majority;
  raft_ids other = question->second;
  uint64_t result = raft_joint_committed(one, other, acked, question);
  check_index(raft_joint_committed(other, one, acked, question), result, "symmetry", out);
  print_index(result, out);
}

static void run_committed(struct question *question, struct text *out) {
  print_bars(question, out);
  if (question->joint) {
    committed_by_both(question, out);
  } else {
    committed_by_majority(question, out);
  }
  text_puts(out, "\n");
}

/* --- vote ------------------------------------------------------------------------------------ */

static const char *vote_name(raft_vote_result result) {
  switch (result) {
  case RAFT_VOTE_PENDING: return "VotePending";
  case RAFT_VOTE_LOST: return "VoteLost";
  case RAFT_VOTE_WON: return "VoteWon";
  default: return "no result";
  }
}

static void run_vote(struct question *question, struct text *out) {
  raft_ids one = question->majority;
  raft_ids other = question->second;
  raft_vote_result result = RAFT_VOTE_PENDING;
  if (question->joint) {
    raft_vote_result swapped = raft_joint_vote(other, one, voted, question);
    result = raft_joint_vote(one, other, voted, question);
    if (swapped != result) {
      text_printf(out, "%s <-- via symmetry\n", vote_name(swapped));
    }
  } else {
    result = raft_majority_vote(one, voted, question);
  }
  text_printf(out, "%s\n", vote_name(result));
}

/* --- the kind -------------------------------------------------------------------------------- */

static int run_question(const struct directive *directive, struct question *question,
                        struct text *out) {
  bool votes = strcmp(directive->command, "vote") == 0;
  const struct argument *values = directive_find(directive, votes ? "votes" : "idx");
  if (!read_configurations(question, directive) ||
      !read_values(question, values, votes ? read_vote : read_index)) {
    text_puts(out, "ids are numbers, indexes are positive numbers or _, votes are y, n or _");
    return -1;
  }
  if (question->voter_count != question->value_count) {
    print_mismatch(question, out);
  } else if (votes) {
    run_vote(question, out);
  } else {
    run_committed(question, out);
  }
  return 0;
}

static int quorum_run(void *env, const struct directive *directive, struct text *out) {
  struct question question = {0};
  (void)env;
  if (strcmp(directive->command, "committed") != 0 && strcmp(directive->command, "vote") != 0) {
    text_puts(out, "unknown command");
    return 0;
  }
  int rc = run_question(directive, &question, out);
  question_free(&question);
  return rc;
}

/* Commands have nothing in common, so there is nothing to keep. */
static void *quorum_open(void) {
  static char nothing;
  return &nothing;
}

static void quorum_close(void *env) {
  (void)env;
}

const struct datadriven_kind quorum_kind = {"quorum", quorum_open, quorum_close, quorum_run};
